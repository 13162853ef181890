#include "tensor/file.h"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tensor/builders.h"
#include "tests/testing/temp_dir.h"

namespace ingot::tensor {
namespace {

using core::Code;
using core::Env;
using ingot::testing::TempDir;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string MessageOf(const core::Status& status) { return std::string(status.message()); }

std::string TwoTensorFile() {
  return FileBytes("{" + U8Entry("a", 0, 3) + "," + U8Entry("b", 3, 2) + "}", "abcde");
}

class SafetensorsFileTest : public ::testing::Test {
 protected:
  SafetensorsFile Open(std::string_view bytes) {
    Spill(path_, bytes);
    auto file = SafetensorsFile::Open(Env::Posix(), path_);
    EXPECT_TRUE(file.ok()) << file.status().message();
    return *std::move(file);
  }

  TempDir dir_;
  fs::path path_ = dir_ / "weights.safetensors";
};

TEST_F(SafetensorsFileTest, ShowsTensorsWhereTheyLie) {
  const SafetensorsFile file = Open(TwoTensorFile());
  const auto b = file.View("b");
  ASSERT_TRUE(b.ok()) << b.status().message();
  EXPECT_EQ(b->name, "b");
  EXPECT_EQ(b->dtype, DType::kU8);
  EXPECT_EQ(b->shape, (Shape{2}));
  EXPECT_EQ(AsText(b->bytes), "de");
  EXPECT_EQ(AsText(file.View(0)->bytes), "abc");
  EXPECT_TRUE(file.Check().ok());
  EXPECT_TRUE(file.CheckUnchanged().ok());
}

TEST_F(SafetensorsFileTest, NamesTheFileWhenATensorIsNotThere) {
  const SafetensorsFile file = Open(TwoTensorFile());
  const auto missing = file.View("c");
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_THAT(MessageOf(missing.status()), HasSubstr(path_.string() + ": holds no tensor \"c\""));
  EXPECT_EQ(file.View(2).status().code(), Code::kInvalidArgument);
}

TEST_F(SafetensorsFileTest, ShowsTensorsWithoutElements) {
  const SafetensorsFile file = Open(FileBytes(
      "{" + U8Entry("a", 0, 0) + "," + U8Entry("b", 0, 1) + "," + U8Entry("c", 1, 0) + "}", "x"));
  EXPECT_TRUE(file.View("a")->bytes.empty());
  EXPECT_TRUE(file.View("c")->bytes.empty());
  EXPECT_EQ(AsText(file.View("b")->bytes), "x");
}

TEST_F(SafetensorsFileTest, FollowsLinksToRegularFiles) {
  Spill(dir_ / "blob", TwoTensorFile());
  fs::create_symlink("blob", path_);
  const auto file = SafetensorsFile::Open(Env::Posix(), path_);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(AsText(file->View("a")->bytes), "abc");
}

TEST_F(SafetensorsFileTest, KeepsViewsGoodWhileSomebodyKeepsTheMapping) {
  const SafetensorsFile file = Open(TwoTensorFile());
  const auto view = file.View("a");
  auto mapping = file.Mapping();
  ASSERT_TRUE(view.ok() && mapping.ok());
  file.Unmap();
  EXPECT_EQ(AsText(view->bytes), "abc");
  EXPECT_EQ(AsText(file.View("b")->bytes), "de") << "maps again when asked again";
}

TEST_F(SafetensorsFileTest, TakesAdviceWithAndWithoutAMapping) {
  const SafetensorsFile file = Open(TwoTensorFile());
  file.WillNeed(0);
  ASSERT_TRUE(file.View(0).ok());
  file.WillNeed(0);
  file.Release(0);
  file.Release(99);
  EXPECT_EQ(AsText(file.View(0)->bytes), "abc");
}

TEST_F(SafetensorsFileTest, ServesManyThreads) {
  const SafetensorsFile file = Open(TwoTensorFile());
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const auto view = file.View(static_cast<size_t>(t % 2));
      if (view.ok() && AsText(view->bytes) == (t % 2 == 0 ? "abc" : "de")) ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8);
}

TEST_F(SafetensorsFileTest, NoticesAFileThatShrinksWhileMapped) {
  const size_t pages = 64 * 4096;
  const std::string bytes = FileBytes("{" + U8Entry("a", 0, pages) + "}", std::string(pages, 'x'));
  const SafetensorsFile file = Open(bytes);
  const auto view = file.View("a");
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->bytes.back(), std::byte{'x'});
  fs::resize_file(path_, 4096);
  EXPECT_EQ(view->bytes.back(), std::byte{0}) << "missing pages read as zeros";
  const core::Status status = file.Check();
  EXPECT_EQ(status.code(), Code::kCorrupt);
  EXPECT_THAT(MessageOf(status), HasSubstr(path_.string()));
  EXPECT_THAT(MessageOf(status), HasSubstr("4096 bytes"));
}

