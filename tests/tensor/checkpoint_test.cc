#include "tensor/checkpoint.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tensor/index.h"
#include "tests/tensor/builders.h"
#include "tests/testing/temp_dir.h"

namespace ingot::tensor {
namespace {

using core::Code;
using core::Env;
using ingot::testing::TempDir;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class CheckpointTest : public ::testing::Test {
 protected:
  void Add(std::string_view name, std::string_view bytes) { Spill(dir_ / name, bytes); }
  void AddIndex(std::string_view weight_map) {
    Add("model.safetensors.index.json",
        R"({"metadata":{"total_size":4},"weight_map":)" + std::string(weight_map) + "}");
  }
  core::Result<Checkpoint> Open() { return Checkpoint::Open(Env::Posix(), dir_.path()); }
  std::vector<std::string> Names() {
    const auto checkpoint = Open();
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    std::vector<std::string> names;
    for (size_t i = 0; checkpoint.ok() && i < checkpoint->size(); ++i) {
      names.emplace_back((*checkpoint)[i].name);
    }
    return names;
  }
  std::string Refusal(Code code = Code::kCorrupt) {
    const auto checkpoint = Open();
    EXPECT_EQ(checkpoint.status().code(), code);
    const std::string message(checkpoint.status().message());
    EXPECT_THAT(message, HasSubstr(dir_.path().string()));
    return message;
  }

  TempDir dir_;
};

TEST_F(CheckpointTest, ReadsOneFile) {
  Add("model.safetensors",
      FileBytes("{" + U8Entry("b", 0, 1) + "," + U8Entry("a", 1, 2) + "}", "xyz"));
  Add("config.json", "{}");
  const auto checkpoint = Open();
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  ASSERT_EQ(checkpoint->size(), 2u);
  EXPECT_EQ((*checkpoint)[0].name, "a") << "in bytewise order";
  EXPECT_EQ(AsText(checkpoint->View(0)->bytes), "yz");
  EXPECT_EQ(AsText(checkpoint->View("b")->bytes), "x");
  EXPECT_EQ(checkpoint->IndexOf("b"), 1u);
  EXPECT_EQ(checkpoint->IndexOf("c"), std::nullopt);
  EXPECT_EQ(checkpoint->View("c").status().code(), Code::kNotFound);
  EXPECT_EQ(checkpoint->View(2).status().code(), Code::kInvalidArgument);
  EXPECT_TRUE(checkpoint->CheckUnchanged().ok());
}

TEST_F(CheckpointTest, GathersShardsWithoutAnIndex) {
  Add("model-00002-of-00002.safetensors", OneTensorFile("a"));
  Add("model-00001-of-00002.safetensors", OneTensorFile("b"));
  Add("consolidated.safetensors", OneTensorFile("ignored"));
  Add("model.safetensors.bak", "ignored");
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
}

TEST_F(CheckpointTest, ReadsWhatTheIndexNamesAndNothingElse) {
  Add("one.safetensors", FileBytes("{" + U8Entry("a", 0, 1) + "," + U8Entry("x", 1, 1) + "," +
                                       U8Entry("b", 2, 1) + "," + U8Entry("z", 3, 1) + "}",
                                   "axbz"));
  Add("two.safetensors", OneTensorFile("c"));
  Add("model.safetensors", "not read, so it may be anything");
  AddIndex(R"({"c":"two.safetensors","a":"one.safetensors","b":"one.safetensors"})");
  EXPECT_THAT(Names(), ElementsAre("a", "b", "c"));
  const auto checkpoint = Open();
  EXPECT_THAT(checkpoint->unindexed(), ElementsAre("x", "z"));
  EXPECT_EQ(checkpoint->FileOf(2).path().filename(), "two.safetensors");
  EXPECT_EQ(checkpoint->FileOf(0).header().name(checkpoint->IndexInFile(0)), "a");
  EXPECT_EQ(AsText(checkpoint->View("b")->bytes), "b");
}

TEST_F(CheckpointTest, LooksForFilesWhenTheIndexIsEmpty) {
  Add("model.safetensors", OneTensorFile("a"));
  for (const char* json : {"{}", R"({"weight_map":{}})"}) {
    Add("model.safetensors.index.json", json);
    EXPECT_THAT(Names(), ElementsAre("a"));
  }
}

TEST_F(CheckpointTest, FollowsLinksAsInAHubCache) {
  fs::create_directories(dir_ / "blobs");
  Add("blobs/0123", OneTensorFile("a"));
  Add("blobs/4567", R"({"weight_map":{"a":"model-1.safetensors"}})");
  const fs::path snapshot = dir_ / "snapshots/abc";
  fs::create_directories(snapshot);
  fs::create_symlink("../../blobs/0123", snapshot / "model-1.safetensors");
  fs::create_symlink("../../blobs/4567", snapshot / "model.safetensors.index.json");
  const auto checkpoint = Checkpoint::Open(Env::Posix(), snapshot);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(AsText(checkpoint->View("a")->bytes), "ab");
}

TEST_F(CheckpointTest, RefusesAFolderWithoutWeights) {
  EXPECT_THAT(Refusal(Code::kNotFound), HasSubstr("no model weights"));
  Add("consolidated.safetensors", OneTensorFile("a"));
  const core::Status status = Open().status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_THAT(std::string(status.hint()), HasSubstr("\"consolidated.safetensors\""));
}

TEST_F(CheckpointTest, RefusesAFolderThatIsNone) {
  const auto missing = Checkpoint::Open(Env::Posix(), dir_ / "nowhere");
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("nowhere"));
  Add("file", "");
  EXPECT_FALSE(Checkpoint::Open(Env::Posix(), dir_ / "file").ok());
}

TEST_F(CheckpointTest, RefusesFilesWithoutTensors) {
  Add("model.safetensors", FileBytes("{}"));
  EXPECT_THAT(Refusal(Code::kNotFound), HasSubstr("hold no tensor"));
}

TEST_F(CheckpointTest, RefusesTheWholeModelBesideShards) {
  Add("model.safetensors", OneTensorFile("a"));
  Add("model-00001-of-00001.safetensors", OneTensorFile("b"));
  EXPECT_THAT(Refusal(), HasSubstr("ambiguous weights: both \"model.safetensors\" and "
                                   "\"model-00001-of-00001.safetensors\""));
}

TEST_F(CheckpointTest, RefusesATensorInTwoFiles) {
  Add("model-1.safetensors", OneTensorFile("a"));
  Add("model-2.safetensors", OneTensorFile("a"));
  EXPECT_THAT(Refusal(), HasSubstr("duplicate tensor \"a\" in \"model-1.safetensors\" and "
                                   "\"model-2.safetensors\""));
  AddIndex(R"({"a":"model-1.safetensors"})");
  EXPECT_THAT(Names(), ElementsAre("a")) << "the index leaves the second file out";
  Add("model-3.safetensors", OneTensorFile("c"));
  Add("model-2.safetensors",
      FileBytes("{" + U8Entry("a", 0, 1) + "," + U8Entry("b", 1, 1) + "}", "ab"));
  AddIndex(R"({"a":"model-1.safetensors","b":"model-2.safetensors"})");
  EXPECT_THAT(Refusal(), HasSubstr("duplicate tensor \"a\""));
}

TEST_F(CheckpointTest, RefusesMissingShardsAndSaysWhich) {
  Add("m1.safetensors", OneTensorFile("a"));
  fs::create_symlink("gone", dir_ / "m3.safetensors");
  AddIndex(R"({"a":"m1.safetensors","b":"m2.safetensors","c":"m3.safetensors"})");
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("shard \"m2.safetensors\" is missing"),
                               HasSubstr("shard \"m3.safetensors\" is a link to a file that is "
                                         "not there"),
                               Not(HasSubstr("m1.safetensors"))));
  EXPECT_THAT(std::string(Open().status().hint()), HasSubstr("partly downloaded"));
}

