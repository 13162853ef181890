#include "cli/gpu_facts.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/testing/temp_dir.h"

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

// A folder of its own with files in it, and CUDA_HOME as a test wants it.
class CudaHeadersTest : public ::testing::Test {
 protected:
  CudaHeadersTest() {
    unsetenv("CUDA_PATH");
    unsetenv("CUDA_HOME");
  }
  ~CudaHeadersTest() override { unsetenv("CUDA_HOME"); }

  void Put(const std::string& file) const {
    const core::Path path = folder_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "// a header\n";
  }
  core::Path Libmlx() const { return folder_.path() / "packages/mlx/lib/libmlx.so"; }
  core::Path At(const char* place) const { return folder_.path() / place; }

  ingot::testing::TempDir folder_;
};

TEST_F(CudaHeadersTest, AreFirstLookedForAmongThePackagesOfLibmlx) {
  Put("packages/nvidia/cu13/include/cuda_fp16.h");
  Put("toolkit/include/cuda_fp16.h");
  setenv("CUDA_HOME", At("toolkit").c_str(), 1);
  EXPECT_EQ(CudaHeaders(core::Env::Posix(), Libmlx()), At("packages/nvidia/cu13/include"));
}

TEST_F(CudaHeadersTest, AreThenWhereTheEnvironmentSays) {
  Put("toolkit/include/cuda_fp16.h");
  setenv("CUDA_HOME", At("toolkit").c_str(), 1);
  EXPECT_EQ(CudaHeaders(core::Env::Posix(), Libmlx()), At("toolkit/include"));
}

TEST_F(CudaHeadersTest, AreNotThereBecauseAVariableSaysSo) {
  setenv("CUDA_HOME", At("nowhere").c_str(), 1);
  EXPECT_EQ(CudaHeaders(core::Env::Posix(), Libmlx()), std::nullopt);
}

}  // namespace
}  // namespace ingot::cli
