// Models stored as tens of thousands of files of one tensor each must load within a process's
// limits of descriptors (1,024) and of mappings (65,530). A smaller model under tighter limits by
// default; the full one with INGOT_SOAK=1.
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tensor/checkpoint.h"
#include "tensor/file.h"
#include "tests/tensor/builders.h"
#include "tests/testing/temp_dir.h"

namespace ingot::tensor {
namespace {

using core::Env;
using ingot::testing::TempDir;

bool Soak() { return std::getenv("INGOT_SOAK") != nullptr; }

size_t CountFiles() { return Soak() ? 46'000 : 600; }

size_t OpenDescriptors() {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    count += !entry.path().empty();
  }
  return count;
}

// Lowers the limit of open files for as long as it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t limit) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit lower = {std::min(limit, before_.rlim_max), before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &lower), 0);
  }
  ~DescriptorLimit() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  rlimit before_ = {};
};

std::string FileName(size_t i) { return "model-" + std::to_string(i) + ".safetensors"; }
std::string TensorName(size_t i) { return "experts." + std::to_string(i) + ".weight"; }

// A tensor whose bytes tell which one it is.
std::string FileOf(size_t i) {
  return FileBytes("{" + U8Entry(TensorName(i), 0, 8) + "}", LittleEndian64(i));
}

class ManyFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (size_t i = 0; i < CountFiles(); ++i) Spill(dir_ / FileName(i), FileOf(i));
  }

  // Opens every file, maps it and keeps it. Returns how many showed the right bytes.
  size_t OpenAll(std::vector<SafetensorsFile>& files) {
    size_t right = 0;
    for (size_t i = 0; i < CountFiles(); ++i) {
      auto file = SafetensorsFile::Open(Env::Posix(), dir_ / FileName(i));
      if (!file.ok()) {
        ADD_FAILURE() << file.status().message();
        return right;
      }
      files.push_back(*std::move(file));
      const auto view = files.back().View(TensorName(i));
      if (!view.ok()) {
        ADD_FAILURE() << view.status().message();
        return right;
      }
      right += AsText(view->bytes) == LittleEndian64(i);
    }
    return right;
  }

  TempDir dir_;
};

TEST_F(ManyFilesTest, LoadTogetherWithFewDescriptors) {
  const size_t before = OpenDescriptors();
  const DescriptorLimit limit(Soak() ? 1024 : before + 8);
  std::vector<SafetensorsFile> files;
  EXPECT_EQ(OpenAll(files), CountFiles());
  EXPECT_LE(OpenDescriptors(), before) << "a mapped file holds no descriptor";
}

// Twice the model, in the soak: more files than the kernel grants mappings.
TEST_F(ManyFilesTest, LoadTwiceOver) {
  std::vector<SafetensorsFile> files;
  EXPECT_EQ(OpenAll(files), CountFiles());
  EXPECT_EQ(OpenAll(files), CountFiles());
  for (size_t i = 0; i < files.size(); i += 97) {
    const auto view = files[i].View(size_t{0});
    ASSERT_TRUE(view.ok());
    ASSERT_EQ(AsText(view->bytes), LittleEndian64(i % CountFiles()));
    ASSERT_TRUE(files[i].Check().ok());
  }
}

TEST_F(ManyFilesTest, MakeOneCheckpoint) {
  const DescriptorLimit limit(Soak() ? 1024 : OpenDescriptors() + 8);
  const auto checkpoint = Checkpoint::Open(Env::Posix(), dir_.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  ASSERT_EQ(checkpoint->size(), CountFiles());
  for (size_t i = 0; i < CountFiles(); ++i) {
    const auto view = checkpoint->View(TensorName(i));
    ASSERT_TRUE(view.ok()) << view.status().message();
    ASSERT_EQ(AsText(view->bytes), LittleEndian64(i));
  }
}

}  // namespace
}  // namespace ingot::tensor
