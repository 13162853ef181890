#include "import/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/import/source_builder.h"

namespace ingot::import {
namespace {

using family::Precision;
using tensor::DType;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kLlama = R"({"architectures": ["LlamaForCausalLM"]})";
constexpr std::string_view kBlockFp8 =
    R"({"architectures": ["LlamaForCausalLM"],
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})";
constexpr std::string_view kProj = "model.layers.0.self_attn.q_proj";

std::string Llama(std::string_view block) {
  return core::StrCat(R"({"architectures": ["LlamaForCausalLM"], "quantization": )", block, "}");
}

// An mlx-lm weight of K columns.
void AddMlx(SourceBuilder& builder, const std::string& base, uint64_t rows, uint64_t words,
            uint64_t groups, DType scales = DType::kBF16) {
  builder.Add(base + ".weight", DType::kU32, {rows, words});
  builder.Add(base + ".scales", scales, {rows, groups});
  if (scales != DType::kU8) builder.Add(base + ".biases", scales, {rows, groups});
}

// Dropped tensors, by name.
std::vector<std::string> Dropped(const Plan& plan) {
  std::vector<std::string> names;
  for (const DroppedTensor& dropped : plan.dropped) {
    names.push_back(plan.source.tensors[dropped.tensor].name);
  }
  return names;
}

// --- mlx-lm -------------------------------------------------------------------------------------

TEST(MlxSource, KeepsGlobalsAndOverridesEachWithItsTrueType) {
  SourceBuilder builder(Llama(R"({"group_size": 16, "bits": 4, "mode": "nvfp4",
      "model.layers.0.mlp.gate": {"group_size": 64, "bits": 8, "mode": "affine"}})"));
  AddMlx(builder, "model.layers.0.mlp.gate", 4, 16, 1);
  AddMlx(builder, "model.layers.0.mlp.up_proj", 64, 8, 4, DType::kU8);
  const Plan plan = builder.MustPlan();
  EXPECT_THAT(Summary(plan), ElementsAre("model.layers.0.mlp.gate.weight: =int8[4, 64]",
                                         "model.layers.0.mlp.up_proj.weight: =nvfp4[64, 64]"));
  EXPECT_EQ(plan.blobs[0].metadata.at("quant_type"), "int8");
  EXPECT_EQ(plan.blobs[0].metadata.at("group_size"), "64");
  EXPECT_EQ(plan.blobs[1].metadata.at("quant_type"), "nvfp4");
  EXPECT_EQ(plan.file_type, "nvfp4");  // of all others
  EXPECT_EQ(plan.blobs[0].weights[0].action, Action::kCopy);
  EXPECT_EQ(plan.blobs[0].weights[0].stored[1].name, "model.layers.0.mlp.gate.weight.bias");
}

TEST(MlxSource, ReadsOverridesInNestedObjectsToo) {
  SourceBuilder builder(Llama(R"({"group_size": 64, "bits": 4,
      "model": {"layers": {"0": {"mlp": {"gate": {"group_size": 32, "bits": 8}}}}}})"));
  AddMlx(builder, "model.layers.0.mlp.gate", 4, 16, 2);
  AddMlx(builder, "model.layers.0.mlp.up", 64, 8, 1);
  EXPECT_THAT(Summary(builder.MustPlan()),
              ElementsAre("model.layers.0.mlp.gate.weight: =int8/32[4, 64]",
                          "model.layers.0.mlp.up.weight: =int4[64, 64]"));
}

TEST(MlxSource, TakesAMissingModeForAffineAndReadsEveryNumberOfBits) {
  for (uint64_t bits : {2, 3, 4, 5, 6, 8}) {
    SourceBuilder builder(Llama(core::StrCat(R"({"group_size": 64, "bits": )", bits, "}")));
    AddMlx(builder, std::string(kProj), 8, 128 * bits / 32, 2);
    const Plan plan = builder.MustPlan();
    EXPECT_THAT(Summary(plan), ElementsAre(core::StrCat(kProj, ".weight: =int", bits, "[8, 128]")));
    EXPECT_EQ(plan.file_type, core::StrCat("int", bits));
  }
}

