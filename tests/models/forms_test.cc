// The layouts that other importers and converters leave behind: the same weights in any of them are
// the same model.
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <string_view>
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
using ::ingot::testing::Golden;
using ::ingot::testing::ReadGolden;
using ::ingot::testing::SeededTensor;
using ::ingot::testing::TempDir;
using ::testing::HasSubstr;
using Tensors = std::vector<SeededTensor>;

core::Result<std::unique_ptr<model::LanguageModel>> LoadFrom(const Golden& golden) {
  const TempDir dir;  // gone when this returns: the arrays hold what they need
  testing::WriteFolder(dir / "m", golden.config, golden.tensors);
  return LoadFolder(core::Env::Posix(), dir / "m", mx::float32);
}

std::vector<float> LogitsOf(const Golden& golden, const std::vector<int>& tokens, size_t chunk) {
  const auto model = LoadFrom(golden);
  EXPECT_TRUE(model.ok()) << model.status().message();
  if (!model.ok()) return {};
  return testing::LogitsOf(**model, tokens, chunk);
}

void ExpectNear(const std::vector<float>& got, const std::vector<float>& expected, float most) {
  ASSERT_EQ(got.size(), expected.size());
  float worst = 0;
  for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - expected[i]));
  EXPECT_LE(worst, most);
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

void Rename(Tensors& tensors, std::string_view from, std::string_view to) {
  for (SeededTensor& tensor : tensors) tensor.name = Replaced(tensor.name, from, to);
}

// Rows begin, begin + step, … below end of the second axis of [a, rows, c].
SeededTensor Rows(const SeededTensor& all, const std::string& name, size_t begin, size_t end,
                  size_t step) {
  SeededTensor part{name, {all.shape[0], (end - begin + step - 1) / step, all.shape[2]}, {}};
  for (size_t a = 0; a < all.shape[0]; ++a) {
    for (size_t row = begin; row < end; row += step) {
      const auto from =
          all.values.begin() + static_cast<ptrdiff_t>((a * all.shape[1] + row) * all.shape[2]);
      part.values.insert(part.values.end(), from, from + static_cast<ptrdiff_t>(all.shape[2]));
    }
  }
  return part;
}

// [a, b, c] → [a, c, b]
SeededTensor Turned(const SeededTensor& tensor) {
  SeededTensor turned{tensor.name, {tensor.shape[0], tensor.shape[2], tensor.shape[1]}, {}};
  for (size_t a = 0; a < tensor.shape[0]; ++a) {
    for (size_t c = 0; c < tensor.shape[2]; ++c) {
      for (size_t b = 0; b < tensor.shape[1]; ++b) {
        turned.values.push_back(tensor.values[(a * tensor.shape[1] + b) * tensor.shape[2] + c]);
      }
    }
  }
  return turned;
}

// Replaces the tensors whose names end so by what `make` makes of them.
void Remake(Tensors& tensors, std::string_view ending,
            const std::function<Tensors(const SeededTensor&, const std::string& stem)>& make) {
  Tensors result;
  for (const SeededTensor& tensor : tensors) {
    if (!tensor.name.ends_with(ending)) {
      result.push_back(tensor);
      continue;
    }
    const std::string stem = tensor.name.substr(0, tensor.name.size() - ending.size());
    for (SeededTensor& made : make(tensor, stem)) result.push_back(std::move(made));
  }
  tensors = std::move(result);
}

// Names of the language model's tensors as importers and converters of larger models left them.
TEST(FormsTest, ALanguageModelInAnyContainer) {
  struct Containers {
    const char* golden;
    const char* own;
    std::vector<const char*> others;
  };
  const std::vector<const char*> usual = {"", "language_model.", "language_model.model.",
                                          "model.language_model.", "model.language_model.model."};
  std::vector<Containers> rows = {{"nemotron_h",
                                   "backbone.",
                                   {"", "model.", "language_model.model.",
                                    "language_model.backbone.", "model.language_model.backbone."}}};
  for (const char* golden : {"llama", "qwen3_moe", "qwen3_5", "gemma3", "gemma4_moe",
                             "glm4_moe_lite", "laguna", "cohere2_moe", "gpt_oss"}) {
    rows.push_back({golden, "model.", usual});
  }
  for (const Containers& row : rows) {
    SCOPED_TRACE(row.golden);
    Golden golden = ReadGolden(row.golden);
    golden.prompt.resize(8);
    const std::vector<float> expected = LogitsOf(golden, golden.prompt, 8);
    for (const std::string other : row.others) {
      SCOPED_TRACE(other);
      Golden inside = golden;
      for (SeededTensor& tensor : inside.tensors) {
        if (tensor.name.starts_with(row.own)) {
          tensor.name = other + tensor.name.substr(std::string_view(row.own).size());
        } else if (other.starts_with("language_model.")) {
          tensor.name = "language_model." + tensor.name;
        }
      }
      EXPECT_EQ(LogitsOf(inside, golden.prompt, 8), expected);
    }
  }
}

