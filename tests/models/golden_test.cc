// Every architecture against the Hugging Face implementation, in fp32: see seeded_checkpoint.h.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/load.h"
#include "tests/models/golden_check.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/temp_dir.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using ::ingot::testing::ExpectMatches;
using ::ingot::testing::FedTokens;
using ::ingot::testing::Golden;
using ::ingot::testing::LogitsOf;
using ::ingot::testing::ReadGolden;
using ::ingot::testing::SeededTensor;
using ::ingot::testing::TempDir;
using ::testing::HasSubstr;

using ModelPtr = std::unique_ptr<model::LanguageModel>;

core::Result<ModelPtr> LoadFrom(const Golden& golden, const std::vector<SeededTensor>& tensors,
                                mx::Dtype type = mx::float32) {
  const TempDir dir;  // gone when this returns: the arrays hold what they need
  testing::WriteFolder(dir / "m", golden.config, tensors);
  return LoadFolder(core::Env::Posix(), dir / "m", type);
}

class GoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenTest, MatchesTheReferenceWholeAndInChunks) {
  const Golden golden = ReadGolden(GetParam());
  const auto model = LoadFrom(golden, golden.tensors);
  ASSERT_TRUE(model.ok()) << model.status().message();
  // 11, 12 and 13 lie around the windows of the models that have one.
  for (const size_t chunk : {512, 16, 13, 12, 11, 7, 1}) {
    SCOPED_TRACE(chunk);
    ExpectMatches(golden, LogitsOf(**model, FedTokens(golden), chunk));
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, GoldenTest,
                         ::testing::Values("llama", "llama_llama3", "llama_yarn", "llama_linear",
                                           "mistral_window", "ministral", "ministral3", "qwen3",
                                           "qwen3_window", "qwen3_moe", "qwen3_5", "qwen3_5_moe",
                                           "qwen3_next", "gemma3", "gemma4", "gemma4_moe",
                                           "glm4_moe_lite", "glm4_moe_lite_groups", "laguna",
                                           "laguna_elements", "nemotron_h", "nemotron_h_latent",
                                           "cohere2_moe", "cohere2_moe_sigmoid", "gpt_oss"),
                         [](const auto& param) { return std::string(param.param); });

TEST(ExpertFormsTest, EveryFormOfTheSameExpertsGivesTheSameLogits) {
  const Golden golden = ReadGolden("qwen3_5_moe");
  const std::vector<int> tokens = FedTokens(golden);
  const auto reference = LoadFrom(golden, golden.tensors);
  ASSERT_TRUE(reference.ok()) << reference.status().message();
  const std::vector<float> expected = LogitsOf(**reference, tokens, 16);
  const std::vector<std::pair<std::string, std::vector<SeededTensor>>> forms = {
      {"switch_mlp", testing::StackExperts(golden.tensors, "switch_mlp", ".weight")},
      {"stacked below experts", testing::StackExperts(golden.tensors, "experts", ".weight")},
      {"stacked without .weight", testing::StackExperts(golden.tensors, "experts", "")},
      {"fused", testing::FuseExperts(golden.tensors, "")},
      {"fused with .weight", testing::FuseExperts(golden.tensors, ".weight")},
  };
  for (const auto& [form, tensors] : forms) {
    const auto model = LoadFrom(golden, tensors);
    ASSERT_TRUE(model.ok()) << form << ": " << model.status().message();
    EXPECT_EQ(LogitsOf(**model, tokens, 16), expected) << form;
  }
}

TEST(ExpertFormsTest, TheLanguagePartOfAVisionModelIsTheSameModel) {
  Golden golden = ReadGolden("qwen3_5_moe");
  const std::vector<int> tokens = FedTokens(golden);
  const auto reference = LoadFrom(golden, golden.tensors);
  ASSERT_TRUE(reference.ok());
  const std::vector<float> expected = LogitsOf(**reference, tokens, 16);
  testing::WrapInVision(golden);
  const auto wrapped = LoadFrom(golden, golden.tensors);
  ASSERT_TRUE(wrapped.ok()) << wrapped.status().message();
  EXPECT_EQ(LogitsOf(**wrapped, tokens, 16), expected);
}

// Converters turn the convolutions and add the norms' 1, in bf16; that rounding is theirs, so the
// norms here are ones that lose nothing by it.
class NormTest : public ::testing::TestWithParam<const char*> {};

TEST_P(NormTest, TheConvolutionsLayoutDecidesWhetherNormsHoldTheirOne) {
  Golden golden = ReadGolden(GetParam());
  const auto is_centred = [](const std::string& name) {
    return name.ends_with("norm.weight") && name.find("linear_attn") == std::string::npos;
  };
  for (SeededTensor& tensor : golden.tensors) {
    if (!is_centred(tensor.name)) continue;
    for (uint16_t& value : tensor.values) {
      value = testing::ToBf16(std::round(testing::FromBf16(value) * 32) / 32);
    }
  }
  const auto raw = LoadFrom(golden, golden.tensors);
  ASSERT_TRUE(raw.ok()) << raw.status().message();
  const std::vector<float> expected = LogitsOf(**raw, golden.prompt, 16);
  for (SeededTensor& tensor : golden.tensors) {
    if (tensor.name.ends_with("conv1d.weight")) std::swap(tensor.shape[1], tensor.shape[2]);
    if (!is_centred(tensor.name)) continue;
    for (uint16_t& value : tensor.values) {
      value = testing::ToBf16(testing::FromBf16(value) + 1.0F);
    }
  }
  const auto converted = LoadFrom(golden, golden.tensors);
  ASSERT_TRUE(converted.ok()) << converted.status().message();
  EXPECT_EQ(LogitsOf(**converted, golden.prompt, 16), expected);
}

INSTANTIATE_TEST_SUITE_P(Architectures, NormTest, ::testing::Values("qwen3_5", "qwen3_next"),
                         [](const auto& param) { return std::string(param.param); });

TEST(RecurrentStateTest, IsFloat32ForBf16ActivationsAndKeptAcrossCalls) {
  const Golden golden = ReadGolden("qwen3_5");
  const auto model = LoadFrom(golden, golden.tensors, mx::bfloat16);
  ASSERT_TRUE(model.ok()) << model.status().message();
  std::vector<int> tokens;
  for (int i = 0; i < 512; ++i) tokens.push_back((i * 37 + i / 7) % 192);
  model::SequenceState once = (*model)->NewState();
  model::SequenceState stepwise = (*model)->NewState();
  const auto feed = [&](model::SequenceState& state, size_t begin, size_t count) {
    const ops::Array ids(tokens.data() + begin, {1, static_cast<int>(count)}, mx::int32);
    mx::eval((*model)->Forward(ids, state));
    mx::eval(state.Pending());
  };
  feed(once, 0, tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) feed(stepwise, i, 1);
  for (size_t layer = 0; layer < once.layers(); ++layer) {
    if (layer % 4 == 3) continue;  // full attention
    const auto& a = once.Layer<model::RecurrentCache>(layer);
    const auto& b = stepwise.Layer<model::RecurrentCache>(layer);
    ASSERT_TRUE(a.state() && b.state());
    EXPECT_EQ(a.state()->dtype(), mx::float32);
    EXPECT_EQ(a.tail()->dtype(), mx::bfloat16);
    const float scale = mx::max(mx::abs(*a.state())).item<float>();
    const float error = mx::max(mx::abs(*a.state() - *b.state())).item<float>();
    if (layer == 0) {
      // Its inputs are the same rows whatever the chunk: only sums may be ordered differently.
      EXPECT_LE(error, 1e-5F * scale);
    } else {
      EXPECT_LE(error, 5e-2F * scale) << "bf16 activations of the layers below may differ";
    }
  }
}

TEST(RecurrentStateTest, SingleStepsEqualOnePassInEveryLayer) {
  const Golden golden = ReadGolden("qwen3_5");
  const auto model = LoadFrom(golden, golden.tensors);
  ASSERT_TRUE(model.ok()) << model.status().message();
  std::vector<int> tokens;
  for (int i = 0; i < 512; ++i) tokens.push_back((i * 37 + i / 7) % 192);
  EXPECT_LE(testing::WorstError(LogitsOf(**model, tokens, 1), LogitsOf(**model, tokens, 512)),
            1e-4);
}

TEST(LoadErrorsTest, AllMissingAndMisshapenTensorsAreNamedAtOnce) {
  Golden golden = ReadGolden("qwen3_5_moe");
  std::erase_if(golden.tensors, [](const SeededTensor& tensor) {
    return tensor.name == "model.norm.weight" || tensor.name == "model.layers.1.mlp.gate.weight";
  });
  for (SeededTensor& tensor : golden.tensors) {
    if (tensor.name == "model.layers.3.self_attn.o_proj.weight")
      std::swap(tensor.shape[0], tensor.shape[1]);
  }
  const auto model = LoadFrom(golden, golden.tensors);
  ASSERT_FALSE(model.ok());
  const std::string message(model.status().message());
  EXPECT_THAT(message, HasSubstr("2 tensors are missing"));
  EXPECT_THAT(message, HasSubstr("model.norm.weight"));
  EXPECT_THAT(message, HasSubstr("model.layers.1.mlp.gate.weight"));
  EXPECT_THAT(
      message,
      HasSubstr("model.layers.3.self_attn.o_proj.weight: expected [64, 128], found [128, 64]"));
}

TEST(LoadErrorsTest, ConfigsAreCheckedFieldByField) {
  Golden golden = ReadGolden("llama");
  golden.config.erase("hidden_size");
  golden.config["num_key_value_heads"] = 3;
  golden.config["vocab_size"] = -1;
  golden.config["rope_parameters"]["rope_type"] = "spiral";
  const auto model = LoadFrom(golden, golden.tensors);
  ASSERT_FALSE(model.ok());
  const std::string message(model.status().message());
  EXPECT_THAT(message, HasSubstr("hidden_size is missing"));
  EXPECT_THAT(message,
              HasSubstr("num_attention_heads: expected a multiple of num_key_value_heads"));
  EXPECT_THAT(message, HasSubstr("vocab_size: expected an integer from 1"));
  EXPECT_THAT(message, HasSubstr("rope scaling \"spiral\" is not supported"));
}

TEST(LoadErrorsTest, AnUnknownArchitectureIsRefusedByName) {
  Golden golden = ReadGolden("llama");
  golden.config["architectures"] = {"FancyForCausalLM"};
  const auto model = LoadFrom(golden, golden.tensors);
  EXPECT_EQ(model.status().code(), core::Code::kUnsupported);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("\"FancyForCausalLM\""));
  EXPECT_THAT(std::string(model.status().hint()), HasSubstr("LlamaForCausalLM"));
}

}  // namespace
}  // namespace ingot::models