TEST(MlxSource, ReadsQuantizationConfigWhereThereIsNoQuantization) {
  SourceBuilder builder(R"({"architectures": ["LlamaForCausalLM"],
      "quantization_config": {"group_size": 32, "bits": 4}})");
  AddMlx(builder, std::string(kProj), 8, 8, 2);
  EXPECT_EQ(builder.MustPlan().blobs[0].metadata.at("group_size"), "32");
}

TEST(MlxSource, RefusesWhatContradictsTheShapes) {
  SourceBuilder entry(Llama(R"({"group_size": 64, "bits": 4,
      "model.layers.0.self_attn.q_proj": {"group_size": 64, "bits": 8}})"));
  AddMlx(entry, std::string(kProj), 8, 16, 2);
  EXPECT_THAT(entry.Error(),
              AllOf(HasSubstr("\"model.layers.0.self_attn.q_proj\" to be 8-bit affine, groups of "
                              "64, which contradicts"),
                    HasSubstr("U32 [8, 16]"), HasSubstr("BF16 [8, 2]"),
                    HasSubstr("these fit 2-bit affine, groups of 128; 4-bit affine, groups of 64; "
                              "8-bit affine, groups of 32")));
  SourceBuilder global(Llama(R"({"group_size": 64, "bits": 8})"));
  AddMlx(global, std::string(kProj), 8, 16, 2);
  EXPECT_THAT(global.Error(), HasSubstr("every module to be 8-bit affine, groups of 64, which "
                                        "contradicts"));
  SourceBuilder never(Llama(R"({"group_size": 64, "bits": 4,
      "model.layers.0.self_attn.q_proj": false})"));
  AddMlx(never, std::string(kProj), 8, 16, 2);
  EXPECT_THAT(never.Error(), HasSubstr("not to be quantized, but it has scales"));
  SourceBuilder dense(Llama(R"({"group_size": 64, "bits": 4,
      "model.layers.0.self_attn.q_proj": {"group_size": 64, "bits": 4}})"));
  dense.Add("model.layers.0.self_attn.q_proj.weight", DType::kBF16, {8, 64});
  EXPECT_THAT(dense.Error(), HasSubstr("has no scales beside it"));
}

TEST(MlxSource, NeverGuesses) {
  SourceBuilder ambiguous(kLlama);  // 4-bit groups of 64 look like 8-bit groups of 32
  AddMlx(ambiguous, std::string(kProj), 8, 16, 2);
  EXPECT_THAT(ambiguous.Error(),
              HasSubstr("fit more than one format and config.json does not say"));
  SourceBuilder clear(kLlama);
  AddMlx(clear, std::string(kProj), 8, 8, 4, DType::kU8);
  EXPECT_THAT(Summary(clear.MustPlan()),
              ElementsAre(core::StrCat(kProj, ".weight: =nvfp4[8, 64]")));
  SourceBuilder nothing(kLlama);
  AddMlx(nothing, std::string(kProj), 8, 7, 3);
  EXPECT_THAT(nothing.Error(), HasSubstr("no format has such shapes"));
}

TEST(MlxSource, ReadsWhatOnlyOneFormatFitsWhateverTheGlobalsSayAndWarns) {
  SourceBuilder builder(Llama(R"({"group_size": 64, "bits": 4})"));
  AddMlx(builder, std::string(kProj), 8, 8, 2, DType::kU8);
  const Plan plan = builder.MustPlan();
  EXPECT_THAT(Summary(plan), ElementsAre(core::StrCat(kProj, ".weight: =mxfp4[8, 64]")));
  ASSERT_FALSE(plan.warnings.empty());
  EXPECT_THAT(plan.warnings[0], HasSubstr("can only be 4-bit mxfp4, groups of 32"));
}

