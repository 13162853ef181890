#include "import/plan.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/import/source_builder.h"

namespace ingot::import {
namespace {

using core::StrCat;
using family::Precision;
using tensor::DType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kMoe =
    R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 4, "num_hidden_layers": 1})";
constexpr std::string_view kLlama = R"({"architectures": ["LlamaForCausalLM"]})";

Recipe Ask(Precision precision) {
  Recipe recipe;
  recipe.requested = precision;
  return recipe;
}

// gate and up [I, H], down [H, I] of each expert.
void AddExperts(SourceBuilder& builder, std::string_view layer, uint64_t experts, uint64_t hidden,
                uint64_t inner, DType dtype = DType::kBF16) {
  for (uint64_t e = 0; e < experts; ++e) {
    const std::string prefix = StrCat(layer, ".mlp.experts.", e, ".");
    builder.Add(prefix + "gate_proj.weight", dtype, {inner, hidden});
    builder.Add(prefix + "up_proj.weight", dtype, {inner, hidden});
    builder.Add(prefix + "down_proj.weight", dtype, {hidden, inner});
  }
}

TEST(RequestedType, IsReadAsPeopleWriteIt) {
  EXPECT_EQ(*ParseRequestedType(" NVFP4 "), Precision::kNvfp4);
  EXPECT_EQ(*ParseRequestedType("q4"), Precision::kInt4);
  EXPECT_EQ(*ParseRequestedType("FP4"), Precision::kInt4);
  EXPECT_EQ(*ParseRequestedType("Q8"), Precision::kInt8);
  EXPECT_EQ(*ParseRequestedType("fp8"), Precision::kInt8);
  EXPECT_EQ(*ParseRequestedType(" "), Precision::kSource);
  EXPECT_EQ(ParseRequestedType("q5_k_m").status().message(),
            "no type to import to is called \"q5_k_m\"; there are int4, int8, nvfp4, mxfp4, mxfp8");
  EXPECT_FALSE(ParseRequestedType("int5").ok());  // exists, but is not imported to
}

// Two tables say how large a group is: what rules are asked about, and what is written.
TEST(RequestedType, MeansTheSameToRulesAndToTheQuantizer) {
  for (size_t i = 1; i < family::kPrecisionCount; ++i) {
    const auto precision = static_cast<Precision>(i);
    const quant::Format format = *quant::ParseType(family::NameOf(precision));
    EXPECT_EQ(format.group_size, family::GroupSize(precision));
    EXPECT_EQ(format.bits, family::BitsOf(precision));
    EXPECT_EQ(quant::TypeName(quant::EightBitFormat(format)),
              family::NameOf(family::EightBitOf(precision)));
  }
}

TEST(Plan, StacksExpertsInNumericOrder) {
  SourceBuilder builder(R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 12})");
  AddExperts(builder, "model.layers.0", 12, 64, 32);
  const Plan plan = builder.MustPlan();
  EXPECT_THAT(Summary(plan),
              ElementsAre("model.layers.0.mlp.switch_mlp: .down_proj.weight=BF16[12, 64, 32] "
                          ".gate_proj.weight=BF16[12, 32, 64] .up_proj.weight=BF16[12, 32, 64]"));
  const PlannedWeight* up = FindWeight(plan, "model.layers.0.mlp.switch_mlp.up_proj.weight");
  ASSERT_EQ(up->rows.size(), 12U);
  for (size_t e = 0; e < 12; ++e) {
    const SourceWeight& source = plan.sources[up->rows[e].weight];
    EXPECT_EQ(source.base, StrCat("model.layers.0.mlp.experts.", e, ".up_proj"));
    EXPECT_EQ(up->rows[e], (RowRun{up->rows[e].weight, 0, 1, 32}));
  }
  EXPECT_EQ(up->how, "stack 12 experts");
  EXPECT_EQ(up->source_bytes, 12U * 32 * 64 * 2);
  EXPECT_EQ(plan.source_bytes, 3U * 12 * 32 * 64 * 2);
}