TEST_F(CheckpointTest, RefusesATensorThatIsNotWhereTheIndexSays) {
  Add("m1.safetensors", OneTensorFile("a"));
  Add("m2.safetensors", OneTensorFile("b"));
  AddIndex(R"({"a":"m2.safetensors","b":"m2.safetensors","c":"m1.safetensors"})");
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("tensor \"a\" is in \"m1.safetensors\", but the index says "
                              "\"m2.safetensors\""),
                    HasSubstr("tensor \"c\" is not in \"m1.safetensors\", where the index says"),
                    Not(HasSubstr("tensor \"b\""))));
}

TEST_F(CheckpointTest, SaysHowManyProblemsThereAreBeyondTheFirst) {
  std::string map = "{";
  for (int i = 0; i < 100; ++i) {
    map += (i ? ",\"t" : "\"t") + std::to_string(i) + "\":\"m.safetensors\"";
  }
  AddIndex(map + "}");
  Add("m.safetensors", OneTensorFile("a"));
  const std::string message = Refusal();
  EXPECT_THAT(message, HasSubstr("; and 95 more"));
  EXPECT_LT(message.size(), 1000u);
}

TEST_F(CheckpointTest, RefusesAnIndexThatLeadsOutOfTheFolder) {
  const fs::path inner = dir_ / "inner";
  fs::create_directory(inner);
  Add("secret.safetensors", OneTensorFile("a"));
  const std::vector<std::string> shards = {"../secret.safetensors", "..\\\\secret.safetensors",
                                           (dir_ / "secret.safetensors").string(), "secret.bin"};
  for (const std::string& shard : shards) {
    Spill(inner / "model.safetensors.index.json", R"({"weight_map":{"a":")" + shard + "\"}}");
    const auto checkpoint = Checkpoint::Open(Env::Posix(), inner);
    EXPECT_EQ(checkpoint.status().code(), Code::kCorrupt) << shard;
    EXPECT_THAT(std::string(checkpoint.status().message()),
                AllOf(HasSubstr("model.safetensors.index.json: weight_map: tensor \"a\""),
                      HasSubstr("cannot be a shard")));
  }
}

