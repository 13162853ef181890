#include "store/model_config.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As the original's importer writes it.
constexpr std::string_view kReal =
    R"({"model_format":"safetensors","model_family":"","model_families":null,"model_type":"",)"
    R"("file_type":"","renderer":"qwen3.5","parser":"qwen3.5","requires":"0.19.0",)"
    R"("capabilities":["completion","vision","tools","thinking"],"architecture":"","os":""})";

TEST(ModelConfig, ReadsAndWritesTheOriginalsBytes) {
  const auto config = ParseModelConfig(kReal);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->model_format, "safetensors");
  EXPECT_EQ(config->requires_version, "0.19.0");
  EXPECT_THAT(config->capabilities, ElementsAre("completion", "vision", "tools", "thinking"));
  EXPECT_FALSE(config->model_families.has_value());
  EXPECT_EQ(EncodeModelConfig(*config), kReal);
}

TEST(ModelConfig, EveryFieldSurvives) {
  ModelConfig config;
  config.model_format = "safetensors";
  config.model_family = "qwen3_5";
  config.model_families = {{"a", "b"}};
  config.model_type = "4B";
  config.file_type = "nvfp4";
  config.renderer = "r<>";
  config.parser = "p";
  config.requires_version = "0.20.0";
  config.remote_host = "h";
  config.remote_model = "m";
  config.capabilities = {"completion"};
  config.context_length = 262144;
  config.embedding_length = 2560;
  config.base_name = "base";
  config.draft = DraftConfig{"safetensors", "DFlashDraftModel", "draft.", "draft/config.json"};
  config.architecture = "amd64";
  config.os = "linux";
  config.extra = {{"rootfs", R"({"type":"layers","diff_ids":null})"}, {"x", "1.50"}};
  const std::string text = EncodeModelConfig(config);
  const auto back = ParseModelConfig(text);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(*back, config);
  EXPECT_THAT(text,
              HasSubstr(R"("embedding_length":2560,"base_name":"base","draft":{"model_format")"
                        R"(:"safetensors","architecture":"DFlashDraftModel","tensor_prefix":)"
                        R"("draft.","config":"draft/config.json"},"architecture":"amd64")"));
  EXPECT_THAT(text,
              HasSubstr(R"("os":"linux","rootfs":{"type":"layers","diff_ids":null},"x":1.50})"));
}

TEST(ModelConfig, AcceptsWhatIsMissingOrNull) {
  const auto config = ParseModelConfig(
      "{\"capabilities\":null,\"draft\":null,\"model_families\":[],\"renderer\":null}\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_TRUE(config->capabilities.empty());
  EXPECT_FALSE(config->draft.has_value());
  ASSERT_TRUE(config->model_families.has_value());
  EXPECT_TRUE(config->model_families->empty());
}

TEST(ModelConfig, NamesTheFieldThatIsWrong) {
  const auto error = [](std::string_view text) {
    const auto config = ParseModelConfig(text);
    EXPECT_FALSE(config.ok()) << text;
    return std::string(config.status().message());
  };
  EXPECT_THAT(error(R"({"renderer":3})"), HasSubstr("renderer: "));
  EXPECT_THAT(error(R"({"context_length":-1})"), HasSubstr("context_length: "));
  EXPECT_THAT(error(R"({"capabilities":["a",1]})"), HasSubstr("capabilities: "));
  EXPECT_THAT(error(R"({"draft":{"architecture":[]}})"), HasSubstr("draft: architecture: "));
  EXPECT_THAT(error(R"({"os":"a","os":"b"})"), HasSubstr("appears twice"));
  EXPECT_THAT(error(R"({"OS":"b"})"), HasSubstr("spelled unlike"));
  EXPECT_THAT(error("[]"), HasSubstr("an object"));
  EXPECT_THAT(error("{} {}"), HasSubstr("byte"));
}

}  // namespace
}  // namespace ingot::store