TEST_F(SafetensorsFileTest, NoticesAFileThatShrinksBeforeItIsMapped) {
  const SafetensorsFile file = Open(TwoTensorFile());
  fs::resize_file(path_, 20);
  const auto view = file.View("a");
  EXPECT_EQ(view.status().code(), Code::kCorrupt);
  EXPECT_THAT(MessageOf(view.status()), HasSubstr("to 20 bytes after its header was read"));
}

TEST_F(SafetensorsFileTest, NoticesAFileThatIsReplacedBeforeItIsMapped) {
  const SafetensorsFile file = Open(TwoTensorFile());
  Spill(dir_ / "other", TwoTensorFile());
  fs::rename(dir_ / "other", path_);
  EXPECT_THAT(MessageOf(file.View("a").status()), HasSubstr("replaced by another file"));
}

TEST_F(SafetensorsFileTest, NoticesAFileThatIsRewrittenInPlace) {
  const SafetensorsFile file = Open(TwoTensorFile());
  ASSERT_TRUE(file.View("a").ok());
  fs::last_write_time(path_, fs::last_write_time(path_) + std::chrono::hours(1));
  EXPECT_TRUE(file.Check().ok()) << "touching a blob is no harm";
  EXPECT_EQ(file.CheckUnchanged().code(), Code::kCorrupt);
}

// A file that says it is longer than what can be read of it, as one does that shrinks meanwhile.
class ShrinkingFile : public core::ReadFile {
 public:
  explicit ShrinkingFile(std::string bytes) : ReadFile("shrinking"), bytes_(std::move(bytes)) {}
  core::Status ReadAt(uint64_t offset, std::span<std::byte> out) const override {
    const std::string_view kept = std::string_view(bytes_).substr(0, bytes_.size() / 2);
    if (offset + out.size() > kept.size()) return core::Corrupt("shrinking: ends early");
    std::copy_n(core::AsBytes(kept).begin() + static_cast<ptrdiff_t>(offset), out.size(),
                out.begin());
    return core::Status::Ok();
  }
  core::Result<core::FileInfo> Info() const override {
    core::FileInfo info;
    info.kind = core::FileKind::kRegular;
    info.size = bytes_.size();
    return info;
  }
  void DropCache(uint64_t, uint64_t) const override {}

 private:
  std::string bytes_;
};

TEST(ReadHeader, NoticesAFileThatShrinksMeanwhile) {
  const auto header = ReadHeader(ShrinkingFile(TwoTensorFile()));
  EXPECT_EQ(header.status().code(), Code::kCorrupt);
  EXPECT_THAT(MessageOf(header.status()), HasSubstr("ends early"));
}

TEST(ReadHeader, NamesTheFileAndTheTensor) {
  const TempDir dir;
  Spill(dir / "x.safetensors", FileBytes("{" + U8Entry("a", 0, 9) + "}", "short"));
  const auto file = SafetensorsFile::Open(Env::Posix(), dir / "x.safetensors");
  EXPECT_THAT(MessageOf(file.status()),
              HasSubstr((dir / "x.safetensors").string() + ": tensor \"a\": data_offsets [0, 9]"));
}

}  // namespace
}  // namespace ingot::tensor
