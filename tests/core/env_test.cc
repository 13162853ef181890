#include "core/env.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/map_guard.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::core {
namespace {

using ::ingot::testing::FaultEnv;
using ::ingot::testing::FaultMode;
using ::ingot::testing::TempDir;
using ::testing::AnyOf;
using ::testing::HasSubstr;

void Put(const Path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
}
std::string Get(const Path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(EnvTest, ReadsWholeSpansOrSaysWhereTheFileEnds) {
  const TempDir dir;
  Put(dir / "f", "0123456789");
  const auto file = Env::Posix().OpenRead(dir / "f");
  ASSERT_TRUE(file.ok()) << file.status().message();
  std::string out(4, ' ');
  EXPECT_TRUE((*file)->ReadAt(6, std::as_writable_bytes(std::span(out))).ok());
  EXPECT_EQ(out, "6789");
  const Status cut = (*file)->ReadAt(8, std::as_writable_bytes(std::span(out)));
  EXPECT_EQ(cut.code(), Code::kCorrupt);
  EXPECT_THAT(std::string(cut.message()), HasSubstr("ends at byte 10, expected 2 bytes more"));
  EXPECT_EQ((*file)->ReadAt(~uint64_t{0}, std::as_writable_bytes(std::span(out))).code(),
            Code::kInvalidArgument);
}

TEST(EnvTest, OnlyRegularFilesAreOpenedAndNoneIsWaitedFor) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", dir / "zero");
  Put(dir / "f", "x");
  std::filesystem::create_symlink(dir / "f", dir / "link");
  const auto message = [&](std::string_view name) {
    const Status read = Env::Posix().OpenRead(dir / name).status();
    const Status map = Env::Posix().Map(dir / name).status();
    EXPECT_EQ(read.code(), map.code());
    return std::string(read.message());
  };
  EXPECT_THAT(message("fifo"), HasSubstr("expected a regular file, found a FIFO"));
  EXPECT_THAT(message("zero"), HasSubstr("found a device"));
  EXPECT_THAT(message(""), HasSubstr("found a directory"));
  EXPECT_THAT(message("none"), HasSubstr("No such file"));
  EXPECT_EQ(message("link"), "") << "a link to a regular file is fine";
}

TEST(EnvTest, MapsFilesIncludingEmptyOnes) {
  const TempDir dir;
  Put(dir / "empty", "");
  Put(dir / "f", "hello");
  const auto empty = Env::Posix().Map(dir / "empty");
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE((*empty)->bytes().empty());
  const auto file = Env::Posix().Map(dir / "f");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(Text((*file)->bytes()), "hello");
  EXPECT_TRUE((*file)->Check().ok());
  (*file)->WillNeed(0, 5);
  (*file)->Populate(0, 5);
  (*file)->Populate(3, 500);  // beyond the end: nothing is done
  (*file)->Release(0, 5);
  EXPECT_EQ(Text((*file)->bytes()), "hello");
}

TEST(EnvTest, AMappedFileThatIsCutReadsAsZerosAndSaysSo) {
  const TempDir dir;
  const std::string page(4096, 'x');
  Put(dir / "f", page + page + page);
  const auto file = Env::Posix().Map(dir / "f");
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(truncate((dir / "f").c_str(), 4096), 0);
  (*file)->Populate(0, 3 * 4096);
  const std::string seen = Text((*file)->bytes());  // touches all three pages
  EXPECT_EQ(seen, page + std::string(8192, '\0'));
  EXPECT_EQ((*file)->Check().code(), Code::kCorrupt);
  // Grown back to its length the bytes are still not the ones that were there.
  ASSERT_EQ(truncate((dir / "f").c_str(), 3 * 4096), 0);
  EXPECT_THAT(std::string((*file)->Check().message()), HasSubstr("could not be read"));
}

TEST(EnvTest, AMappedFileOutlivesItsName) {
  const TempDir dir;
  Put(dir / "f", "hello");
  const auto file = Env::Posix().Map(dir / "f");
  ASSERT_TRUE(file.ok());
  Put(dir / "g", "another");
  std::filesystem::rename(dir / "g", dir / "f");
  EXPECT_EQ(Text((*file)->bytes()), "hello");
  EXPECT_TRUE((*file)->Check().ok());
}

TEST(EnvTest, ABusErrorElsewhereStillEndsTheProcess) {
  const TempDir dir;
  Put(dir / "f", "x");
  const auto guarded = Env::Posix().Map(dir / "f");  // the handler is in place
  ASSERT_TRUE(guarded.ok());
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    close(STDERR_FILENO);  // a sanitizer's report of the death we want
    raise(SIGBUS);
    raise(SIGBUS);  // the first only took our handler away, as no instruction repeats it
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(EnvTest, ManyMapsNeedNoDescriptors) {
  const TempDir dir;
  Put(dir / "f", "hello");
  const size_t before = GuardedMappings();
  rlimit old = {};
  getrlimit(RLIMIT_NOFILE, &old);
  const rlimit low = {64, old.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  std::vector<std::unique_ptr<MappedFile>> maps;
  for (int i = 0; i < 2000; ++i) {
    auto map = Env::Posix().Map(dir / "f");
    ASSERT_TRUE(map.ok()) << map.status().message();
    maps.push_back(*std::move(map));
  }
  setrlimit(RLIMIT_NOFILE, &old);
  EXPECT_EQ(GuardedMappings(), before + 2000);
  maps.clear();
  EXPECT_EQ(GuardedMappings(), before);
}

TEST(EnvTest, CreateNewNeverOverwrites) {
  const TempDir dir;
  Put(dir / "f", "old");
  EXPECT_EQ(Env::Posix().CreateNew(dir / "f").status().code(), Code::kAlreadyExists);
  std::filesystem::create_symlink(dir / "elsewhere", dir / "link");
  EXPECT_EQ(Env::Posix().CreateNew(dir / "link").status().code(), Code::kAlreadyExists);
  EXPECT_FALSE(std::filesystem::exists(dir / "elsewhere"));
  EXPECT_EQ(Get(dir / "f"), "old");
}

TEST(EnvTest, AppendAndWriteAtKeepTheirPlaces) {
  const TempDir dir;
  {
    const auto file = Env::Posix().CreateNew(dir / "f");
    ASSERT_TRUE(file.ok());
    EXPECT_TRUE((*file)->Allocate(1000).ok());
    EXPECT_TRUE((*file)->Append(AsBytes("abc")).ok());
    EXPECT_TRUE((*file)->WriteAt(1, AsBytes("X")).ok());
    EXPECT_TRUE((*file)->Append(AsBytes("def")).ok());
    EXPECT_TRUE((*file)->Sync().ok());
    EXPECT_TRUE((*file)->Close().ok());
    EXPECT_EQ((*file)->Append(AsBytes("g")).code(), Code::kInternal);
  }
  EXPECT_EQ(Get(dir / "f"), "aXcdef") << "reserved blocks do not lengthen the file";
  const auto again = Env::Posix().OpenWrite(dir / "f");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE((*again)->Append(AsBytes("!")).ok());
  EXPECT_EQ(Get(dir / "f"), "aXcdef!");
}

TEST(EnvTest, DevicesAreNotWrittenToAndImpossibleReservationsRefused) {
  EXPECT_EQ(Env::Posix().OpenWrite("/dev/full").status().code(), Code::kInvalidArgument);
  const TempDir dir;
  const auto file = Env::Posix().CreateNew(dir / "f");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->Allocate(~uint64_t{0}).code(), Code::kInvalidArgument);
  const Status huge = (*file)->Allocate(uint64_t{1} << 60);
  EXPECT_THAT(huge.code(), AnyOf(Code::kNoSpace, Code::kIo, Code::kOk));
}

TEST(EnvTest, RenameNoReplaceKeepsBoth) {
  const TempDir dir;
  Put(dir / "a", "A");
  Put(dir / "b", "B");
  EXPECT_EQ(Env::Posix().RenameNoReplace(dir / "a", dir / "b").code(), Code::kAlreadyExists);
  EXPECT_EQ(Get(dir / "a") + Get(dir / "b"), "AB");
  EXPECT_TRUE(Env::Posix().RenameNoReplace(dir / "a", dir / "c").ok());
  EXPECT_EQ(Get(dir / "c"), "A");
}

TEST(EnvTest, ListIsSortedAndDoesNotFollowLinks) {
  const TempDir dir;
  Put(dir / "b", "");
  Put(dir / "a", "");
  std::filesystem::create_directory(dir / "d");
  std::filesystem::create_symlink(dir / "a", dir / "c");
  const auto list = Env::Posix().List(dir.path());
  ASSERT_TRUE(list.ok());
  std::string names;
  for (const DirEntry& entry : *list) names += entry.name;
  EXPECT_EQ(names, "abcd");
  EXPECT_EQ((*list)[2].kind, FileKind::kSymlink);
  EXPECT_EQ((*list)[3].kind, FileKind::kDirectory);
}

TEST(EnvTest, FreeSpaceOfAPathThatIsNotThereYet) {
  const TempDir dir;
  const auto space = Env::Posix().FreeSpace(dir / "not/yet/there");
  ASSERT_TRUE(space.ok()) << space.status().message();
  EXPECT_GT(space->total, 0u);
}

TEST(EnvTest, LocksExcludeWithinAProcessToo) {
  const TempDir dir;
  Env& env = Env::Posix();
  {
    const auto reader = env.Lock(dir / "lock", LockMode::kShared, false);
    const auto other = env.Lock(dir / "lock", LockMode::kShared, false);
    EXPECT_TRUE(reader.ok() && other.ok());
    EXPECT_EQ(env.Lock(dir / "lock", LockMode::kExclusive, false).status().code(), Code::kBusy);
  }
  auto writer = env.Lock(dir / "lock", LockMode::kExclusive, false);
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(env.Lock(dir / "lock", LockMode::kShared, false).status().code(), Code::kBusy);
  std::thread waiter([&] { EXPECT_TRUE(env.Lock(dir / "lock", LockMode::kShared, true).ok()); });
  writer->reset();
  waiter.join();
}

TEST(EnvTest, CheckUnchangedSeesRewritingReplacingAndCutting) {
  const TempDir dir;
  Env& env = Env::Posix();
  const Path path = dir / "f";
  const auto changed = [&](auto change) {
    Put(path, "12345");
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    const FileInfo before = *env.Stat(path);
    EXPECT_TRUE(CheckUnchanged(env, path, before).ok());
    change();
    return std::string(CheckUnchanged(env, path, before).message());
  };
  EXPECT_THAT(changed([&] { Put(path, "54321"); }), HasSubstr("written to"));
  EXPECT_THAT(changed([&] { Put(path, "1234"); }), HasSubstr("from 5 to 4 bytes"));
  EXPECT_THAT(changed([&] {
                Put(dir / "g", "12345");
                std::filesystem::rename(dir / "g", path);
              }),
              HasSubstr("replaced"));
  EXPECT_THAT(changed([&] { std::filesystem::remove(path); }), HasSubstr("No such file"));
}

TEST(EnvTest, ReadSmallFileHasALimit) {
  const TempDir dir;
  Put(dir / "f", "12345");
  EXPECT_EQ(*ReadSmallFile(Env::Posix(), dir / "f", 5), "12345");
  EXPECT_EQ(ReadSmallFile(Env::Posix(), dir / "f", 4).status().code(), Code::kExhausted);
}

TEST(WriteFileAtomicTest, AFailureAtAnyStepLeavesTheOldFile) {
  const TempDir dir;
  FaultEnv env(Env::Posix());
  ASSERT_TRUE(WriteFileAtomic(env, dir / "f", "old content").ok());
  const size_t steps = env.operations();
  EXPECT_GE(steps, 6u) << "create, append, sync, close, rename, sync of the directory";
  for (const FaultMode mode : {FaultMode::kOnce, FaultMode::kFromThenOn}) {
    for (size_t step = 0; step < steps; ++step) {
      Put(dir / "f", "old content");
      env.FailAt(step, Status(Code::kNoSpace, "disk full"), mode);
      const Status status = WriteFileAtomic(env, dir / "f", "new content");
      EXPECT_TRUE(env.fault_happened());
      EXPECT_EQ(status.code(), Code::kNoSpace) << step;
      env.Heal();
      env.DropUnsynced();
      // Only after the rename may it be the new one, and never anything else.
      EXPECT_THAT(Get(dir / "f"), AnyOf("old content", "new content")) << step;
      if (step + 1 < steps) {
        EXPECT_EQ(Get(dir / "f"), "old content") << step;
      }
      EXPECT_TRUE(WriteFileAtomic(env, dir / "f", "again").ok());
      EXPECT_EQ(Get(dir / "f"), "again");
    }
  }
}

}  // namespace
}  // namespace ingot::core
