#include "family/policy.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "family/family.h"

namespace ingot::family {
namespace {

using Shape = std::vector<uint64_t>;

ModelFacts FactsOf(std::string_view config) {
  const auto json = core::ParseJson(config);
  EXPECT_TRUE(json.ok()) << config;
  auto facts = ReadFacts(*json);
  EXPECT_TRUE(facts.ok()) << facts.status().message();
  return *std::move(facts);
}

std::span<const Rule> RulesOf(const ModelFacts& facts) {
  const Family* family = FindFamily(facts.architecture);
  return family == nullptr ? std::span<const Rule>() : family->rules;
}

Decision Ask(std::string_view config, std::string_view name, const Shape& shape, Precision base) {
  const ModelFacts facts = FactsOf(config);
  return Decide(RulesOf(facts), facts, name, shape, base);
}

Shape ParseShape(std::string_view text) {
  Shape shape;
  for (std::string_view dim : core::Split(text, ',')) shape.push_back(*core::ParseUint(dim));
  return shape;
}

// tools/reference/policy made the table by asking the reference importer.
TEST(Policy, AgreesWithTheReferenceImporterOnEveryWeight) {
  std::ifstream file(INGOT_SOURCE_DIR "/tests/family/policy_reference.tsv");
  ASSERT_TRUE(file.is_open());
  ModelFacts facts;
  bool draft = false;
  std::string model;
  size_t answers = 0;
  for (std::string line; std::getline(file, line);) {
    const auto fields = core::Split(line, '\t');
    ASSERT_EQ(fields.size(), 3U) << line;
    if (fields[0] == "#") {
      model = fields[1];
      draft = model.ends_with("+draft");
      facts = FactsOf(fields[2]);
      continue;
    }
    const Shape shape = ParseShape(fields[1]);
    const auto expected = core::Split(fields[2], ' ');
    ASSERT_EQ(expected.size(), kPrecisionCount - 1) << line;
    for (size_t i = 0; i < expected.size(); ++i) {
      const auto base = static_cast<Precision>(i + 1);
      const Decision decision = Decide(RulesOf(facts), facts, fields[0], shape, base, draft);
      const std::string_view name =
          decision.precision == Precision::kSource ? "-" : NameOf(decision.precision);
      EXPECT_EQ(name, expected[i])
          << model << " " << fields[0] << " [" << fields[1] << "] asked for " << NameOf(base)
          << ", decided by " << decision.rule;
      ++answers;
    }
  }
  EXPECT_GT(answers, 15'000U);
}

struct GenericCase {
  std::string_view name;
  Shape shape;
  Precision base;
  Precision expected;
  std::string_view rule;
};

// One row a generic rule at least, and the traps around them.
TEST(Policy, FollowsTheGenericRulesInOrder) {
  using enum Precision;
  const GenericCase cases[] = {
      {"model.audio_tower.layers.0.fc.weight", {512, 512}, kInt4, kSource, "audio"},
      {"model.embed_audio.proj.weight", {512, 512}, kMxfp8, kSource, "audio"},
      {"model.embed_tokens.weight", {32000, 512}, kInt4, kSource, "embedding"},
      {"model.layers.0.self_attn.embed_q.weight", {512, 512}, kInt4, kSource, "embedding"},
      {"model.layers.0.self_attn.unembed_out.weight", {512, 512}, kInt4, kSource, "embedding"},
      {"model.layers.0.patch_embed.weight", {512, 512}, kInt4, kSource, "embedding"},
      {"model.layers.0.input_layernorm.weight", {512}, kInt4, kSource, "norm"},
      {"model.layers.0.ln_1.weight", {512, 512}, kInt4, kSource, "norm"},
      {"model.layers.0.self_attn.q_proj.bias", {512}, kInt4, kSource, "bias"},
      {"model.layers.0.linear_attn.A_log", {32}, kInt4, kSource, "not a weight"},
      {"model.layers.0.conv1d.weight", {4096, 1, 4}, kInt4, kSource, "not a matrix"},
      {"model.layers.0.self_attn.q_proj.weight", {4, 8, 512}, kInt4, kSource, "not a matrix"},
      {"model.layers.0.mlp.experts.up_proj.weight", {4, 8, 512}, kInt4, kInt4, "as requested"},
      {"model.layers.0.mlp.experts.gate_up_proj", {4, 8, 512}, kInt4, kInt4, "as requested"},
      {"model.layers.0.mlp.shared_experts.up_proj.weight", {8, 512}, kInt4, kInt4, "as requested"},
      {"model.layers.0.self_attn.q_proj.weight", {15, 64}, kInt4, kSource, "tiny"},
      {"model.layers.0.self_attn.q_proj.weight", {16, 64}, kInt4, kInt4, "as requested"},
      {"model.layers.0.mlp.gate.weight", {128, 512}, kInt8, kSource, "router"},
      {"model.layers.0.mixer.gate.weight", {128, 512}, kNvfp4, kSource, "router"},
      {"model.layers.0.mlp.shared_expert_gate.weight", {4, 512}, kInt4, kSource, "router"},
      {"model.layers.0.router.proj.weight", {128, 512}, kInt4, kSource, "router"},
      {"lm_head.weight", {32000, 512}, kInt4, kInt8, "output head"},
      {"lm_head.weight", {32000, 512}, kNvfp4, kMxfp8, "output head"},
      {"lm_head.weight", {32000, 96}, kInt4, kSource, "output head"},
      {"lm_head.weight", {32000, 80}, kNvfp4, kSource, "output head"},
      {"model.visual.blocks.0.attn.qkv.weight", {512, 512}, kInt4, kSource, "vision"},
      {"model.vision_tower.blocks.0.mlp.weight", {512, 512}, kInt4, kSource, "vision"},
      {"model.layers.0.self_attn.q_proj.weight",
       {512, 96},
       kInt4,
       kSource,
       "rows do not fit groups"},
      {"model.layers.0.self_attn.q_proj.weight", {512, 96}, kMxfp4, kMxfp4, "as requested"},
      {"model.layers.0.self_attn.q_proj.weight",
       {512, 80},
       kMxfp4,
       kSource,
       "rows do not fit groups"},
      {"model.layers.0.self_attn.q_proj.weight", {512, 80}, kNvfp4, kNvfp4, "as requested"},
      {"model.layers.0.self_attn.v_proj.weight", {512, 512}, kInt4, kInt8, "value, key or down"},
      {"model.layers.0.self_attn.k_proj.weight", {512, 512}, kNvfp4, kMxfp8, "value, key or down"},
      {"model.layers.0.mlp.down_proj.weight", {512, 512}, kMxfp4, kMxfp8, "value, key or down"},
      {"model.layers.0.mlp.down_proj.weight", {512, 512}, kInt8, kInt8, "as requested"},
      {"model.layers.0.mlp.down_proj.weight", {512, 512}, kMxfp8, kMxfp8, "as requested"},
      // A tensor that fits nvfp4 but not mxfp8 falls back to what was asked for.
      {"model.layers.0.mlp.down_proj.weight", {512, 80}, kNvfp4, kNvfp4, "value, key or down"},
      // int4 promotes stacked experts too, the fp4 types do not; qwen's singular shared expert is
      // promoted by both.
      {"model.layers.0.mlp.experts.down_proj.weight",
       {4, 512, 512},
       kInt4,
       kInt8,
       "value, key or down"},
      {"model.layers.0.mlp.experts.down_proj.weight",
       {4, 512, 512},
       kNvfp4,
       kNvfp4,
       "as requested"},
      {"model.layers.0.mlp.shared_experts.down_proj.weight",
       {512, 512},
       kMxfp4,
       kMxfp4,
       "as requested"},
      {"model.layers.0.mlp.shared_expert.down_proj.weight",
       {512, 512},
       kMxfp4,
       kMxfp8,
       "value, key or down"},
  };
  const ModelFacts facts = FactsOf(R"({"architectures": ["SomethingNew"]})");
  for (const GenericCase& c : cases) {
    EXPECT_EQ(Decide({}, facts, c.name, c.shape, c.base), (Decision{c.expected, c.rule}))
        << c.name << " asked for " << NameOf(c.base) << " gave "
        << NameOf(Decide({}, facts, c.name, c.shape, c.base).precision);
  }
}

TEST(Policy, KeepsEverythingWhenNothingIsAskedFor) {
  const ModelFacts facts = FactsOf(R"({"architectures": ["Qwen3ForCausalLM"]})");
  EXPECT_EQ(Decide({}, facts, "lm_head.weight", Shape{32000, 512}, Precision::kSource).precision,
            Precision::kSource);
}

// The reference hands these to its quantizer, which cannot take them.
TEST(Policy, NeverQuantizesBiasesOrVectorsWhateverAFamilySays) {
  constexpr std::string_view kGemma =
      R"({"architectures": ["Gemma4ForCausalLM"], "num_hidden_layers": 30, "num_experts": 8})";
  EXPECT_EQ(Ask(kGemma, "model.layers.0.self_attn.k_proj.bias", {512}, Precision::kInt4).rule,
            "bias");
  EXPECT_EQ(Ask(kGemma, "model.layers.0.self_attn.v_proj.weight", {512}, Precision::kInt4).rule,
            "not a matrix");
  EXPECT_EQ(Ask(R"({"architectures": ["GptOssForCausalLM"]})",
                "model.layers.0.mlp.experts.down_proj_bias", {32, 2880}, Precision::kMxfp8),
            (Decision{Precision::kSource, "bias"}));
}

TEST(Policy, KeepsTheRouterOfGptOss) {
  EXPECT_EQ(Ask(R"({"architectures": ["GptOssForCausalLM"]})", "model.layers.0.mlp.router.weight",
                {32, 2880}, Precision::kInt8),
            (Decision{Precision::kSource, "gpt_oss: router"}));
}

TEST(Policy, FindsAFamilyByItsModelTypeToo) {
  EXPECT_EQ(Ask(R"({"model_type": "qwen3_5_moe"})",
                "language_model.model.layers.0.linear_attn.in_proj_b.weight", {32, 1024},
                Precision::kInt8),
            (Decision{Precision::kSource, "qwen3.5: decay and gate inputs"}));
}

TEST(Policy, EveryRuleOfEveryFamilyIsReachedByTheReferenceTable) {
  // The table must exercise what it is there to check: a rule that no weight of it reaches could
  // be wrong unnoticed.
  std::ifstream file(INGOT_SOURCE_DIR "/tests/family/policy_reference.tsv");
  ModelFacts facts;
  bool draft = false;
  std::vector<std::string> reached;
  for (std::string line; std::getline(file, line);) {
    const auto fields = core::Split(line, '\t');
    if (fields[0] == "#") {
      draft = fields[1].ends_with("+draft");
      facts = FactsOf(fields[2]);
      continue;
    }
    for (size_t base = 1; base < kPrecisionCount; ++base) {
      reached.emplace_back(Decide(RulesOf(facts), facts, fields[0], ParseShape(fields[1]),
                                  static_cast<Precision>(base), draft)
                               .rule);
    }
  }
  std::sort(reached.begin(), reached.end());
  const auto expect_reached = [&](std::span<const Rule> rules) {
    for (const Rule& rule : rules) {
      if (rule.outcome == Outcome::kGeneric) continue;  // decides nothing itself
      EXPECT_TRUE(std::binary_search(reached.begin(), reached.end(), rule.id)) << rule.id;
    }
  };
  expect_reached(GenericRules());
  expect_reached(DraftRules());
  for (const Family* family : AllFamilies()) {
    if (family->id != "gpt_oss") expect_reached(family->rules);  // the reference does not know it
  }
}

}  // namespace
}  // namespace ingot::family