TEST(MlxSource, StacksExpertsAndKeepsTheirGlobalScales) {
  SourceBuilder builder(
      R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 2,
          "quantization": {"group_size": 64, "bits": 4}})");
  for (std::string_view e : {"0", "1"}) {
    AddMlx(builder, core::StrCat("model.layers.0.mlp.experts.", e, ".up_proj"), 32, 16, 2);
  }
  const Plan plan = builder.MustPlan();
  EXPECT_THAT(Summary(plan),
              ElementsAre("model.layers.0.mlp.switch_mlp: .up_proj.weight=int4[2, 32, 128]"));
  EXPECT_EQ(ToString(plan.blobs[0].weights[0].stored[2].shape), "[2, 32, 2]");

  SourceBuilder global(R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 2,
      "quantization": {"group_size": 16, "bits": 4, "mode": "nvfp4",
        "model.layers.0.mlp.switch_mlp.up_proj":
          {"group_size": 16, "bits": 4, "mode": "nvfp4", "global_scale": true}}})");
  global.Add("model.layers.0.mlp.switch_mlp.up_proj.weight", DType::kU32, {2, 32, 16})
      .Add("model.layers.0.mlp.switch_mlp.up_proj.scales", DType::kU8, {2, 32, 8})
      .Add("model.layers.0.mlp.switch_mlp.up_proj.global_scale", DType::kF32, {2});
  const Plan scaled = global.MustPlan();
  EXPECT_EQ(scaled.sources[0].global_kind, GlobalScale::kLargest);
  ASSERT_EQ(scaled.blobs[0].weights[0].stored.size(), 3U);
  EXPECT_EQ(scaled.blobs[0].weights[0].stored[1].name,
            "model.layers.0.mlp.switch_mlp.up_proj.weight.global_scale");
  EXPECT_EQ(ToString(scaled.blobs[0].weights[0].stored[1].shape), "[2]");
}

TEST(MlxSource, RefusesBrokenCompanions) {
  SourceBuilder no_biases(Llama(R"({"group_size": 64, "bits": 4})"));
  no_biases.Add("a.weight", DType::kU32, {8, 16}).Add("a.scales", DType::kBF16, {8, 2});
  EXPECT_THAT(no_biases.Error(), HasSubstr("needs biases beside its scales \"a.scales\""));
  SourceBuilder other_biases(Llama(R"({"group_size": 64, "bits": 4})"));
  other_biases.Add("a.weight", DType::kU32, {8, 16})
      .Add("a.scales", DType::kBF16, {8, 2})
      .Add("a.biases", DType::kBF16, {8, 1});
  EXPECT_THAT(other_biases.Error(), HasSubstr("must look like the scales"));
  SourceBuilder rows(Llama(R"({"group_size": 64, "bits": 4})"));
  rows.Add("a.weight", DType::kU32, {8, 16}).Add("a.scales", DType::kBF16, {9, 2});
  EXPECT_THAT(rows.Error(), HasSubstr("all dimensions but the last must be equal"));
  SourceBuilder lonely(kLlama);
  lonely.Add("a.weight", DType::kU32, {8, 16});
  EXPECT_THAT(lonely.Error(), HasSubstr("\"a.weight\" holds packed integers (U32 [8, 16]) and no "
                                        "scales that we know lie beside it"));
  SourceBuilder flat(kLlama);
  flat.Add("a.weight", DType::kU32, {16}).Add("a.scales", DType::kU8, {2});
  EXPECT_THAT(flat.Error(), HasSubstr("all dimensions but the last"));
  SourceBuilder strange(kLlama);
  strange.Add("a.weight", DType::kU32, {8, 16}).Add("a.scales", DType::kI64, {8, 2});
  EXPECT_THAT(strange.Error(), HasSubstr("scales are BF16, F16, F32 or U8"));
}