// "rope_theta" and "rope_scaling" say in older configs what "rope_parameters" says in newer ones.
void SpellRopeAsBefore(core::Json& config) {
  core::Json block = config["rope_parameters"];
  config.erase("rope_parameters");
  for (const char* key : {"rope_theta", "partial_rotary_factor"}) {
    if (!block.contains(key)) continue;
    config[key] = block[key];
    block.erase(key);
  }
  block["type"] = block["rope_type"];
  block.erase("rope_type");
  config["rope_scaling"] = block;
}

TEST(FormsTest, PositionsInTheOlderSpelling) {
  for (const char* name : {"llama_linear", "llama_llama3", "llama_yarn", "ministral3", "qwen3_5",
                           "glm4_moe_lite_groups", "gpt_oss"}) {
    SCOPED_TRACE(name);
    Golden golden = ReadGolden(name);
    const std::vector<float> expected = LogitsOf(golden, golden.prompt, 16);
    SpellRopeAsBefore(golden.config);
    EXPECT_EQ(LogitsOf(golden, golden.prompt, 16), expected);
  }
}

TEST(FormsTest, PositionsByKindOfLayerInTheOlderSpellings) {
  Golden gemma = ReadGolden("gemma3");
  const std::vector<float> expected = LogitsOf(gemma, gemma.prompt, 16);
  core::Json ropes = gemma.config["rope_parameters"];
  gemma.config["rope_parameters"] = ropes["full_attention"];
  SpellRopeAsBefore(gemma.config);
  gemma.config["rope_local_base_freq"] = ropes["sliding_attention"]["rope_theta"];
  EXPECT_EQ(LogitsOf(gemma, gemma.prompt, 16), expected);

  for (const char* name : {"laguna", "laguna_elements"}) {
    SCOPED_TRACE(name);
    Golden laguna = ReadGolden(name);
    const std::vector<float> same = LogitsOf(laguna, laguna.prompt, 16);
    ropes = laguna.config["rope_parameters"];
    Golden renamed = laguna;
    renamed.config["rope_parameters"] = {{"global_attention", ropes["full_attention"]},
                                         {"sliding_attention", ropes["sliding_attention"]}};
    EXPECT_EQ(LogitsOf(renamed, laguna.prompt, 16), same);
    laguna.config["rope_parameters"] = ropes["full_attention"];
    laguna.config["swa_rope_parameters"] = ropes["sliding_attention"];
    EXPECT_EQ(LogitsOf(laguna, laguna.prompt, 16), same);
    SpellRopeAsBefore(laguna.config);
    EXPECT_EQ(LogitsOf(laguna, laguna.prompt, 16), same);
  }
}

TEST(FormsTest, Mistral3IsItsTextModel) {
  Golden golden = ReadGolden("ministral3");
  const std::vector<float> expected = LogitsOf(golden, golden.prompt, 16);
  golden.config = core::Json{{"architectures", {"Mistral3ForConditionalGeneration"}},
                             {"model_type", "mistral3"},
                             {"text_config", golden.config},
                             {"vision_config", core::Json::object()}};
  golden.config["text_config"].erase("architectures");
  Rename(golden.tensors, "model.", "model.language_model.");
  golden.tensors.push_back({"model.vision_tower.ln_pre.weight", {2}, {0, 0}});
  golden.tensors.push_back({"model.multi_modal_projector.linear_1.weight", {1, 2}, {0, 0}});
  EXPECT_EQ(LogitsOf(golden, golden.prompt, 16), expected);
}

TEST(FormsTest, Gemma4ExpertsUnderAnyOfTheirNames) {
  const Golden golden = ReadGolden("gemma4_moe");
  const std::vector<float> expected = LogitsOf(golden, golden.prompt, 16);
  for (const char* place : {".moe.switch_mlp.", ".moe.experts.", ".experts.switch_glu.", ".moe."}) {
    SCOPED_TRACE(place);
    Golden other = golden;
    Rename(other.tensors, ".experts.", place);
    EXPECT_EQ(LogitsOf(other, golden.prompt, 16), expected);
    for (SeededTensor& tensor : other.tensors) {
      if (tensor.name.find(place) != std::string::npos && tensor.name.ends_with("_proj")) {
        tensor.name += ".weight";
      }
    }
    EXPECT_EQ(LogitsOf(other, golden.prompt, 16), expected);
  }
  Golden apart = golden;
  Remake(apart.tensors, ".experts.gate_up_proj", [](const SeededTensor& both, const auto& stem) {
    const size_t half = both.shape[1] / 2;
    return Tensors{Rows(both, stem + ".experts.gate_proj", 0, half, 1),
                   Rows(both, stem + ".experts.up_proj", half, 2 * half, 1)};
  });
  ExpectNear(LogitsOf(apart, golden.prompt, 16), expected, 1e-4F);
  Golden old = golden;
  Rename(old.tensors, ".router.per_expert_scale", ".moe.per_expert_scale");
  EXPECT_EQ(LogitsOf(old, golden.prompt, 16), expected);
}

