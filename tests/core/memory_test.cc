#include "core/memory.h"

#include <fstream>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/testing/temp_dir.h"

namespace ingot::core {
namespace {

using ::ingot::testing::TempDir;

void Put(const Path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

constexpr std::string_view kMeminfo =
    "MemTotal:       24000000 kB\nMemFree:          100 kB\nMemAvailable:   20000000 kB\n";

TEST(MemoryTest, ReadsTheRealMachine) {
  const Result<MemoryInfo> info = ReadMemoryInfo(Env::Posix());
  ASSERT_TRUE(info.ok()) << info.status().message();
  EXPECT_GT(info->total, uint64_t{1} << 26);
  EXPECT_LE(info->available, info->total);
}

TEST(MemoryTest, WithoutALimitTheMachineCounts) {
  const TempDir dir;
  Put(dir / "proc/meminfo", kMeminfo);
  Put(dir / "sys/fs/cgroup/memory.max", "max\n");
  const Result<MemoryInfo> info = ReadMemoryInfo(Env::Posix(), dir.path());
  ASSERT_TRUE(info.ok()) << info.status().message();
  EXPECT_EQ(info->total, uint64_t{24000000} * 1024);
  EXPECT_EQ(info->available, uint64_t{20000000} * 1024);
}

TEST(MemoryTest, ACgroupLimitCutsBoth) {
  for (const auto& [limit, used] :
       {std::pair("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
        std::pair("sys/fs/cgroup/memory/memory.limit_in_bytes",
                  "sys/fs/cgroup/memory/memory.usage_in_bytes")}) {
    const TempDir dir;
    Put(dir / "proc/meminfo", kMeminfo);
    Put(dir / limit, "1000000\n");
    Put(dir / used, "400000\n");
    const Result<MemoryInfo> info = ReadMemoryInfo(Env::Posix(), dir.path());
    ASSERT_TRUE(info.ok());
    EXPECT_EQ(info->total, 1000000u);
    EXPECT_EQ(info->available, 600000u);
  }
}

TEST(MemoryTest, AnUnreadableMeminfoIsAnError) {
  const TempDir dir;
  Put(dir / "proc/meminfo", "MemTotal: lots\n");
  EXPECT_EQ(ReadMemoryInfo(Env::Posix(), dir.path()).status().code(), Code::kCorrupt);
  EXPECT_FALSE(ReadMemoryInfo(Env::Posix(), dir / "none").ok());
}

}  // namespace
}  // namespace ingot::core