TEST(MlxSource, LeavesStrayScalesAndBiasesAlone) {
  SourceBuilder builder(kLlama);
  builder.Add("a.biases", DType::kBF16, {8})
      .Add("b.scales", DType::kBF16, {8})
      .Add("router.scale", DType::kBF16, {8})
      .Add("q_proj.bias", DType::kBF16, {8});
  EXPECT_THAT(Summary(builder.MustPlan()),
              ElementsAre("a.biases: =BF16[8]", "b.scales: =BF16[8]", "q_proj.bias: =BF16[8]",
                          "router.scale: =BF16[8]"));
}

// --- ModelOpt and compressed-tensors
// --------------------------------------------------------------

TEST(ModelOptSource, RelabelsNvfp4AndKeepsItsGlobalScale) {
  SourceBuilder builder(R"({"architectures": ["LlamaForCausalLM"],
      "quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}})");
  builder.Add("a.weight", DType::kU8, {32, 64})
      .Add("a.weight_scale", DType::kF8E4M3, {32, 8})
      .Add("a.weight_scale_2", DType::kF32, {})
      .Add("a.input_scale", DType::kF32, {})
      .Add("a.k_proj.k_scale", DType::kF32, {});
  const Plan plan = builder.MustPlan();
  EXPECT_THAT(Summary(plan), ElementsAre("a.k_proj.k_scale: =F32[]", "a.weight: =nvfp4[32, 128]"));
  const auto& stored = plan.blobs[1].weights[0].stored;
  EXPECT_EQ(stored[0].dtype, DType::kU32);
  EXPECT_EQ(ToString(stored[0].shape), "[32, 16]");
  EXPECT_EQ(stored[1].name, "a.weight.global_scale");
  EXPECT_EQ(ToString(stored[1].shape), "[1]");
  EXPECT_EQ(stored[2].name, "a.weight.scale");
  EXPECT_EQ(stored[2].dtype, DType::kU8);
  EXPECT_EQ(plan.sources[1].global_kind, GlobalScale::kMultiplier);
  EXPECT_THAT(Dropped(plan), ElementsAre("a.input_scale"));
  EXPECT_EQ(plan.blobs[1].metadata.at("group_size"), "16");
}

TEST(ModelOptSource, TellsNvfp4AndFp8LayersApartInOneCheckpoint) {
  SourceBuilder builder(kLlama);
  builder.HfQuantConfig(R"({"quantization": {"quant_algo": "MIXED_PRECISION"}})")
      .Add("model.layers.0.mlp.up_proj.weight", DType::kU8, {64, 64})
      .Add("model.layers.0.mlp.up_proj.weight_scale", DType::kF8E4M3, {64, 8})
      .Add("model.layers.0.mlp.up_proj.weight_scale_2", DType::kF32, {1})
      .Add("model.layers.0.self_attn.o_proj.weight", DType::kF8E4M3, {64, 128})
      .Add("model.layers.0.self_attn.o_proj.weight_scale", DType::kF32, {})
      .Add("model.layers.0.self_attn.o_proj.input_scale", DType::kF32, {});
  const Plan plan = builder.MustPlan();
  EXPECT_THAT(Summary(plan),
              ElementsAre("model.layers.0.mlp.up_proj.weight: =nvfp4[64, 128]",
                          "model.layers.0.self_attn.o_proj.weight: =mxfp8[64, 128]"));
  EXPECT_THAT(plan.blobs[1].weights[0].how, "decode 8-bit floats, quantize");
}

TEST(CompressedTensorsSource, TakesTheReciprocalOfItsGlobalScale) {
  SourceBuilder builder(R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 2})");
  for (std::string_view e : {"0", "1"}) {
    const std::string base = core::StrCat("model.layers.0.mlp.experts.", e, ".up_proj");
    builder.Add(base + ".weight_packed", DType::kU8, {32, 64})
        .Add(base + ".weight_scale", DType::kF8E4M3, {32, 8})
        .Add(base + ".weight_global_scale", DType::kF32, {1})
        .Add(base + ".input_global_scale", DType::kF32, {1});
  }
  const Plan plan = builder.MustPlan();
  EXPECT_THAT(Summary(plan),
              ElementsAre("model.layers.0.mlp.switch_mlp: .up_proj.weight=nvfp4[2, 32, 128]"));
  EXPECT_EQ(ToString(plan.blobs[0].weights[0].stored[1].shape), "[2]");
  EXPECT_EQ(plan.sources[0].global_kind, GlobalScale::kDivisor);
  EXPECT_EQ(plan.dropped.size(), 2U);
}

