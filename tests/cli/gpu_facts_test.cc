#include "cli/gpu_facts.h"

#include <gtest/gtest.h>

namespace ingot::cli {
namespace {

TEST(GpuFactsTest, ReadsTheVersionInWhatTheDriverSays) {
  EXPECT_EQ(NvidiaVersion("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.54.03  Tue Jun  6\n"
                          "GCC version:  gcc version 12.2.0\n"),
            "535.54.03");
  EXPECT_EQ(NvidiaVersion("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  "
                          "Release Build\n"),
            "580.65.06");
}

TEST(GpuFactsTest, FindsNoneWhereNoneIs) {
  EXPECT_EQ(NvidiaVersion(""), std::nullopt);
  EXPECT_EQ(NvidiaVersion("NVRM version: unknown\nGCC version 12.2.0"), std::nullopt);
}

}  // namespace
}  // namespace ingot::cli