TEST(Plan, GivesEveryFormOfTheSameExpertsTheSameBlobs) {
  SourceBuilder each(kMoe);
  AddExperts(each, "model.layers.0", 4, 64, 32);
  SourceBuilder fused(kMoe);
  fused.Add("model.layers.0.mlp.experts.gate_up_proj", DType::kBF16, {4, 64, 64})
      .Add("model.layers.0.mlp.experts.down_proj", DType::kBF16, {4, 64, 32});
  SourceBuilder stacked(kMoe);
  SourceBuilder mlx(kMoe);
  for (std::string_view projection : {"gate_proj", "up_proj"}) {
    stacked.Add(StrCat("model.layers.0.mlp.experts.", projection, ".weight"), DType::kBF16,
                {4, 32, 64});
    mlx.Add(StrCat("model.layers.0.mlp.switch_mlp.", projection, ".weight"), DType::kBF16,
            {4, 32, 64});
  }
  stacked.Add("model.layers.0.mlp.experts.down_proj.weight", DType::kBF16, {4, 64, 32});
  mlx.Add("model.layers.0.mlp.switch_mlp.down_proj.weight", DType::kBF16, {4, 64, 32});
  for (Precision precision : {Precision::kSource, Precision::kInt4, Precision::kNvfp4}) {
    const auto expected = Summary(each.MustPlan(Ask(precision)));
    EXPECT_EQ(Summary(fused.MustPlan(Ask(precision))), expected);
    EXPECT_EQ(Summary(stacked.MustPlan(Ask(precision))), expected);
    EXPECT_EQ(Summary(mlx.MustPlan(Ask(precision))), expected);
  }
}

TEST(Plan, SplitsFusedGatesAndUps) {
  SourceBuilder builder(kMoe);
  builder.Add("model.layers.0.mlp.experts.gate_up_proj", DType::kBF16, {4, 64, 64})
      .Add("model.layers.0.mlp.experts.down_proj", DType::kBF16, {4, 64, 32});
  const Plan plan = builder.MustPlan();
  const PlannedWeight* gate = FindWeight(plan, "model.layers.0.mlp.switch_mlp.gate_proj.weight");
  const PlannedWeight* up = FindWeight(plan, "model.layers.0.mlp.switch_mlp.up_proj.weight");
  ASSERT_EQ(gate->rows.size(), 4U);
  for (uint64_t e = 0; e < 4; ++e) {
    EXPECT_EQ(gate->rows[e], (RowRun{gate->rows[e].weight, 64 * e, 1, 32}));
    EXPECT_EQ(up->rows[e], (RowRun{up->rows[e].weight, 64 * e + 32, 1, 32}));
  }
  EXPECT_EQ(gate->how, "split gate and up");
  EXPECT_EQ(gate->source_bytes, 4U * 32 * 64 * 2);
}

TEST(Plan, SharesABlobOnlyAmongEqualTypes) {
  SourceBuilder builder(kMoe);
  AddExperts(builder, "model.layers.0", 4, 128, 64);
  // int4 promotes down_proj, nvfp4 does not.
  EXPECT_THAT(Summary(builder.MustPlan(Ask(Precision::kInt4))),
              ElementsAre("model.layers.0.mlp.switch_mlp.down_proj.weight: =int8[4, 128, 64]",
                          "model.layers.0.mlp.switch_mlp.gate_proj.weight: =int4[4, 64, 128]",
                          "model.layers.0.mlp.switch_mlp.up_proj.weight: =int4[4, 64, 128]"));
  const Plan nvfp4 = builder.MustPlan(Ask(Precision::kNvfp4));
  ASSERT_EQ(nvfp4.blobs.size(), 1U);
  EXPECT_EQ(nvfp4.blobs[0].layer, "model.layers.0.mlp.switch_mlp");
  EXPECT_THAT(nvfp4.blobs[0].metadata,
              ElementsAre(std::pair("group_size", "16"), std::pair("quant_type", "nvfp4")));
  EXPECT_EQ(nvfp4.file_type, "nvfp4");
}