TEST(CompressedTensorsSource, ReadsMxfp4) {
  SourceBuilder builder(kLlama);
  builder.Add("a.weight_packed", DType::kU8, {32, 64}).Add("a.weight_scale", DType::kU8, {32, 4});
  EXPECT_THAT(Summary(builder.MustPlan()), ElementsAre("a.weight: =mxfp4[32, 128]"));
}

TEST(Nvfp4Source, RefusesScalesThatDoNotFit) {
  SourceBuilder shape(kLlama);
  shape.Add("a.weight", DType::kU8, {32, 64}).Add("a.weight_scale", DType::kF8E4M3, {32, 4});
  EXPECT_THAT(shape.Error(), AllOf(HasSubstr("do not fit together: rows of 128 values"),
                                   HasSubstr("U8 [32, 64]"), HasSubstr("F8_E4M3 [32, 4]")));
  SourceBuilder global(kLlama);
  global.Add("a.weight", DType::kU8, {32, 64})
      .Add("a.weight_scale", DType::kF8E4M3, {32, 8})
      .Add("a.weight_scale_2", DType::kF32, {32});
  EXPECT_THAT(global.Error(), HasSubstr("must be F32 and have one element"));
  SourceBuilder type(kLlama);
  type.Add("a.weight", DType::kU8, {32, 64})
      .Add("a.weight_scale", DType::kF8E4M3, {32, 8})
      .Add("a.weight_scale_2", DType::kBF16, {1});
  EXPECT_THAT(type.Error(), HasSubstr("\"a.weight_scale_2\" BF16 [1] must be F32"));
  SourceBuilder awq(kLlama);
  awq.HfQuantConfig(R"({"quantization": {"quant_algo": "W4A16_AWQ"}})")
      .Add("a.weight", DType::kU8, {32, 64});
  EXPECT_THAT(awq.Error(), HasSubstr("hf_quant_config.json says quant_algo \"W4A16_AWQ\""));
}

// --- 8-bit floats -----------------------------------------------------------------------------

TEST(Fp8Source, BecomesMxfp8UnlessToldOtherwise) {
  SourceBuilder builder(kBlockFp8);
  builder.Add(core::StrCat(kProj, ".weight"), DType::kF8E4M3, {200, 320})
      .Add(core::StrCat(kProj, ".weight_scale_inv"), DType::kF32, {2, 3})
      .Add("model.layers.0.mlp.up_proj.weight", DType::kBF16, {128, 128})
      .Add("lm_head.weight", DType::kBF16, {128, 128})
      .Add("model.embed_tokens.weight", DType::kBF16, {128, 128});
  // Only what was in 8 bits is quantized; the others stay as they came.
  EXPECT_THAT(
      Summary(builder.MustPlan()),
      ElementsAre("lm_head.weight: =BF16[128, 128]", "model.embed_tokens.weight: =BF16[128, 128]",
                  "model.layers.0.mlp.up_proj.weight: =BF16[128, 128]",
                  core::StrCat(kProj, ".weight: =mxfp8[200, 320]")));
  EXPECT_EQ(builder.MustPlan().file_type, "mxfp8");
  Recipe recipe;
  recipe.to_bfloat16 = true;
  const Plan dense = builder.MustPlan(recipe);
  EXPECT_EQ(Summary(dense)[3], core::StrCat(kProj, ".weight: =BF16[200, 320]"));
  EXPECT_EQ(dense.file_type, "");
  recipe.requested = Precision::kInt8;  // a request is for everything
  EXPECT_THAT(
      Summary(builder.MustPlan(recipe)),
      ElementsAre("lm_head.weight: =int8[128, 128]", "model.embed_tokens.weight: =BF16[128, 128]",
                  "model.layers.0.mlp.up_proj.weight: =int8[128, 128]",
                  core::StrCat(kProj, ".weight: =int8[200, 320]")));
  recipe.requested = Precision::kNvfp4;
  EXPECT_EQ(Summary(builder.MustPlan(recipe))[3], core::StrCat(kProj, ".weight: =nvfp4[200, 320]"));
}