TEST_F(CheckpointTest, RefusesAnIndexThatCannotBeRead) {
  Add("model.safetensors", OneTensorFile("a"));
  Add("model.safetensors.index.json", "{");
  EXPECT_THAT(Refusal(), HasSubstr("model.safetensors.index.json: JSON, byte 1"));
  fs::remove(dir_ / "model.safetensors.index.json");
  fs::create_symlink("gone", dir_ / "model.safetensors.index.json");
  EXPECT_THAT(Refusal(Code::kNotFound), HasSubstr("model.safetensors.index.json"));
  fs::remove(dir_ / "model.safetensors.index.json");
  fs::create_directory(dir_ / "model.safetensors.index.json");
  EXPECT_THAT(Refusal(Code::kInvalidArgument), HasSubstr("found a directory"));
}

TEST_F(CheckpointTest, RefusesAnIndexLargerThanItsLimit) {
  Add("model.safetensors.index.json", "{");
  fs::resize_file(dir_ / "model.safetensors.index.json", kMaxIndexBytes + 1);
  EXPECT_THAT(Refusal(Code::kExhausted), HasSubstr("over the limit of 100000000"));
}

TEST_F(CheckpointTest, RefusesShardsThatAreNoFiles) {
  ASSERT_EQ(mkfifo((dir_ / "model.safetensors").c_str(), 0600), 0);
  EXPECT_THAT(Refusal(Code::kInvalidArgument), HasSubstr("found a FIFO"));
  fs::remove(dir_ / "model.safetensors");
  fs::create_symlink("/dev/zero", dir_ / "model.safetensors");
  EXPECT_THAT(Refusal(Code::kInvalidArgument), HasSubstr("found a device"));
}

TEST_F(CheckpointTest, NamesTheShardWithABadHeaderOnce) {
  Add("model.safetensors", OneTensorFile("a").substr(0, 60));
  const std::string message = Refusal();
  EXPECT_THAT(message, HasSubstr("model.safetensors: "));
  EXPECT_EQ(message.find(dir_.path().string()), message.rfind(dir_.path().string())) << message;
}

TEST_F(CheckpointTest, NoticesAShardThatChanges) {
  Add("model.safetensors", OneTensorFile("a"));
  const auto checkpoint = Open();
  ASSERT_TRUE(checkpoint.ok());
  fs::last_write_time(dir_ / "model.safetensors",
                      fs::last_write_time(dir_ / "model.safetensors") + std::chrono::hours(1));
  EXPECT_EQ(checkpoint->CheckUnchanged().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace ingot::tensor
