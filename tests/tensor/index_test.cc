#include "tensor/index.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::tensor {
namespace {

using core::Code;
using testing::ElementsAre;
using testing::HasSubstr;

std::string MessageOf(std::string_view json) {
  const auto index = ParseShardIndex(json);
  return index.ok() ? "accepted" : std::string(index.status().message());
}

TEST(ShardIndex, ListsShardsAndTensorsSorted) {
  const auto index = ParseShardIndex(
      R"({"metadata":{"total_size":12,"deep":[{"a":null}]},)"
      R"("weight_map":{"b":"m-2.safetensors","c":"m-1.safetensors","a":"m-2.safetensors"}})");
  ASSERT_TRUE(index.ok()) << index.status().message();
  EXPECT_THAT(index->shards, ElementsAre("m-1.safetensors", "m-2.safetensors"));
  ASSERT_EQ(index->tensors.size(), 3u);
  const std::pair<std::string, uint32_t> expected[] = {{"a", 1}, {"b", 1}, {"c", 0}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(index->tensors[i].tensor, expected[i].first);
    EXPECT_EQ(index->tensors[i].shard, expected[i].second) << expected[i].first;
  }
}

TEST(ShardIndex, IsEmptyWithoutAWeightMap) {
  for (const char* json : {"{}", R"({"metadata":{}})", R"({"weight_map":{}})",
                           R"({"weight_map":null,"metadata":1})"}) {
    const auto index = ParseShardIndex(json);
    ASSERT_TRUE(index.ok()) << json << ": " << index.status().message();
    EXPECT_TRUE(index->empty()) << json;
  }
}

TEST(ShardIndex, RefusesShardsThatAreNotBareSafetensorsNames) {
  const std::pair<const char*, const char*> rows[] = {
      {"../model.safetensors", "path separator"},
      {"/etc/model.safetensors", "path separator"},
      {"sub/model.safetensors", "path separator"},
      {"..\\\\model.safetensors", "path separator"},
      {"C:model.safetensors", "names a drive"},
      {"model.bin", "does not end in .safetensors"},
      {"model.safetensors.bin", "does not end in .safetensors"},
      {"model.SAFETENSORS", "does not end in .safetensors"},
      {"", "does not end in .safetensors"},
      {"..", "does not end in .safetensors"},
      {".safetensors", "after a name"},
      {"a\\u0000.safetensors", "NUL"},
  };
  for (const auto& [shard, words] : rows) {
    const std::string message =
        MessageOf(std::string(R"({"weight_map":{"layer.w":")") + shard + "\"}}");
    EXPECT_THAT(message, HasSubstr("weight_map: tensor \"layer.w\"")) << shard;
    EXPECT_THAT(message, HasSubstr(words)) << shard;
  }
  EXPECT_THAT(MessageOf(R"({"weight_map":{"w":")" + std::string(250, 'x') + ".safetensors\"}}"),
              HasSubstr("longer than 255 bytes"));
}

TEST(ShardIndex, RefusesWhatIsNotAnIndex) {
  const std::pair<std::string, const char*> rows[] = {
      {"", "expected an object"},
      {"[]", "expected an object, found an array"},
      {"{} x", "after the end"},
      {R"({"weight_map":[]})", "weight_map: "},
      {R"({"weight_map":{"a":1}})", "tensor \"a\": JSON, byte 19: expected a string"},
      {R"({"weight_map":{"a":null}})", "expected a string, found null"},
      {R"({"weight_map":{"a":{"b":"m.safetensors"}}})", "expected a string, found an object"},
      {R"({"weight_map":{},"weight_map":{}})", "duplicate key \"weight_map\""},
      {R"({"weight_map":{"a":"m.safetensors","a":"n.safetensors"}})",
       "tensor \"a\" is listed twice, in "},
      {R"({"weight_map":{"a":"m.safetensors")", "end of the text"},
      {R"({"metadata":)" + std::string(100'000, '['), "nested deeper"},
      {"{\"weight_map\":{\"\xFF\":\"m.safetensors\"}}", "UTF-8"},
  };
  for (const auto& [json, words] : rows) {
    EXPECT_THAT(MessageOf(json), HasSubstr(words)) << json.substr(0, 100);
  }
}

TEST(ShardIndex, BoundsTheNumberOfShards) {
  std::string json = R"({"weight_map":{)";
  for (size_t i = 0; i <= kMaxShards; ++i) {
    const std::string number = std::to_string(i);
    json += (i ? ",\"" : "\"") + number + "\":\"" + number + ".safetensors\"";
  }
  const auto index = ParseShardIndex(json + "}}");
  ASSERT_FALSE(index.ok());
  EXPECT_EQ(index.status().code(), Code::kExhausted);
  EXPECT_THAT(std::string(index.status().message()), HasSubstr("more than 65536 shards"));
}

}  // namespace
}  // namespace ingot::tensor