TEST(Fp8Source, DecodesWhatTheRulesDoNotQuantize) {
  SourceBuilder builder(kBlockFp8);
  builder.Add("lm_head.weight", DType::kF8E4M3, {128, 48})
      .Add("lm_head.weight_scale_inv", DType::kF32, {1, 1});
  EXPECT_THAT(Summary(builder.MustPlan()), ElementsAre("lm_head.weight: =BF16[128, 48]"));
}

TEST(Fp8Source, KnowsScalesOfBlocksRowsAndTensors) {
  struct Case {
    std::vector<uint64_t> weight;
    std::vector<uint64_t> scales;
    DType type;
    Fp8Scales expected;
  };
  const Case cases[] = {
      {{256, 384}, {2, 3}, DType::kF32, Fp8Scales::kBlocks},
      {{256, 384}, {2, 3}, DType::kBF16, Fp8Scales::kBlocks},
      {{256, 384}, {2, 3}, DType::kF8E8M0, Fp8Scales::kBlocks},
      {{256, 384}, {}, DType::kF32, Fp8Scales::kTensor},
      {{256, 384}, {1}, DType::kF32, Fp8Scales::kTensor},
      {{256, 384}, {256, 1}, DType::kF32, Fp8Scales::kRows},
      {{256, 384}, {256}, DType::kBF16, Fp8Scales::kRows},
      {{4, 256, 384}, {4, 2, 3}, DType::kF32, Fp8Scales::kBlocks},
      {{4, 256, 384}, {4}, DType::kF32, Fp8Scales::kTensor},
      {{4, 256, 384}, {4, 256, 1}, DType::kF32, Fp8Scales::kRows},
  };
  for (const Case& c : cases) {
    SourceBuilder builder(kBlockFp8);
    builder.Add("a.weight", DType::kF8E4M3, c.weight).Add("a.weight_scale", c.type, c.scales);
    const Plan plan = builder.MustPlan();
    ASSERT_EQ(plan.sources.size(), 1U);
    EXPECT_EQ(plan.sources[0].encoding, Encoding::kFp8);
    EXPECT_EQ(plan.sources[0].fp8_scales, c.expected) << testing::PrintToString(c.scales);
  }
}

TEST(Fp8Source, TakesPowersOfTwoFor32ColumnsAsMxfp8) {
  SourceBuilder builder(kLlama);
  builder.Add("a.weight", DType::kF8E4M3, {64, 128}).Add("a.weight_scale", DType::kU8, {64, 4});
  const Plan plan = builder.MustPlan();
  EXPECT_THAT(Summary(plan), ElementsAre("a.weight: =mxfp8[64, 128]"));
  EXPECT_EQ(plan.blobs[0].weights[0].action, Action::kCopy);
}