TEST(FormsTest, GptOssExpertsApartAndTheOtherWayRound) {
  const Golden golden = ReadGolden("gpt_oss");
  const std::vector<float> expected = LogitsOf(golden, golden.prompt, 16);
  for (const std::string place : {".switch_mlp.", ".experts."}) {
    SCOPED_TRACE(place);
    Golden other = golden;
    Remake(other.tensors, ".experts.gate_up_proj", [&](const SeededTensor& both, const auto& stem) {
      const SeededTensor rows = Turned(both);
      return Tensors{Rows(rows, stem + place + "gate_proj.weight", 0, rows.shape[1], 2),
                     Rows(rows, stem + place + "up_proj.weight", 1, rows.shape[1], 2)};
    });
    Remake(other.tensors, ".experts.gate_up_proj_bias",
           [&](const SeededTensor& both, const auto& stem) {
             const SeededTensor rows{both.name, {both.shape[0], both.shape[1], 1}, both.values};
             SeededTensor gate = Rows(rows, stem + place + "gate_proj.bias", 0, rows.shape[1], 2);
             SeededTensor up = Rows(rows, stem + place + "up_proj.bias", 1, rows.shape[1], 2);
             gate.shape.pop_back();
             up.shape.pop_back();
             return Tensors{gate, up};
           });
    Remake(other.tensors, ".experts.down_proj", [&](const SeededTensor& down, const auto& stem) {
      SeededTensor turned = Turned(down);
      turned.name = stem + place + "down_proj.weight";
      return Tensors{turned};
    });
    Rename(other.tensors, ".experts.down_proj_bias", place + "down_proj.bias");
    ExpectNear(LogitsOf(other, golden.prompt, 16), expected, 1e-4F);
  }
}

TEST(FormsTest, NemotronExpertsAsMlxNamesThem) {
  const Golden golden = ReadGolden("nemotron_h");
  const std::vector<float> expected = LogitsOf(golden, golden.prompt, 16);
  Golden other = golden;
  other.tensors = testing::StackExperts(golden.tensors, "switch_mlp", ".weight");
  Rename(other.tensors, ".switch_mlp.up_proj.", ".switch_mlp.fc1.");
  Rename(other.tensors, ".switch_mlp.down_proj.", ".switch_mlp.fc2.");
  for (SeededTensor& tensor : other.tensors) {
    if (tensor.name.ends_with("conv1d.weight")) std::swap(tensor.shape[1], tensor.shape[2]);
  }
  Rename(other.tensors, "backbone.", "model.");
  EXPECT_EQ(LogitsOf(other, golden.prompt, 16), expected);
}

TEST(FormsTest, LagunaAsMlxNamesIt) {
  const Golden golden = ReadGolden("laguna");
  const std::vector<float> expected = LogitsOf(golden, golden.prompt, 16);
  Golden other = golden;
  other.tensors = testing::StackExperts(golden.tensors, "switch_mlp", ".weight");
  Rename(other.tensors, ".mlp.gate.weight", ".mlp.gate.proj.weight");
  Rename(other.tensors, ".mlp.experts.e_score_correction_bias",
         ".mlp.gate.e_score_correction_bias");
  for (SeededTensor& tensor : other.tensors) tensor.name = "language_model." + tensor.name;
  EXPECT_EQ(LogitsOf(other, golden.prompt, 16), expected);
}

TEST(FormsTest, GlmLatentProjectionsSplitAsMlxSplitsThem) {
  const Golden golden = ReadGolden("glm4_moe_lite");
  const std::vector<float> expected = LogitsOf(golden, golden.prompt, 16);
  const auto plain = golden.config["qk_nope_head_dim"].get<size_t>();
  const auto value = golden.config["v_head_dim"].get<size_t>();
  const auto heads = golden.config["num_attention_heads"].get<size_t>();
  Golden other = golden;
  Remake(other.tensors, ".kv_b_proj.weight", [&](const SeededTensor& both, const auto& stem) {
    const SeededTensor rows{both.name, {heads, plain + value, both.shape[1]}, both.values};
    SeededTensor keys = Turned(Rows(rows, "", 0, plain, 1));
    keys.name = stem + ".embed_q.weight";
    return Tensors{keys, Rows(rows, stem + ".unembed_out.weight", plain, plain + value, 1)};
  });
  EXPECT_EQ(LogitsOf(other, golden.prompt, 16), expected);
}

TEST(FormsTest, LatentAttentionIsTheSameAbsorbedAndExpanded) {
  const Golden golden = ReadGolden("glm4_moe_lite_groups");
  std::vector<int> tokens;
  for (int i = 0; i < 600; ++i) tokens.push_back((i * 37 + i / 7) % 192);
  // All at once is beyond where expanding pays, sixteen are not.
  ExpectNear(LogitsOf(golden, tokens, tokens.size()), LogitsOf(golden, tokens, 16), 2e-3F);
}

TEST(FormsTest, SharedKeysNeedALayerOfTheirKind) {
  Golden golden = ReadGolden("gemma4");
  golden.config["num_kv_shared_layers"] = 3;  // leaves one layer, which has a window
  const auto model = LoadFrom(golden);
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(std::string(model.status().message()),
              HasSubstr("num_kv_shared_layers: layer 1 shares the keys of a layer of its kind"));
}

}  // namespace
}  // namespace ingot::models