TEST(Plan, ListsPlainTensorsAndThenExpertsEachByName) {
  SourceBuilder builder(kMoe);
  AddExperts(builder, "model.layers.0", 4, 64, 32);
  builder.Add("model.norm.weight", DType::kBF16, {64})
      .Add("lm_head.weight", DType::kBF16, {512, 64})
      .Add("model.layers.0.mlp.gate.weight", DType::kBF16, {4, 64});
  std::vector<std::string> layers;
  for (const PlannedBlob& blob : builder.MustPlan().blobs) layers.push_back(blob.layer);
  EXPECT_THAT(layers, ElementsAre("lm_head.weight", "model.layers.0.mlp.gate.weight",
                                  "model.norm.weight", "model.layers.0.mlp.switch_mlp"));
}

TEST(Plan, WritesQuantizedWeightsWithTheirCompanions) {
  SourceBuilder builder(kLlama);
  builder.Add("model.layers.0.self_attn.q_proj.weight", DType::kF16, {64, 128});
  const Plan plan = builder.MustPlan(Ask(Precision::kInt4));
  const auto& stored = plan.blobs[0].weights[0].stored;
  ASSERT_EQ(stored.size(), 3U);
  EXPECT_EQ(stored[0].name, "model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(stored[0].dtype, DType::kU32);
  EXPECT_EQ(ToString(stored[0].shape), "[64, 16]");
  EXPECT_EQ(stored[1].name, "model.layers.0.self_attn.q_proj.weight.bias");
  EXPECT_EQ(stored[1].dtype, DType::kF16);  // as the source
  EXPECT_EQ(ToString(stored[1].shape), "[64, 2]");
  EXPECT_EQ(stored[2].name, "model.layers.0.self_attn.q_proj.weight.scale");
  EXPECT_EQ(plan.blobs[0].weights[0].rule, "as requested");
  EXPECT_EQ(plan.blobs[0].weights[0].how, "quantize");
  EXPECT_GT(plan.blobs[0].size, 64U * 16 * 4 + 2 * 64 * 2 * 2);
}

TEST(Plan, CastsFloatsWhenAskedExceptWhatWouldSuffer) {
  SourceBuilder builder(R"({"architectures": ["Qwen3_5ForCausalLM"]})");
  builder.Add("model.layers.0.linear_attn.A_log", DType::kF32, {32})
      .Add("model.layers.0.linear_attn.dt_bias", DType::kF32, {32})
      .Add("model.layers.0.linear_attn.out_proj.weight", DType::kF32, {64, 64})
      .Add("model.layers.0.input_layernorm.weight", DType::kF16, {64})
      .Add("model.layers.0.extra", DType::kF64, {64})
      .Add("model.layers.0.ids", DType::kI64, {64});
  EXPECT_THAT(Summary(builder.MustPlan()),
              ElementsAre("model.layers.0.extra: =F32[64]", "model.layers.0.ids: =I64[64]",
                          "model.layers.0.input_layernorm.weight: =F16[64]",
                          "model.layers.0.linear_attn.A_log: =F32[32]",
                          "model.layers.0.linear_attn.dt_bias: =F32[32]",
                          "model.layers.0.linear_attn.out_proj.weight: =F32[64, 64]"));
  Recipe recipe;
  recipe.to_bfloat16 = true;
  const Plan plan = builder.MustPlan(recipe);
  EXPECT_THAT(Summary(plan),
              ElementsAre("model.layers.0.extra: =BF16[64]", "model.layers.0.ids: =I64[64]",
                          "model.layers.0.input_layernorm.weight: =BF16[64]",
                          "model.layers.0.linear_attn.A_log: =F32[32]",
                          "model.layers.0.linear_attn.dt_bias: =F32[32]",
                          "model.layers.0.linear_attn.out_proj.weight: =BF16[64, 64]"));
  EXPECT_EQ(FindWeight(plan, "model.layers.0.extra")->how, "F64 to BF16");
  recipe.requested = Precision::kInt8;
  const Plan quantized = builder.MustPlan(recipe);
  EXPECT_EQ(FindWeight(quantized, "model.layers.0.linear_attn.out_proj.weight")->stored[1].dtype,
            DType::kBF16);
}

TEST(Plan, KeepsGemmasGateOverUp) {
  constexpr std::string_view kGemma =
      R"({"architectures": ["Gemma4ForCausalLM"], "num_experts": 4, "num_hidden_layers": 30})";
  SourceBuilder fused(kGemma);
  fused.Add("model.layers.3.experts.gate_up_proj", DType::kBF16, {4, 128, 128})
      .Add("model.layers.3.experts.down_proj", DType::kBF16, {4, 128, 64});
  const Plan plan = fused.MustPlan(Ask(Precision::kInt4));
  // Layer 3 of 30 is not a sensitive one: down is not promoted, and the group stays together.
  EXPECT_THAT(Summary(plan),
              ElementsAre("model.layers.3.moe.switch_mlp: .down_proj.weight=int4[4, 128, 64] "
                          ".gate_up_proj.weight=int4[4, 128, 128]"));
  SourceBuilder split(kGemma);
  split.Add("model.layers.3.experts.switch_glu.gate_proj.weight", DType::kBF16, {4, 64, 128})
      .Add("model.layers.3.experts.switch_glu.up_proj.weight", DType::kBF16, {4, 64, 128})
      .Add("model.layers.3.experts.switch_glu.down_proj.weight", DType::kBF16, {4, 128, 64});
  const Plan joined = split.MustPlan(Ask(Precision::kInt4));
  EXPECT_EQ(Summary(joined), Summary(plan));
  const PlannedWeight* weight =
      FindWeight(joined, "model.layers.3.moe.switch_mlp.gate_up_proj.weight");
  ASSERT_EQ(weight->rows.size(), 8U);  // each expert's gate, then its up
  EXPECT_EQ(joined.sources[weight->rows[2].weight].base,
            "model.layers.3.experts.switch_glu.gate_proj");
  EXPECT_EQ(weight->rows[2].first, 64U);
  EXPECT_EQ(joined.sources[weight->rows[3].weight].base,
            "model.layers.3.experts.switch_glu.up_proj");
  EXPECT_EQ(weight->how, "join gate and up, quantize");

  SourceBuilder each(kGemma);
  for (int e = 0; e < 4; ++e) {
    const std::string prefix = StrCat("model.layers.3.moe.experts.", e, ".");
    each.Add(prefix + "gate_proj.weight", DType::kBF16, {64, 128})
        .Add(prefix + "up_proj.weight", DType::kBF16, {64, 128})
        .Add(prefix + "down_proj.weight", DType::kBF16, {128, 64});
  }
  EXPECT_EQ(Summary(each.MustPlan(Ask(Precision::kInt4))), Summary(plan));
}

TEST(Plan, KeepsGatesAndUpsOfGemmaApartWhereTheirTypesDiffer) {
  SourceBuilder builder(R"({"architectures": ["Gemma4ForCausalLM"], "num_experts": 4})");
  builder.Add("model.layers.3.moe.gate_proj", DType::kBF16, {4, 64, 128})
      .Add("model.layers.3.moe.up_proj", DType::kF32, {4, 64, 128})
      .Add("model.layers.3.moe.down_proj", DType::kBF16, {4, 128, 64});
  EXPECT_THAT(Summary(builder.MustPlan()),
              ElementsAre("model.layers.3.moe.switch_mlp: .down_proj.weight=BF16[4, 128, 64] "
                          ".gate_proj.weight=BF16[4, 64, 128] .up_proj.weight=F32[4, 64, 128]"));
}

TEST(Plan, KeepsNemotronsOwnNames) {
  constexpr std::string_view kNemotron =
      R"({"architectures": ["NemotronHForCausalLM"], "n_routed_experts": 2})";
  SourceBuilder each(kNemotron);
  for (int e = 0; e < 2; ++e) {
    each.Add(StrCat("backbone.layers.1.mixer.experts.", e, ".up_proj.weight"), DType::kBF16,
             {64, 128})
        .Add(StrCat("backbone.layers.1.mixer.experts.", e, ".down_proj.weight"), DType::kBF16,
             {128, 64});
  }
  SourceBuilder mlx(kNemotron);
  mlx.Add("backbone.layers.1.mixer.switch_mlp.fc1.weight", DType::kBF16, {2, 64, 128})
      .Add("backbone.layers.1.mixer.switch_mlp.fc2.weight", DType::kBF16, {2, 128, 64});
  EXPECT_THAT(Summary(each.MustPlan()),
              ElementsAre("backbone.layers.1.mixer.experts: .down_proj.weight=BF16[2, 128, 64] "
                          ".up_proj.weight=BF16[2, 64, 128]"));
  EXPECT_EQ(Summary(mlx.MustPlan()), Summary(each.MustPlan()));
}

TEST(Plan, TakesGptOssApart) {
  constexpr std::string_view kGptOss =
      R"({"architectures": ["GptOssForCausalLM"], "num_local_experts": 2})";
  SourceBuilder dense(kGptOss);
  dense.Add("model.layers.0.mlp.experts.gate_up_proj", DType::kBF16, {2, 128, 64})
      .Add("model.layers.0.mlp.experts.gate_up_proj_bias", DType::kBF16, {2, 64})
      .Add("model.layers.0.mlp.experts.down_proj", DType::kBF16, {2, 32, 128})
      .Add("model.layers.0.mlp.experts.down_proj_bias", DType::kBF16, {2, 128});
  const Plan plan = dense.MustPlan();
  EXPECT_THAT(Summary(plan),
              ElementsAre("model.layers.0.mlp.switch_mlp.down_proj.bias: =BF16[2, 128]",
                          "model.layers.0.mlp.switch_mlp.gate_proj.bias: =BF16[2, 32]",
                          "model.layers.0.mlp.switch_mlp.up_proj.bias: =BF16[2, 32]",
                          "model.layers.0.mlp.switch_mlp: .down_proj.weight=BF16[2, 128, 32] "
                          ".gate_proj.weight=BF16[2, 32, 128] .up_proj.weight=BF16[2, 32, 128]"));
  const PlannedWeight* up = FindWeight(plan, "model.layers.0.mlp.switch_mlp.up_proj.weight");
  EXPECT_TRUE(up->transposed);
  EXPECT_EQ(up->how, "transpose, take gate and up apart");
  ASSERT_EQ(up->rows.size(), 2U);
  EXPECT_EQ(up->rows[1], (RowRun{up->rows[1].weight, 65, 2, 32}));
  const PlannedWeight* bias = FindWeight(plan, "model.layers.0.mlp.switch_mlp.up_proj.bias");
  EXPECT_EQ(bias->columns, 1U);
  EXPECT_EQ(bias->rows[1], (RowRun{bias->rows[1].weight, 65, 2, 32}));
  EXPECT_TRUE(FindWeight(plan, "model.layers.0.mlp.switch_mlp.down_proj.weight")->transposed);

  SourceBuilder packed(kGptOss);
  packed.Add("model.layers.0.mlp.experts.gate_up_proj_blocks", DType::kU8, {2, 64, 4, 16})
      .Add("model.layers.0.mlp.experts.gate_up_proj_scales", DType::kU8, {2, 64, 4})
      .Add("model.layers.0.mlp.experts.down_proj_blocks", DType::kU8, {2, 128, 1, 16})
      .Add("model.layers.0.mlp.experts.down_proj_scales", DType::kU8, {2, 128, 1});
  const Plan mxfp4 = packed.MustPlan();
  EXPECT_THAT(Summary(mxfp4),
              ElementsAre("model.layers.0.mlp.switch_mlp: .down_proj.weight=mxfp4[2, 128, 32] "
                          ".gate_proj.weight=mxfp4[2, 32, 128] .up_proj.weight=mxfp4[2, 32, 128]"));
  EXPECT_EQ(mxfp4.file_type, "mxfp4");
  const PlannedWeight* gate = FindWeight(mxfp4, "model.layers.0.mlp.switch_mlp.gate_proj.weight");
  EXPECT_FALSE(gate->transposed);
  EXPECT_EQ(gate->rows[1], (RowRun{gate->rows[1].weight, 64, 2, 32}));
  EXPECT_EQ(gate->action, Action::kCopy);

  // As mlx-lm writes it.
  SourceBuilder mlx(kGptOss);
  mlx.Add("model.layers.0.mlp.experts.gate_proj.weight", DType::kBF16, {2, 32, 128})
      .Add("model.layers.0.mlp.experts.up_proj.weight", DType::kBF16, {2, 32, 128})
      .Add("model.layers.0.mlp.experts.down_proj.weight", DType::kBF16, {2, 128, 32})
      .Add("model.layers.0.mlp.experts.gate_proj.bias", DType::kBF16, {2, 32})
      .Add("model.layers.0.mlp.experts.up_proj.bias", DType::kBF16, {2, 32})
      .Add("model.layers.0.mlp.experts.down_proj.bias", DType::kBF16, {2, 128});
  EXPECT_EQ(Summary(mlx.MustPlan()), Summary(plan));
}

TEST(Plan, KeepsFusedTensorsOfUnknownArchitecturesAndSaysSo) {
  SourceBuilder builder(R"({"architectures": ["BrandNewForCausalLM"]})");
  builder.Add("model.layers.0.mlp.experts.gate_up_proj", DType::kBF16, {4, 64, 64});
  const Plan plan = builder.MustPlan(Ask(Precision::kInt4));
  EXPECT_THAT(Summary(plan),
              ElementsAre("model.layers.0.mlp.experts.gate_up_proj: =int4[4, 64, 64]"));
  ASSERT_EQ(plan.warnings.size(), 1U);
  EXPECT_THAT(plan.warnings[0], HasSubstr("\"BrandNewForCausalLM\" is not known"));
}

TEST(Plan, PutsADraftsPrefixOnEverythingAndGivesItsHeadTheTypeAskedFor) {
  SourceBuilder builder(R"({"architectures": ["Gemma4AssistantForCausalLM"]})");
  builder.Add("model.embed_tokens.weight", DType::kBF16, {512, 128})
      .Add("model.layers.0.self_attn.q_proj.weight", DType::kBF16, {128, 128});
  Recipe recipe = Ask(Precision::kInt4);
  recipe.draft = true;
  recipe.prefix = "draft.";
  const Plan plan = builder.MustPlan(recipe);
  EXPECT_THAT(Summary(plan),
              ElementsAre("draft.model.embed_tokens.weight: =int4[512, 128]",
                          "draft.model.layers.0.self_attn.q_proj.weight: =int4[128, 128]"));
  EXPECT_EQ(plan.blobs[0].weights[0].stored[1].name, "draft.model.embed_tokens.weight.bias");
  EXPECT_EQ(plan.blobs[0].weights[0].rule, "draft: head");
}

TEST(Plan, WarnsOfWhatConfigAsksForAndIsNotThere) {
  SourceBuilder builder(R"({"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2})");
  for (std::string_view name :
       {"input_layernorm", "post_attention_layernorm", "self_attn.q_proj", "self_attn.k_proj",
        "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
    builder.Add(StrCat("model.layers.0.", name, ".weight"), DType::kBF16, {64});
  }
  builder.Add("model.embed_tokens.weight", DType::kBF16, {64, 64});
  const Plan plan = builder.MustPlan();
  ASSERT_EQ(plan.warnings.size(), 1U);
  EXPECT_THAT(plan.warnings[0],
              HasSubstr("10 tensors are missing that config.json asks for: norm.weight, "
                        "layers.1.input_layernorm.weight"));
}

TEST(Plan, RefusesExpertsThatDoNotAddUp) {
  SourceBuilder gap(R"({"architectures": ["Qwen3MoeForCausalLM"]})");
  gap.Add("model.layers.0.mlp.experts.0.up_proj.weight", DType::kBF16, {32, 64})
      .Add("model.layers.0.mlp.experts.3.up_proj.weight", DType::kBF16, {32, 64});
  EXPECT_THAT(gap.Error(), HasSubstr("expert 1 of \"model.layers.0.mlp.experts.up_proj.weight\" is "
                                     "missing: 2 experts were found, up to number 3"));
  SourceBuilder wrong_count(kMoe);
  AddExperts(wrong_count, "model.layers.0", 3, 64, 32);
  EXPECT_THAT(wrong_count.Error(), HasSubstr("config.json says 4 experts, but "));
  EXPECT_THAT(wrong_count.Error(), HasSubstr(" has 3"));
  SourceBuilder stacked_count(kMoe);
  stacked_count.Add("model.layers.0.mlp.switch_mlp.up_proj.weight", DType::kBF16, {8, 32, 64});
  EXPECT_THAT(stacked_count.Error(), HasSubstr(" has 8"));
  SourceBuilder shapes(R"({"architectures": ["Qwen3MoeForCausalLM"]})");
  shapes.Add("model.layers.0.mlp.experts.0.up_proj.weight", DType::kBF16, {32, 64})
      .Add("model.layers.0.mlp.experts.1.up_proj.weight", DType::kBF16, {32, 128});
  EXPECT_THAT(shapes.Error(), HasSubstr("experts unlike each other"));
  EXPECT_THAT(shapes.Error(), HasSubstr("BF16 [32, 64]"));
  EXPECT_THAT(shapes.Error(), HasSubstr("BF16 [32, 128]"));
  SourceBuilder types(R"({"architectures": ["Qwen3MoeForCausalLM"]})");
  types.Add("model.layers.0.mlp.experts.0.up_proj.weight", DType::kBF16, {32, 64})
      .Add("model.layers.0.mlp.experts.1.up_proj.weight", DType::kF32, {32, 64});
  EXPECT_THAT(types.Error(), HasSubstr("F32 [32, 64]"));
  SourceBuilder both(R"({"architectures": ["Qwen3MoeForCausalLM"]})");
  both.Add("model.layers.0.mlp.experts.0.up_proj.weight", DType::kBF16, {32, 64})
      .Add("model.layers.0.mlp.experts.up_proj.weight", DType::kBF16, {1, 32, 64});
  EXPECT_THAT(both.Error(), HasSubstr("hold the same expert"));
  SourceBuilder malformed(kMoe);
  malformed.Add("model.layers.0.mlp.experts.1x.up_proj.weight", DType::kBF16, {32, 64});
  EXPECT_THAT(malformed.Error(), HasSubstr("has the index \"1x\""));
  SourceBuilder odd(R"({"architectures": ["Qwen3MoeForCausalLM"]})");
  odd.Add("model.layers.0.mlp.experts.gate_up_proj", DType::kBF16, {4, 63, 64});
  EXPECT_THAT(odd.Error(), HasSubstr("even number of rows"));
  SourceBuilder misfit(R"({"architectures": ["Qwen3MoeForCausalLM"]})");
  misfit.Add("model.layers.0.mlp.experts.gate_up_proj", DType::kBF16, {4, 64, 64})
      .Add("model.layers.0.mlp.experts.down_proj", DType::kBF16, {4, 64, 48});
  EXPECT_THAT(misfit.Error(), HasSubstr("do not fit each other"));
  SourceBuilder flat(R"({"architectures": ["Qwen3MoeForCausalLM"]})");
  flat.Add("model.layers.0.mlp.experts.down_proj", DType::kBF16, {64, 48});
  EXPECT_THAT(flat.Error(), HasSubstr("must have 3 dimensions"));
}

TEST(Plan, RefusesTwoTensorsForOneName) {
  SourceBuilder packed(kLlama);
  packed.Add("a.weight", DType::kBF16, {32, 64})
      .Add("a.weight_packed", DType::kU8, {32, 32})
      .Add("a.weight_scale", DType::kF8E4M3, {32, 4});
  EXPECT_THAT(packed.Error(), HasSubstr("two tensors would both become \"a.weight\""));
  SourceBuilder companion(kLlama);
  companion.Add("model.layers.0.self_attn.q_proj.weight", DType::kBF16, {64, 64})
      .Add("model.layers.0.self_attn.q_proj.weight.scale", DType::kBF16, {64});
  EXPECT_THAT(companion.Error(Ask(Precision::kInt4)),
              HasSubstr("would both become \"model.layers.0.self_attn.q_proj.weight.scale\""));
}

TEST(Plan, RefusesToQuantizeTwiceUnlessTold) {
  SourceBuilder builder(
      R"({"architectures": ["LlamaForCausalLM"], "quantization": {"bits": 4, "group_size": 64}})");
  builder.Add("model.layers.0.mlp.up_proj.weight", DType::kU32, {64, 16})
      .Add("model.layers.0.mlp.up_proj.scales", DType::kBF16, {64, 2})
      .Add("model.layers.0.mlp.up_proj.biases", DType::kBF16, {64, 2})
      .Add("model.layers.0.mlp.gate.weight", DType::kU32, {64, 16})
      .Add("model.layers.0.mlp.gate.scales", DType::kBF16, {64, 2})
      .Add("model.layers.0.mlp.gate.biases", DType::kBF16, {64, 2});
  Recipe recipe = Ask(Precision::kNvfp4);
  EXPECT_THAT(builder.Error(recipe),
              HasSubstr("the source is already quantized (\"model.layers.0.mlp.gate\" is 4-bit "
                        "affine, groups of 64)"));
  recipe.allow_requantize = true;
  const Plan plan = builder.MustPlan(recipe);
  // What the rules leave alone stays as it came, bit for bit.
  EXPECT_THAT(Summary(plan), ElementsAre("model.layers.0.mlp.gate.weight: =int4[64, 128]",
                                         "model.layers.0.mlp.up_proj.weight: =nvfp4[64, 128]"));
  EXPECT_EQ(plan.blobs[0].weights[0].action, Action::kCopy);
  EXPECT_EQ(plan.blobs[1].weights[0].how, "decode int4, quantize");
  EXPECT_EQ(plan.file_type, "nvfp4");
  recipe.requested = Precision::kInt4;
  EXPECT_EQ(builder.MustPlan(recipe).blobs[1].weights[0].action, Action::kCopy);
}

TEST(Plan, PlansFourHundredBillionParametersFromTheirHeaders) {
  // 94 layers of 128 experts, hidden 4096: 36,000 tensors.
  SourceBuilder builder(
      R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 128, "num_hidden_layers": 94})");
  for (int layer = 0; layer < 94; ++layer) {
    const std::string prefix = StrCat("model.layers.", layer);
    AddExperts(builder, prefix, 128, 4096, 2752);
    for (std::string_view name : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      builder.Add(StrCat(prefix, ".self_attn.", name, ".weight"), DType::kBF16, {4096, 4096});
    }
  }
  const Inventory inventory = builder.Build();
  const auto begin = std::chrono::steady_clock::now();
  const auto plan = MakePlan(inventory, Ask(Precision::kInt4));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_GT(plan->elements, 400'000'000'000U);
  EXPECT_EQ(plan->blobs.size(), 94U * 7);
  RecordProperty("planning_seconds", std::to_string(seconds.count()));
}

}  // namespace
}  // namespace ingot::import