TEST(Fp8Source, StacksExpertsOfEitherForm) {
  constexpr std::string_view kMoeFp8 =
      R"({"architectures": ["Qwen3_5MoeForCausalLM"], "num_experts": 2,
          "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})";
  SourceBuilder each(kMoeFp8);
  for (std::string_view e : {"0", "1"}) {
    const std::string base = core::StrCat("model.layers.0.mlp.experts.", e, ".");
    for (std::string_view proj : {"gate_proj", "up_proj"}) {
      each.Add(core::StrCat(base, proj, ".weight"), DType::kF8E4M3, {128, 256})
          .Add(core::StrCat(base, proj, ".weight_scale_inv"), DType::kF32, {1, 2});
    }
    each.Add(base + "down_proj.weight", DType::kF8E4M3, {256, 128})
        .Add(base + "down_proj.weight_scale_inv", DType::kF32, {2, 1});
  }
  SourceBuilder fused(kMoeFp8);
  fused.Add("model.layers.0.mlp.experts.gate_up_proj", DType::kF8E4M3, {2, 256, 256})
      .Add("model.layers.0.mlp.experts.gate_up_proj_scale_inv", DType::kF32, {2, 2, 2})
      .Add("model.layers.0.mlp.experts.down_proj", DType::kF8E4M3, {2, 256, 128})
      .Add("model.layers.0.mlp.experts.down_proj_scale_inv", DType::kF32, {2, 2, 1});
  EXPECT_THAT(
      Summary(each.MustPlan()),
      ElementsAre("model.layers.0.mlp.switch_mlp: .down_proj.weight=mxfp8[2, 256, 128] "
                  ".gate_proj.weight=mxfp8[2, 128, 256] .up_proj.weight=mxfp8[2, 128, 256]"));
  EXPECT_EQ(Summary(fused.MustPlan()), Summary(each.MustPlan()));
}

TEST(Fp8Source, RefusesExpertsWithScalesUnlikeEachOther) {
  SourceBuilder builder(
      R"({"architectures": ["Qwen3_5MoeForCausalLM"],
          "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})");
  builder.Add("model.layers.0.mlp.experts.0.up_proj.weight", DType::kF8E4M3, {128, 256})
      .Add("model.layers.0.mlp.experts.0.up_proj.weight_scale", DType::kF32, {1, 2})
      .Add("model.layers.0.mlp.experts.1.up_proj.weight", DType::kF8E4M3, {128, 256})
      .Add("model.layers.0.mlp.experts.1.up_proj.weight_scale", DType::kF32, {128, 1});
  EXPECT_THAT(builder.Error(), HasSubstr("scales [1, 2] and [128, 1]"));
}

TEST(Fp8Source, FindsTheBlockSizeWhereverItIsDeclared) {
  const std::string_view configs[] = {
      R"({"model_type": "llama", "quantization_config":
          {"quant_method": "fp8", "weight_block_size": [128, 128]}})",
      R"({"model_type": "llama", "text_config": {"quantization_config":
          {"quant_method": "fp8", "weight_block_size": [128, 128]}}})",
      R"({"model_type": "llama", "compression_config": {"quant_method": "compressed-tensors",
          "config_groups": {"group_0": {"format": "float-quantized", "weights":
            {"type": "float", "num_bits": 8, "block_structure": [128, 128]}}}}})",
  };
  for (std::string_view config : configs) {
    SourceBuilder builder(config);
    builder.Add("a.weight", DType::kF8E4M3, {256, 384}).Add("a.weight_scale", DType::kF32, {2, 3});
    EXPECT_EQ(builder.MustPlan().sources[0].fp8_scales, Fp8Scales::kBlocks) << config;
  }
}

