#include "import/read_behind.h"

#include <fstream>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::import {
namespace {

using Range = std::pair<uint64_t, uint64_t>;  // begin, end
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kMega = uint64_t{1} << 20;

// Notes what is given back.
class WatchedFile : public core::MappedFile {
 public:
  WatchedFile(std::unique_ptr<core::MappedFile> base, std::vector<Range>& released)
      : MappedFile(base->path(), base->info()), base_(std::move(base)), released_(released) {
    bytes_ = base_->bytes();
  }
  core::Status Check() const override { return base_->Check(); }
  void WillNeed(uint64_t, uint64_t) const override {}
  void Populate(uint64_t, uint64_t) const override {}
  void Release(uint64_t offset, uint64_t size) const override {
    released_.emplace_back(offset, offset + size);
    base_->Release(offset, size);
  }

 private:
  std::unique_ptr<core::MappedFile> base_;
  std::vector<Range>& released_;
};

class WatchedEnv : public testing::FaultEnv {
 public:
  WatchedEnv() : FaultEnv(core::Env::Posix()) {}
  core::Result<std::unique_ptr<core::MappedFile>> Map(const core::Path& path,
                                                      core::Access access) override {
    INGOT_ASSIGN(auto file, FaultEnv::Map(path, access));
    return std::unique_ptr<core::MappedFile>(
        std::make_unique<WatchedFile>(std::move(file), released));
  }

  std::vector<Range> released;
};

class ReadBehindTest : public ::testing::Test {
 protected:
  // A sparse file of one tensor that begins at its 100th byte.
  ReadBehindTest() {
    const core::Path path = dir_ / "m.safetensors";
    std::ofstream(path).close();
    std::filesystem::resize_file(path, 100 * kMega);
    inventory_.files.push_back({path, *env_.Stat(path)});
    inventory_.tensors.push_back({.name = "t",
                                  .dtype = tensor::DType::kU8,
                                  .shape = {},
                                  .file = 0,
                                  .offset = 100,
                                  .size = 99 * kMega});
    bytes_.emplace(env_, inventory_);
    EXPECT_TRUE(bytes_->Bytes(0).ok());
  }

  testing::TempDir dir_;
  WatchedEnv env_;
  Inventory inventory_;
  std::optional<SourceBytes> bytes_;
};

TEST_F(ReadBehindTest, GivesNeighboursBackTogether) {
  {
    ReadBehind behind(*bytes_);
    for (uint64_t i = 0; i < 3; ++i) behind.Done(0, i * kMega, kMega);
    EXPECT_THAT(env_.released, IsEmpty());
    behind.Done(0, 3 * kMega, kMega);
    EXPECT_THAT(env_.released, ElementsAre(Range(100, 4 * kMega + 100)));
    behind.Done(0, 4 * kMega, 1000);
  }
  EXPECT_THAT(env_.released,
              ElementsAre(Range(100, 4 * kMega + 100), Range(4 * kMega + 100, 4 * kMega + 1100)));
}

TEST_F(ReadBehindTest, BridgesWhatLiesBetweenExpertsAndNothingWider) {
  ReadBehind behind(*bytes_);
  for (const uint64_t at : {0, 3, 30, 33}) behind.Done(0, at * kMega, kMega / 2);
  behind.Flush();
  EXPECT_THAT(env_.released, ElementsAre(Range(100, 3 * kMega + kMega / 2 + 100),
                                         Range(30 * kMega + 100, 33 * kMega + kMega / 2 + 100)));
  behind.Flush();
  EXPECT_EQ(env_.released.size(), 2U);
}

}  // namespace
}  // namespace ingot::import
