#include "family/chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::family {
namespace {

using ::testing::ElementsAre;

core::Json Config(std::string_view text) { return *core::ParseJson(text); }

ChatSupport Of(std::string_view architecture, const ChatTemplates& templates = {}) {
  core::Json config;
  config["architectures"] = {std::string(architecture)};
  return DetectChatSupport(config, templates);
}

struct Case {
  std::string_view architecture;
  std::string_view parser;
  std::string_view renderer;
};

TEST(Chat, KnowsTheParserAndRendererOfEveryFamily) {
  const Case cases[] = {
      {"MuseGlimmerForConditionalGeneration", "glimmer", "glimmer"},
      {"LagunaForCausalLM", "laguna", "laguna"},
      {"Cohere2MoeForCausalLM", "cohere", "cohere"},
      {"Glm4MoeLiteForCausalLM", "glm-4.7", "glm-4.7"},
      {"DeepseekV3ForCausalLM", "deepseek3", "deepseek3"},
      {"Gemma4ForConditionalGeneration", "gemma4", "gemma4"},
      {"Qwen3_5MoeForConditionalGeneration", "qwen3.5", "qwen3.5"},
      {"Qwen3NextForCausalLM", "qwen3.5", "qwen3.5"},
      {"Qwen3ForCausalLM", "qwen3", "qwen3-coder"},
      {"Qwen3MoeForCausalLM", "qwen3", "qwen3-coder"},
      {"NemotronHForCausalLM", "nemotron-3-nano", "nemotron-3-nano"},
      {"NemotronH_Nano_Omni_Reasoning_V3", "nemotron-3-nano", "nemotron-3-nano"},
      {"LlamaForCausalLM", "", ""},
      {"Gemma3ForCausalLM", "", ""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Of(c.architecture).parser, c.parser) << c.architecture;
    EXPECT_EQ(Of(c.architecture).renderer, c.renderer) << c.architecture;
  }
}

TEST(Chat, TriesModelTypesBehindArchitectures) {
  EXPECT_EQ(DetectChatSupport(Config(R"({"model_type": "glm4_moe_lite"})"), {}).parser, "glm-4.7");
  EXPECT_EQ(
      DetectChatSupport(
          Config(R"({"architectures": ["X"], "llm_config": {"model_type": "nemotron_h"}})"), {})
          .parser,
      "nemotron-3-nano");
  EXPECT_THAT(DetectChatSupport(Config("[]"), {}).capabilities, ElementsAre("completion"));
}

TEST(Chat, TellsNewerTemplatesByTheirMarks) {
  const ChatTemplates poolside{.tokenizer_config = "old", .file = "laguna_glm_thinking_v8"};
  EXPECT_EQ(Of("LagunaForCausalLM", poolside).parser, "poolside-v1");
  EXPECT_EQ(Of("LagunaForCausalLM", poolside).renderer, "poolside-v1");
  const ChatTemplates nemotron{.tokenizer_config = "old", .file = "x{reasoning effort: efficient}"};
  EXPECT_EQ(Of("NemotronHForCausalLM", nemotron).parser, "nemotron-3.5-nano");

  constexpr std::string_view kBoth = "resolved_reasoning_effort preserve_thinking";
  EXPECT_EQ(Of("Qwen3_5ForCausalLM", {.tokenizer_config = kBoth}).renderer, "qwen3.8");
  EXPECT_EQ(Of("Qwen3_5ForCausalLM", {.file = kBoth}).renderer, "qwen3.8");
  EXPECT_EQ(Of("Qwen3_5ForCausalLM", {.file = kBoth}).parser, "qwen3.5");
  // Only the template in use counts, and it needs both marks.
  EXPECT_EQ(Of("Qwen3_5ForCausalLM", {.tokenizer_config = "x", .file = kBoth}).renderer, "qwen3.5");
  EXPECT_EQ(Of("Qwen3_5ForCausalLM", {.file = "preserve_thinking"}).renderer, "qwen3.5");
}

TEST(Chat, ListsCapabilitiesInOrder) {
  EXPECT_THAT(DetectChatSupport(Config(R"({"architectures": ["Qwen3_5ForConditionalGeneration"],
                                           "vision_config": {}, "audio_config": {}})"),
                                {})
                  .capabilities,
              ElementsAre("completion", "vision", "audio", "tools", "thinking"));
  EXPECT_THAT(DetectChatSupport(Config(R"({"architectures": ["L"], "has_vision": true,
                                           "sound_config": {}, "vision_config": null})"),
                                {})
                  .capabilities,
              ElementsAre("completion", "vision", "audio"));
  EXPECT_THAT(DetectChatSupport(Config(R"({"architectures": ["L"], "vision_config": null})"), {})
                  .capabilities,
              ElementsAre("completion"));
}

TEST(Chat, RecognisesThinkingByTheTemplate) {
  const auto capabilities = [](std::string_view text) {
    return Of("LlamaForCausalLM", {.file = text}).capabilities;
  };
  EXPECT_THAT(capabilities("<think> … </think>"), ElementsAre("completion", "thinking"));
  EXPECT_THAT(capabilities("content.split('</think>')[-1]"), ElementsAre("completion", "thinking"));
  EXPECT_THAT(capabilities("content.split(\"</think>\") reasoning_content"),
              ElementsAre("completion"));
  EXPECT_THAT(capabilities("content.split(\"</think>\") <SPECIAL_12>"), ElementsAre("completion"));
  EXPECT_THAT(capabilities("<think>"), ElementsAre("completion"));
  // qwen3 thinks in some models only; its coder not at all.
  EXPECT_THAT(Of("Qwen3ForCausalLM").capabilities, ElementsAre("completion", "tools"));
  EXPECT_THAT(Of("Qwen3ForCausalLM", {.file = "<think></think>"}).capabilities,
              ElementsAre("completion", "tools", "thinking"));
}

TEST(Chat, APersonsChoiceComesFirst) {
  const core::Json config = Config(R"({"architectures": ["Qwen3ForCausalLM"]})");
  const ChatSupport support =
      DetectChatSupport(config, {.file = "<think></think>"}, "gemma4", "qwen3-coder");
  EXPECT_EQ(support.renderer, "gemma4");
  EXPECT_EQ(support.parser, "qwen3-coder");
  EXPECT_THAT(support.capabilities, ElementsAre("completion", "tools"));
}

TEST(Chat, LeavesAnUnknownParserToTheTemplate) {
  EXPECT_EQ(AbilitiesOf("something"), (ParserAbilities{false, Thinking::kIfTemplate}));
  EXPECT_EQ(AbilitiesOf("glm-4.7"), (ParserAbilities{true, Thinking::kAlways}));
}

}  // namespace
}  // namespace ingot::family