TEST(Fp8Source, RefusesWhatItCannotScale) {
  SourceBuilder lonely(kBlockFp8);
  lonely.Add("a.weight", DType::kF8E4M3, {256, 384});
  EXPECT_THAT(lonely.Error(), HasSubstr("\"a.weight\" is F8_E4M3 and has no scales: expected "
                                        "\"a.weight_scale_inv\" or \"a.weight_scale\""));
  SourceBuilder undeclared(kLlama);
  undeclared.Add("a.weight", DType::kF8E4M3, {256, 384}).Add("a.weight_scale", DType::kF32, {2, 3});
  EXPECT_THAT(undeclared.Error(), HasSubstr("nothing in config.json says how large the blocks"));
  SourceBuilder other(R"({"model_type": "llama", "quantization_config":
      {"quant_method": "fp8", "weight_block_size": [64, 128]}})");
  other.Add("a.weight", DType::kF8E4M3, {256, 384}).Add("a.weight_scale", DType::kF32, {4, 3});
  EXPECT_THAT(other.Error(), HasSubstr("blocks of 64 by 128 for 8-bit floats; only 128 by 128"));
  SourceBuilder shape(kBlockFp8);
  shape.Add("a.weight", DType::kF8E4M3, {256, 384}).Add("a.weight_scale", DType::kF32, {2, 4});
  EXPECT_THAT(shape.Error(), AllOf(HasSubstr("blocks of 128 by 128 take scales [2, 3]"),
                                   HasSubstr("[256, 384]"), HasSubstr("[2, 4]")));
  SourceBuilder rank(kBlockFp8);
  rank.Add("a.weight", DType::kF8E4M3, {256}).Add("a.weight_scale", DType::kF32, {2});
  EXPECT_THAT(rank.Error(), HasSubstr("must have two or three dimensions"));
  SourceBuilder type(kBlockFp8);
  type.Add("a.weight", DType::kF8E4M3, {256, 384}).Add("a.weight_scale", DType::kI32, {2, 3});
  EXPECT_THAT(type.Error(), HasSubstr("scales are F32, BF16, F16 or F8_E8M0"));
}

TEST(Fp8Source, RefusesOtherEightBitFloatsByName) {
  for (DType type : {DType::kF8E5M2, DType::kF8E5M2Fnuz, DType::kF8E4M3Fnuz}) {
    SourceBuilder builder(kLlama);
    builder.Add("a.weight", type, {256, 384});
    EXPECT_THAT(builder.Error(), AllOf(HasSubstr("\"a.weight\""), HasSubstr(NameOf(type)),
                                       HasSubstr("cannot be imported")));
  }
}

// --- what is refused ----------------------------------------------------------------------------

TEST(ForeignSource, IsRefusedByName) {
  struct Case {
    std::string_view config;
    std::string_view tensor;
    DType type;
    std::string_view name;
  };
  const Case cases[] = {
      {R"({"model_type": "llama", "quantization_config": {"quant_method": "gptq"}})", "a.qweight",
       DType::kI32, "GPTQ"},
      {kLlama, "a.qweight", DType::kI32, "GPTQ"},
      {R"({"model_type": "llama", "quantization_config": {"quant_method": "awq"}})", "a.qweight",
       DType::kI32, "AWQ"},
      {kLlama, "a.weight.absmax", DType::kF32, "bitsandbytes"},
      {kLlama, "a.weight.quant_state.bitsandbytes__nf4", DType::kU8, "bitsandbytes"},
      {kLlama, "a.SCB", DType::kF32, "bitsandbytes"},
      {kLlama, "a.weight_packed", DType::kI32, "pack-quantized"},
      {kLlama, "a.W_q", DType::kU8, "HQQ"},
      {kLlama, "a.codebooks", DType::kF16, "AQLM"},
  };
  for (const Case& c : cases) {
    SourceBuilder builder(c.config);
    builder.Add(c.tensor, c.type, {32, 64});
    EXPECT_THAT(builder.Error(),
                AllOf(HasSubstr(c.name), HasSubstr(c.tensor), HasSubstr("cannot be imported")));
  }
  SourceBuilder method(
      R"({"model_type": "llama", "quantization_config": {"quant_method": "eetq"}})");
  method.Add("a.weight", DType::kI8, {32, 64});
  EXPECT_THAT(method.Error(), HasSubstr("config.json says quant_method \"eetq\""));
}

TEST(ForeignSource, IsNoReasonToRefuseWeightsThatAreFloats) {
  SourceBuilder builder(
      R"({"model_type": "llama", "quantization_config": {"quant_method": "awq"}})");
  builder.Add("a.weight", DType::kBF16, {32, 64});
  EXPECT_EQ(builder.MustPlan().blobs.size(), 1U);
}

}  // namespace
}  // namespace ingot::import
