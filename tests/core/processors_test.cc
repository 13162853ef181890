#include "core/processors.h"

#include <sched.h>

#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/testing/temp_dir.h"

namespace ingot::core {
namespace {

// A root directory with just the kernel's files that matter.
class FakeRoot {
 public:
  FakeRoot& Write(const std::string& path, const std::string& text) {
    const auto full = dir_.path() / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
    return *this;
  }
  FakeRoot& Unified(const std::string& group, const std::string& mount_group = "/") {
    Write("proc/self/cgroup", "0::" + group + "\n");
    return Write("proc/self/mountinfo",
                 "22 1 0:20 / /proc rw - proc proc rw\n"
                 "30 1 0:26 " +
                     mount_group +
                     " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  std::optional<double> Limit() const { return CgroupProcessors(dir_.path()); }

 private:
  testing::TempDir dir_;
};

TEST(ProcessorsTest, NoControlGroupsMeansNoLimit) { EXPECT_EQ(FakeRoot().Limit(), std::nullopt); }

TEST(ProcessorsTest, Version2QuotaOfTheOwnGroup) {
  FakeRoot root;
  root.Unified("/user/app").Write("sys/fs/cgroup/user/app/cpu.max", "150000 100000\n");
  EXPECT_EQ(root.Limit(), 1.5);
}

TEST(ProcessorsTest, TheTightestGroupOnTheWayUpCounts) {
  FakeRoot root;
  root.Unified("/a/b/c")
      .Write("sys/fs/cgroup/a/cpu.max", "200000 100000\n")
      .Write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n")
      .Write("sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n");
  EXPECT_EQ(root.Limit(), 2.0);
}

TEST(ProcessorsTest, MaxIsNoLimit) {
  FakeRoot root;
  root.Unified("/a").Write("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  EXPECT_EQ(root.Limit(), std::nullopt);
}

TEST(ProcessorsTest, AContainersMountShowsItsGroupAsTheRoot) {
  FakeRoot root;
  root.Unified("/docker/1234", "/docker/1234").Write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(root.Limit(), 0.5);
}

TEST(ProcessorsTest, AGroupOutsideTheMountIsTakenForItsRoot) {
  FakeRoot root;
  root.Unified("/../elsewhere").Write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  EXPECT_EQ(root.Limit(), 3.0);
}

TEST(ProcessorsTest, Version1QuotaBesideOtherControllers) {
  FakeRoot root;
  root.Write("proc/self/cgroup", "4:memory:/box\n3:cpu,cpuacct:/box/inner\n0::/\n")
      .Write("proc/self/mountinfo",
             "32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
             "33 31 0:30 / /sys/fs/cgroup/cpu\\040acct rw - cgroup cgroup rw,cpu,cpuacct\n"
             "38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
      .Write("sys/fs/cgroup/cpu acct/cpu.cfs_quota_us", "-1\n")
      .Write("sys/fs/cgroup/cpu acct/cpu.cfs_period_us", "100000\n")
      .Write("sys/fs/cgroup/cpu acct/box/inner/cpu.cfs_quota_us", "250000\n")
      .Write("sys/fs/cgroup/cpu acct/box/inner/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.Limit(), 2.5);
}

TEST(ProcessorsTest, DamagedFilesAreNoLimit) {
  for (const char* text : {"", "x y", "100000", "0 100000", "100000 0", "-5 100000", "1 2 3"}) {
    FakeRoot root;
    root.Unified("/a").Write("sys/fs/cgroup/a/cpu.max", text);
    EXPECT_EQ(root.Limit(), std::nullopt) << text;
  }
  FakeRoot root;
  root.Write("proc/self/cgroup", "nonsense\n0:\n").Write("proc/self/mountinfo", "- - -\n1 2 - x\n");
  EXPECT_EQ(root.Limit(), std::nullopt);
}

TEST(ProcessorsTest, PartsOfAProcessorCountAsAWhole) {
  EXPECT_EQ(UsableProcessors(8, std::nullopt), 8);
  EXPECT_EQ(UsableProcessors(8, 2.5), 3);
  EXPECT_EQ(UsableProcessors(8, 0.1), 1);
  EXPECT_EQ(UsableProcessors(2, 64.0), 2);
  EXPECT_EQ(UsableProcessors(0, std::nullopt), 1);
}

TEST(ProcessorsTest, TheAffinityMaskOfTheCallingThreadCounts) {
  int processors = 0;
  std::thread([&] {
    cpu_set_t all;
    ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    int first = 0;
    while (!CPU_ISSET(first, &all)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    processors = AffinityProcessors();
  }).join();
  EXPECT_EQ(processors, 1);
}

}  // namespace
}  // namespace ingot::core
