#include "family/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::family {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

core::Result<ModelFacts> Read(std::string_view config) {
  const auto json = core::ParseJson(config);
  EXPECT_TRUE(json.ok()) << config;
  return ReadFacts(*json);
}

std::string ErrorOf(std::string_view config) {
  const auto facts = Read(config);
  EXPECT_FALSE(facts.ok()) << config;
  return std::string(facts.status().message());
}

TEST(Facts, PrefersTheFirstArchitectureThenModelTypes) {
  EXPECT_EQ(Read(R"({"architectures": ["A", "B"], "model_type": "c"})")->architecture, "A");
  EXPECT_EQ(Read(R"({"architectures": null, "model_type": "c"})")->architecture, "c");
  EXPECT_EQ(Read(R"({"architectures": [], "text_config": {"model_type": "d"}})")->architecture,
            "d");
}

TEST(Facts, LooksIntoNestedConfigs) {
  const auto facts = Read(R"({"architectures": ["Gemma4ForConditionalGeneration"],
      "text_config": {"num_hidden_layers": 30, "num_experts": 8, "hidden_size": 2816,
                      "vocab_size": 262144, "max_position_embeddings": 131072},
      "tie_word_embeddings": true})");
  EXPECT_EQ(facts->layers, 30U);
  EXPECT_EQ(facts->experts, 8U);
  EXPECT_EQ(facts->hidden_size, 2816U);
  EXPECT_EQ(facts->vocabulary, 262144U);
  EXPECT_EQ(facts->context_length, 131072U);
  EXPECT_TRUE(facts->tied_head);
  EXPECT_EQ(Read(R"({"architectures": ["N"], "llm_config": {"num_hidden_layers": 52}})")->layers,
            52U);
  // The outermost wins, and 0 is as good as nothing.
  EXPECT_EQ(Read(R"({"architectures": ["N"], "num_hidden_layers": 0,
                     "text_config": {"num_hidden_layers": 7}})")
                ->layers,
            7U);
}

TEST(Facts, KnowsEveryNameForTheNumberOfExperts) {
  EXPECT_EQ(Read(R"({"model_type": "x", "num_local_experts": 32})")->experts, 32U);
  EXPECT_EQ(Read(R"({"model_type": "x", "n_routed_experts": 64})")->experts, 64U);
  EXPECT_EQ(Read(R"({"model_type": "x", "num_experts": null})")->experts, 0U);
}

TEST(Facts, CountsLayersThatAreOnlyListed) {
  EXPECT_EQ(Read(R"({"model_type": "nemotron_h", "hybrid_override_pattern": "M-*E"})")->layers, 4U);
  EXPECT_EQ(
      Read(R"({"model_type": "nemotron_h", "layers_block_type": ["mlp", "moe", "mlp"]})")->layers,
      3U);
}

TEST(Facts, KnowsLagunasDefaults) {
  const auto facts = Read(R"({"architectures": ["LagunaForCausalLM"]})");
  EXPECT_EQ(facts->layers, 40U);
  EXPECT_THAT(facts->dense_layers, ElementsAre(0));
  EXPECT_THAT(Read(R"({"architectures": ["LagunaForCausalLM"], "mlp_only_layers": [7, 2],
                       "mlp_layer_types": ["dense", "sparse", "dense"]})")
                  ->dense_layers,
              ElementsAre(0, 2, 7));
  EXPECT_THAT(Read(R"({"architectures": ["Qwen3MoeForCausalLM"]})")->dense_layers, ElementsAre());
}

TEST(Facts, RefusesWhatItCannotUnderstand) {
  EXPECT_THAT(ErrorOf("{}"), HasSubstr("neither architectures nor a model_type"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("holds a array, expected an object"));
  EXPECT_THAT(ErrorOf(R"({"architectures": "A"})"),
              HasSubstr("\"architectures\" is a string, expected an array of strings"));
  EXPECT_THAT(ErrorOf(R"({"architectures": [1]})"), HasSubstr("expected strings"));
  EXPECT_THAT(ErrorOf(R"({"model_type": "x", "num_hidden_layers": "many"})"),
              HasSubstr("\"num_hidden_layers\" is a string, expected a whole number"));
  EXPECT_THAT(ErrorOf(R"({"model_type": "x", "num_hidden_layers": -1})"),
              HasSubstr("expected a whole number"));
  EXPECT_THAT(ErrorOf(R"({"model_type": "x", "num_hidden_layers": 1000000})"),
              HasSubstr("expected at most 65536"));
  EXPECT_THAT(ErrorOf(R"({"model_type": "x", "text_config": []})"),
              HasSubstr("\"text_config\" is a array, expected an object"));
  EXPECT_THAT(ErrorOf(R"({"model_type": "x", "mlp_only_layers": ["a"]})"),
              HasSubstr("\"mlp_only_layers\" is a string, expected layer numbers"));
  EXPECT_THAT(ErrorOf(R"({"model_type": "x", "mlp_layer_types": 3})"),
              HasSubstr("expected an array"));
}

}  // namespace
}  // namespace ingot::family
