// Files made to harm a reader, and files that are something else: each a clear error, at once, and
// without taking memory that the file has not paid for with bytes of its own.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tensor/file.h"
#include "tests/tensor/builders.h"
#include "tests/testing/temp_dir.h"

namespace ingot::tensor {
namespace {

using core::Code;
using core::Env;
using ingot::testing::TempDir;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

// A field of /proc/self/status, in KiB.
size_t StatusKib(std::string_view field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size() + 1));
  }
  ADD_FAILURE() << "no " << field << " in /proc/self/status";
  return 0;
}

// A sanitizer keeps notes about every byte, which count as the process's memory too.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kMemoryFactor = 4;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr size_t kMemoryFactor = 4;
#else
constexpr size_t kMemoryFactor = 1;
#endif
#else
constexpr size_t kMemoryFactor = 1;
#endif

// By how much the process's memory rose at its highest while function ran.
size_t PeakGrowthKib(const std::function<void()>& function) {
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts again from here
  const size_t before = StatusKib("VmRSS");
  function();
  const size_t peak = StatusKib("VmHWM");
  return peak > before ? peak - before : 0;
}

// A file of that length, all zeros behind the start, that takes no room on the disk.
void SpillSparse(const fs::path& path, std::string_view start, uint64_t size) {
  Spill(path, start);
  fs::resize_file(path, size);
}

struct Hostile {
  const char* what;
  std::function<void(const fs::path&)> make;
  Code code;
  const char* words;
  const char* hint = "";
};

void ExpectRefused(const Hostile& row) {
  SCOPED_TRACE(row.what);
  const TempDir dir;
  const fs::path path = dir / "model.safetensors";
  row.make(path);
  core::Status status;
  const size_t growth = PeakGrowthKib([&] {
    const auto file = SafetensorsFile::Open(Env::Posix(), path);
    status = file.status();
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), row.code) << status.message();
  EXPECT_THAT(std::string(status.message()), HasSubstr(row.words));
  EXPECT_THAT(std::string(status.message()), HasSubstr("model.safetensors"));
  EXPECT_THAT(std::string(status.hint()), HasSubstr(row.hint));
  EXPECT_LT(growth, kMemoryFactor * (64u << 10)) << "KiB";
}

