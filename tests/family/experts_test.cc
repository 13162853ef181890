#include "family/experts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "family/family.h"

namespace ingot::family {
namespace {

using ::testing::HasSubstr;

std::optional<ExpertName> Parse(std::string_view family, std::string_view name) {
  const Family* found = FindFamily(family);
  const auto parsed = ParseExpertName(found ? *found->experts : kUnknownExperts, name);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return parsed.ok() ? *parsed : std::nullopt;
}

struct Case {
  std::string_view family;
  std::string_view name;
  int expert;  // -1: a stack
  std::string_view suffix;
  std::string_view stored;  // with the projection of the source
  std::string_view asked;
};

TEST(Experts, TakesEveryFormOfNameApart) {
  const Case cases[] = {
      {"qwen3_moe", "model.layers.3.mlp.experts.17.gate_proj.weight", 17, ".weight",
       "model.layers.3.mlp.switch_mlp.gate_proj", "model.layers.3.mlp.experts.gate_proj.weight"},
      {"qwen3_5_moe", "model.language_model.layers.3.mlp.experts.gate_up_proj", -1, "",
       "model.language_model.layers.3.mlp.switch_mlp.gate_up_proj",
       "model.language_model.layers.3.mlp.experts.gate_up_proj.weight"},
      {"qwen3_5_moe", "language_model.model.layers.3.mlp.switch_mlp.up_proj.scales", -1, ".scales",
       "language_model.model.layers.3.mlp.switch_mlp.up_proj",
       "language_model.model.layers.3.mlp.experts.up_proj.weight"},
      {"qwen3_5_moe", "mtp.layers.0.mlp.experts.1.down_proj.weight_scale_inv", 1,
       ".weight_scale_inv", "mtp.layers.0.mlp.switch_mlp.down_proj",
       "mtp.layers.0.mlp.experts.down_proj.weight"},
      {"gemma4", "model.layers.0.experts.gate_up_proj", -1, "",
       "model.layers.0.moe.switch_mlp.gate_up_proj",
       "model.layers.0.moe.experts.gate_up_proj.weight"},
      {"gemma4", "language_model.model.layers.0.experts.switch_glu.down_proj.biases", -1, ".biases",
       "language_model.model.layers.0.moe.switch_mlp.down_proj",
       "language_model.model.layers.0.moe.experts.down_proj.weight"},
      {"gemma4", "model.layers.0.moe.gate_proj", -1, "", "model.layers.0.moe.switch_mlp.gate_proj",
       "model.layers.0.moe.experts.gate_proj.weight"},
      {"gemma4", "model.layers.0.moe.experts.5.up_proj.weight", 5, ".weight",
       "model.layers.0.moe.switch_mlp.up_proj", "model.layers.0.moe.experts.up_proj.weight"},
      {"gemma4", "model.layers.0.moe.switch_mlp.gate_up_proj.weight", -1, ".weight",
       "model.layers.0.moe.switch_mlp.gate_up_proj",
       "model.layers.0.moe.experts.gate_up_proj.weight"},
      {"nemotron_h", "backbone.layers.4.mixer.experts.0.up_proj.weight", 0, ".weight",
       "backbone.layers.4.mixer.experts.up_proj", "backbone.layers.4.mixer.experts.up_proj.weight"},
      {"nemotron_h", "backbone.layers.4.mixer.switch_mlp.fc2.weight", -1, ".weight",
       "backbone.layers.4.mixer.experts.down_proj",
       "backbone.layers.4.mixer.experts.down_proj.weight"},
      {"gpt_oss", "model.layers.0.mlp.experts.gate_up_proj_blocks", -1, "_blocks",
       "model.layers.0.mlp.switch_mlp.gate_up_proj",
       "model.layers.0.mlp.experts.gate_up_proj.weight"},
      {"gpt_oss", "model.layers.0.mlp.experts.down_proj_bias", -1, "_bias",
       "model.layers.0.mlp.switch_mlp.down_proj", "model.layers.0.mlp.experts.down_proj.weight"},
      // An architecture that nobody knows, and a projection of its own.
      {"NewMoe", "model.layers.0.mlp.experts.2.w1.weight", 2, ".weight",
       "model.layers.0.mlp.switch_mlp.w1", "model.layers.0.mlp.experts.w1.weight"},
      {"NewMoe", "layers.0.mlp.experts.2.down_proj.weight", 2, ".weight",
       "layers.0.mlp.switch_mlp.down_proj", "layers.0.mlp.experts.down_proj.weight"},
  };
  for (const Case& c : cases) {
    const auto parsed = Parse(c.family, c.name);
    ASSERT_TRUE(parsed) << c.name;
    EXPECT_EQ(parsed->expert ? static_cast<int>(*parsed->expert) : -1, c.expert) << c.name;
    EXPECT_EQ(parsed->suffix, c.suffix) << c.name;
    EXPECT_EQ(parsed->Stored(parsed->projection), c.stored) << c.name;
    EXPECT_EQ(parsed->Asked(parsed->projection), c.asked) << c.name;
  }
}

TEST(Experts, LeavesEverythingElseAlone) {
  EXPECT_FALSE(Parse("laguna", "model.layers.1.mlp.experts.e_score_correction_bias"));
  EXPECT_FALSE(Parse("glm4_moe_lite", "model.layers.1.mlp.shared_experts.down_proj.weight"));
  EXPECT_FALSE(Parse("qwen3_5_moe", "model.layers.1.mlp.shared_expert.down_proj.weight"));
  EXPECT_FALSE(Parse("qwen3_moe", "model.layers.1.mlp.down_proj.weight"));
  EXPECT_FALSE(Parse("gemma4", "model.layers.1.moe.per_expert_scale"));
  EXPECT_FALSE(Parse("gemma4", "model.layers.1.moe.down_projector.weight"));
  EXPECT_FALSE(Parse("qwen3_moe", "model.blocks.1.mlp.experts.0.down_proj.weight"));
  EXPECT_FALSE(Parse("qwen3_moe", "model.xlayers.1.mlp.experts.0.down_proj.weight"));
}

TEST(Experts, NamesTheGroupThatSharesABlob) {
  EXPECT_EQ(Parse("gemma4", "model.layers.0.experts.down_proj")->Group(),
            "model.layers.0.moe.switch_mlp");
}

TEST(Experts, RefusesWhatLooksLikeAnExpertAndIsNone) {
  const auto error = [](std::string_view name) {
    const auto parsed = ParseExpertName(kMlpExperts, name);
    EXPECT_FALSE(parsed.ok()) << name;
    return std::string(parsed.status().message());
  };
  EXPECT_THAT(error("model.layers.0.mlp.experts.3"), HasSubstr("names no projection"));
  EXPECT_THAT(error("model.layers.0.mlp.experts.3."), HasSubstr("names no projection"));
  EXPECT_THAT(error("model.layers.0.mlp.experts.3x.down_proj.weight"),
              HasSubstr("has the index \"3x\", expected a number"));
  EXPECT_THAT(error("model.layers.0.mlp.experts.007.down_proj.weight"), HasSubstr("\"007\""));
  EXPECT_THAT(error("model.layers.0.mlp.experts.99999999999999999999.down_proj.weight"),
              HasSubstr("from 0 to 65535"));
}

}  // namespace
}  // namespace ingot::family
