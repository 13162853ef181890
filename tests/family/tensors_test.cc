#include "family/tensors.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "family/family.h"

namespace ingot::family {
namespace {

using ::testing::ElementsAre;

Role RoleOf(std::string_view architecture, std::string_view name) {
  const Family* family = FindFamily(architecture);
  const auto match = MatchTensor(family->tensors, name);
  return match ? family->tensors[match->row].role : Role::kOther;
}

TEST(Tensors, KnowsRolesInEveryContainer) {
  EXPECT_EQ(RoleOf("qwen3_5", "model.language_model.embed_tokens.weight"), Role::kEmbedding);
  EXPECT_EQ(RoleOf("qwen3_5", "language_model.model.embed_tokens.weight"), Role::kEmbedding);
  EXPECT_EQ(RoleOf("qwen3_5", "language_model.lm_head.weight"), Role::kHead);
  EXPECT_EQ(RoleOf("qwen3_5", "model.layers.31.linear_attn.A_log"), Role::kRecurrent);
  EXPECT_EQ(RoleOf("qwen3_5", "model.layers.3.mlp.switch_mlp.up_proj.weight"), Role::kExperts);
  EXPECT_EQ(RoleOf("qwen3_5", "model.layers.3.mlp.gate.weight"), Role::kRouter);
  EXPECT_EQ(RoleOf("qwen3_5", "model.visual.blocks.0.norm1.weight"), Role::kVision);
  EXPECT_EQ(RoleOf("qwen3_5", "mtp.layers.0.mlp.gate.weight"), Role::kDraftHead);
  EXPECT_EQ(RoleOf("gemma4", "model.layers.0.router.scale"), Role::kRouter);
  EXPECT_EQ(RoleOf("nemotron_h", "backbone.layers.0.mixer.out_proj.weight"), Role::kRecurrent);
  EXPECT_EQ(RoleOf("bert", "bert.encoder.layer.0.attention.self.key.weight"), Role::kAttention);
  EXPECT_EQ(RoleOf("llama", "something.else"), Role::kOther);
}

TEST(Tensors, MatchesWholeNamesAndReadsTheirNumber) {
  constexpr TensorRow kRows[] = {{"layers.{}.a.weight"}, {"layers.{}.b.{}"}, {"c.*"}};
  EXPECT_EQ(MatchTensor(kRows, "model.layers.12.a.weight")->number, 12U);
  EXPECT_EQ(MatchTensor(kRows, "layers.3.b.5")->number, 3U);
  EXPECT_EQ(MatchTensor(kRows, "c.d")->row, 2U);
  EXPECT_FALSE(MatchTensor(kRows, "c."));
  EXPECT_FALSE(MatchTensor(kRows, "layers.x.a.weight"));
  EXPECT_FALSE(MatchTensor(kRows, "layers.3.a.weights"));
  EXPECT_FALSE(MatchTensor(kRows, "layers.3.a"));
  EXPECT_FALSE(MatchTensor(kRows, "layers.99999999999.a.weight"));
}

TEST(Tensors, NamesWhatAModelLacks) {
  constexpr TensorRow kRows[] = {
      {"norm.weight", Role::kNorm, Need::kModel},
      {"extra.weight"},
      {"layers.{}.q.weight", Role::kAttention, Need::kEveryLayer},
      {"layers.{}.dense.weight", Role::kMlp, Need::kEveryLayer, 1},
      {"layers.{}.experts.weight", Role::kExperts, Need::kEveryLayer, 1},
  };
  const std::string_view complete[] = {"model.norm.weight", "model.layers.0.q.weight",
                                       "model.layers.1.q.weight", "model.layers.0.dense.weight",
                                       "model.layers.1.experts.weight"};
  EXPECT_EQ(FindMissing(kRows, complete, 2, 10).count, 0U);
  const Missing missing = FindMissing(kRows, complete, 4, 3);
  EXPECT_EQ(missing.count, 4U);
  EXPECT_THAT(missing.names,
              ElementsAre("layers.2.q.weight", "layers.3.q.weight", "layers.2.dense.weight"));
  EXPECT_THAT(FindMissing(kRows, {}, 0, 10).names, ElementsAre("norm.weight"));
}

TEST(Tensors, RowsThatStandForEachOtherAreNeededAlike) {
  for (const Family* family : AllFamilies()) {
    for (const TensorRow& row : family->tensors) {
      if (row.either == 0) continue;
      for (const TensorRow& other : family->tensors) {
        if (other.either != row.either) continue;
        EXPECT_EQ(other.need, row.need) << family->id << " " << other.pattern;
      }
    }
  }
}

TEST(Family, IsFoundByArchitectureOrModelType) {
  EXPECT_EQ(FindFamily("Qwen3NextForCausalLM")->id, "qwen3_5");
  EXPECT_EQ(FindFamily("gemma4_unified_text")->id, "gemma4");
  EXPECT_EQ(FindFamily("GptOssForCausalLM")->id, "gpt_oss");
  EXPECT_EQ(FindFamily("DeepseekV3ForCausalLM"), nullptr);
  EXPECT_EQ(FindFamily(""), nullptr);
}

TEST(Family, NoTwoAnswerToTheSameName) {
  std::vector<std::string_view> names;
  for (const Family* family : AllFamilies()) {
    names.insert(names.end(), family->architectures.begin(), family->architectures.end());
    names.insert(names.end(), family->model_types.begin(), family->model_types.end());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(Family, KnowsWhatACastWouldSpoil) {
  EXPECT_TRUE(MustStayFloat32("model.layers.0.linear_attn.A_log"));
  EXPECT_TRUE(MustStayFloat32("model.layers.0.linear_attn.dt_bias"));
  EXPECT_TRUE(MustStayFloat32("model.layers.0.mlp.gate.e_score_correction_bias"));
  EXPECT_FALSE(MustStayFloat32("model.layers.0.input_layernorm.weight"));
}

}  // namespace
}  // namespace ingot::family