TEST(HostileFile, IsRefusedForItsLengths) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  const Hostile rows[] = {
      {"4 GiB header in a small file",
       [](const auto& path) { Spill(path, LittleEndian64(4 * kGiB) + "{}"); }, Code::kCorrupt,
       "the header length is 4294967296; at most 100000000"},
      {"4 GiB header in a file that has them",
       [](const auto& path) { SpillSparse(path, LittleEndian64(4 * kGiB) + "{", 5 * kGiB); },
       Code::kCorrupt, "the header length is 4294967296; at most 100000000"},
      {"header length of all ones", [](const auto& path) { Spill(path, std::string(64, '\xFF')); },
       Code::kCorrupt, "the header length is 18446744073709551615"},
      {"header longer than the file",
       [](const auto& path) { Spill(path, LittleEndian64(99'000'000) + "{}"); }, Code::kCorrupt,
       "only 2 bytes follow: the file is cut short"},
      {"empty", [](const auto& path) { Spill(path, ""); }, Code::kCorrupt, "the file has 0 bytes"},
      {"seven bytes", [](const auto& path) { Spill(path, "1234567"); }, Code::kCorrupt,
       "the file has 7 bytes"},
      {"zeros", [](const auto& path) { SpillSparse(path, "", kGiB); }, Code::kCorrupt,
       "the header length is 0"},
      {"span past the end",
       [](const auto& path) {
         Spill(path, FileBytes("{" + U8Entry("w", 0, 2'000'000'000) + "}", "few"));
       },
       Code::kCorrupt, "tensor \"w\": data_offsets [0, 2000000000] end past the 3 bytes"},
      {"offset plus size wraps",
       [](const auto& path) {
         Spill(path, FileBytes(R"({"w":{"dtype":"U8","shape":[24],)"
                               R"("data_offsets":[18446744073709551600,8]}})",
                               "12345678"));
       },
       Code::kCorrupt, "tensor \"w\": data_offsets [18446744073709551600, 8]"},
      {"truncated data",
       [](const auto& path) {
         const std::string whole =
             FileBytes("{" + U8Entry("w", 0, 1000) + "}", std::string(1000, 'x'));
         Spill(path, whole.substr(0, whole.size() - 1));
       },
       Code::kCorrupt, "tensor \"w\": data_offsets [0, 1000] end past the 999 bytes"},
      {"more data than tensors",
       [](const auto& path) { Spill(path, OneTensorFile("w") + "hidden"); }, Code::kCorrupt,
       "6 bytes belong to no tensor"},
  };
  for (const Hostile& row : rows) ExpectRefused(row);
}

TEST(HostileFile, IsRefusedForItsHeader) {
  const Hostile rows[] = {
      {"100,000-deep JSON",
       [](const auto& path) {
         std::string json = "{\"w\":{\"shape\":";
         json += std::string(100'000, '[') + std::string(100'000, ']') + "}}";
         Spill(path, FileBytes(json));
       },
       Code::kCorrupt, "tensor \"w\": shape"},
      {"2^31 as a dimension",
       [](const auto& path) {
         Spill(path, FileBytes(R"({"w":{"dtype":"U8","shape":[0,2147483648],)"
                               R"("data_offsets":[0,0]}})"));
       },
       Code::kUnsupported, "dimension 1 of a shape is 2147483648"},
      {"a name of a megabyte",
       [](const auto& path) {
         Spill(path, FileBytes("{\"" + std::string(1 << 20, 'n') + "\":{}}"));
       },
       Code::kCorrupt, "the field dtype is missing"},
  };
  for (const Hostile& row : rows) ExpectRefused(row);
}

TEST(HostileFile, IsRefusedForBeingNoFile) {
  const Hostile rows[] = {
      {"FIFO", [](const auto& path) { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); },
       Code::kInvalidArgument, "expected a regular file, found a FIFO"},
      {"link to a FIFO",
       [](const auto& path) {
         ASSERT_EQ(mkfifo((path.parent_path() / "pipe").c_str(), 0600), 0);
         fs::create_symlink("pipe", path);
       },
       Code::kInvalidArgument, "expected a regular file, found a FIFO"},
      {"directory", [](const auto& path) { fs::create_directory(path); }, Code::kInvalidArgument,
       "expected a regular file, found a directory"},
      {"link to /dev/zero", [](const auto& path) { fs::create_symlink("/dev/zero", path); },
       Code::kInvalidArgument, "expected a regular file, found a device"},
      {"link to /dev/random", [](const auto& path) { fs::create_symlink("/dev/random", path); },
       Code::kInvalidArgument, "expected a regular file, found a device"},
      {"link to itself", [](const auto& path) { fs::create_symlink(path.filename(), path); },
       Code::kIo, "cannot open"},
      {"dangling link", [](const auto& path) { fs::create_symlink("nowhere", path); },
       Code::kNotFound, "cannot open"},
      {"nothing", [](const auto&) {}, Code::kNotFound, "cannot open"},
  };
  for (const Hostile& row : rows) ExpectRefused(row);
}

TEST(HostileFile, TheDevicesThemselvesAreRefused) {
  for (const char* device : {"/dev/zero", "/dev/random", "/dev/null"}) {
    const auto file = SafetensorsFile::Open(Env::Posix(), device);
    EXPECT_EQ(file.status().code(), Code::kInvalidArgument) << device;
    EXPECT_THAT(std::string(file.status().message()), HasSubstr("found a device"));
  }
}

TEST(HostileFile, ASocketIsRefused) {
  const TempDir dir;
  const fs::path path = dir / "model.safetensors";
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_GE(fd, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto file = SafetensorsFile::Open(Env::Posix(), path);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("found a socket"));
  close(fd);
}

TEST(HostileFile, AMistakeIsExplained) {
  const Hostile rows[] = {
      {"Git LFS pointer",
       [](const auto& path) {
         Spill(path, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n");
       },
       Code::kCorrupt, "the header length is", "git lfs pull"},
      {"web page", [](const auto& path) { Spill(path, "<!DOCTYPE html><title>404</title>"); },
       Code::kCorrupt, "the header length is", "web page"},
      {"GGUF", [](const auto& path) { Spill(path, std::string("GGUF\3\0\0\0\1\0\0\0", 12)); },
       Code::kCorrupt, "the header length is", "GGUF"},
      {"zip", [](const auto& path) { Spill(path, "PK\x03\x04zipzipzip"); }, Code::kCorrupt,
       "the header length is", "PyTorch or zip"},
  };
  for (const Hostile& row : rows) ExpectRefused(row);
}

// A header may have 100 MB, and then its text is read; nothing else may grow with it.
TEST(HostileFile, AHugeHeaderCostsItsOwnLengthAtMost) {
  const TempDir dir;
  const fs::path path = dir / "model.safetensors";
  SpillSparse(path, LittleEndian64(kMaxHeaderBytes) + "{\"w\":", kMaxHeaderBytes + kLengthBytes);
  core::Status status;
  const size_t growth =
      PeakGrowthKib([&] { status = SafetensorsFile::Open(Env::Posix(), path).status(); });
  EXPECT_THAT(std::string(status.message()), HasSubstr("tensor \"w\": JSON, byte 5"));
  EXPECT_LT(growth, kMemoryFactor * ((kMaxHeaderBytes >> 10) + (64u << 10))) << "KiB";
}

}  // namespace
}  // namespace ingot::tensor
