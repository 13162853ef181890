// Checkpoints with logits of the Hugging Face implementation, imported and then run: what comes out
// of the store is what went in. And stores as other importers left them.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "import/plan.h"
#include "models/load.h"
#include "store/session.h"
#include "tests/cli/golden_store.h"
#include "tests/models/golden_check.h"
#include "tests/models/packed_checkpoint.h"
#include "tests/models/seeded_checkpoint.h"

namespace ingot::cli {
namespace {

using ::ingot::testing::Golden;
using ::ingot::testing::LogitsOf;
using ::ingot::testing::Named;
using ::ingot::testing::Runnable;
using ::ingot::testing::SeededTensor;
using ::ingot::testing::StoredTensor;

using ModelResult = core::Result<std::unique_ptr<model::LanguageModel>>;

// Goldens whose differences lie in a config or in names that others have as well run imported in
// `make soak` alone.
std::vector<const char*> ImportedGoldens() {
  std::vector<const char*> names = {"llama",      "ministral3",        "qwen3",         "qwen3_moe",
                                    "qwen3_5",    "qwen3_5_moe",       "qwen3_next",    "gemma3",
                                    "gemma4",     "gemma4_moe",        "glm4_moe_lite", "laguna",
                                    "nemotron_h", "nemotron_h_latent", "cohere2_moe",   "gpt_oss",
                                    "bert",       "nomic_bert"};
  if (std::getenv("INGOT_SOAK") != nullptr) {
    names.insert(names.end(),
                 {"llama_llama3", "llama_yarn", "llama_linear", "mistral_window", "ministral",
                  "qwen3_window", "glm4_moe_lite_groups", "cohere2_moe_sigmoid"});
  }
  return names;
}

class ImportedGoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  testing::GoldenStore store_;
};

TEST_P(ImportedGoldenTest, MatchesTheReferenceWholeAndInChunks) {
  const Golden golden = testing::ReadGolden(GetParam());
  const core::Status imported = store_.Import(golden, family::Precision::kSource);
  ASSERT_TRUE(imported.ok()) << imported.message();
  const core::Result<Runnable> model = store_.Load();
  ASSERT_TRUE(model.ok()) << model.status().message();
  if (model->encoder) {
    const std::vector<float> rows = model->Rows(golden.prompt, golden.prompt.size());
    ASSERT_EQ(rows.size(), golden.logits.size());
    for (size_t i = 0; i < rows.size(); ++i) ASSERT_NEAR(rows[i], golden.logits[i], 1e-4) << i;
    return;
  }
  // 11, 12 and 13 lie around the windows of the models that have one.
  for (const size_t chunk : {512, 16, 13, 12, 11, 7, 1}) {
    SCOPED_TRACE(chunk);
    testing::ExpectMatches(golden, model->Rows(testing::FedTokens(golden), chunk));
  }
}

// The codes, scales and zero points that an import wrote, and nothing else, are what is computed
// with: the logits are those of the dense values that they stand for.
TEST_P(ImportedGoldenTest, EveryQuantizedTypeComputesWithWhatItsCodesStandFor) {
  const Golden golden = testing::ReadGolden(GetParam());
  const bool has_experts = std::any_of(
      golden.tensors.begin(), golden.tensors.end(),
      [](const SeededTensor& t) { return t.name.find(".experts.") != std::string::npos; });
  const std::vector<int> tokens = golden.prompt;
  for (const char* name : {"int4", "int8", "nvfp4", "mxfp4", "mxfp8"}) {
    SCOPED_TRACE(name);
    const core::Result<family::Precision> type = import::ParseRequestedType(name);
    ASSERT_TRUE(type.ok());
    const core::Status imported = store_.Import(golden, *type);
    ASSERT_TRUE(imported.ok()) << imported.message();
    const core::Result<Runnable> packed = store_.Load();
    ASSERT_TRUE(packed.ok()) << packed.status().message();
    const core::Result<testing::GoldenStore::Plain> plain = store_.LoadPlain();
    ASSERT_TRUE(plain.ok()) << plain.status().message();
    EXPECT_GE(plain->packed, 4u);
    EXPECT_GE(plain->packed_experts, has_experts ? 1u : 0u);
    for (const size_t chunk : {tokens.size(), size_t{7}}) {
      SCOPED_TRACE(chunk);
      const std::vector<float> expected = plain->model.Rows(tokens, chunk);
      EXPECT_LE(testing::WorstError(packed->Rows(tokens, chunk), expected), 1e-3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, ImportedGoldenTest, ::testing::ValuesIn(ImportedGoldens()),
                         [](const auto& param) { return std::string(param.param); });

class StoreTest : public ::testing::Test {
 protected:
  testing::GoldenStore store_;
};

// Fused, stacked and per-expert sources, and the language model of a larger one: one import.
TEST_F(StoreTest, EveryFormOfAnImportRunsAlike) {
  const Golden golden = testing::ReadGolden("qwen3_5_moe");
  const std::vector<std::vector<SeededTensor>> forms = {
      golden.tensors,
      testing::StackExperts(golden.tensors, "switch_mlp", ".weight"),
      testing::FuseExperts(golden.tensors, ""),
  };
  for (const std::vector<SeededTensor>& tensors : forms) {
    Golden form = golden;
    form.tensors = tensors;
    const core::Status imported = store_.Import(form, family::Precision::kSource);
    ASSERT_TRUE(imported.ok()) << imported.message();
    const core::Result<Runnable> model = store_.Load();
    ASSERT_TRUE(model.ok()) << model.status().message();
    testing::ExpectMatches(golden, model->Rows(testing::FedTokens(golden), 16));
  }
}

// What the reference's importer left of a mixture in nvfp4 whose routers are 8-bit: it gave every
// blob the model's label, so that its own runtime, which believes labels, read the routers as nvfp4
// and ended there. config.json still says what they are.
TEST_F(StoreTest, ARouterLabelledAsWhatItIsNotRunsAsConfigJsonSays) {
  constexpr quant::Format kInt8{quant::Mode::kAffine, 8, 64};
  constexpr quant::Format kNvfp4{quant::Mode::kNvfp4, 4, 16};
  const testing::Metadata label = {{"quant_type", "nvfp4"}, {"group_size", "16"}};
  const Golden golden = testing::ReadGolden("qwen3_5_moe");
  core::Json config = golden.config;
  core::Json block = {{"mode", "nvfp4"}, {"bits", 4}, {"group_size", 16}};
  std::vector<StoredTensor> values;

  const auto session = store::WriteSession::Begin(store_.store());
  ASSERT_TRUE(session.ok());
  const auto put = [&](std::string_view type, const std::string& name, const std::string& bytes) {
    const auto blob = (*session)->PutBlob(bytes);
    EXPECT_TRUE(blob.ok());
    return store::Layer{.media_type = std::string(type),
                        .digest = blob->digest,
                        .size = blob->size,
                        .from = "",
                        .name = name};
  };
  store::Manifest manifest{
      .config = put(store::kConfigMediaType, "", R"({"model_format":"safetensors"})"),
      .layers = {}};
  size_t routers = 0;
  for (const SeededTensor& tensor : testing::StackExperts(golden.tensors, "experts", ".weight")) {
    const std::string& name = tensor.name;
    const bool router = name.ends_with("mlp.gate.weight") || name.ends_with("expert_gate.weight");
    if (!router && name.find(".mlp.") == std::string::npos) {
      manifest.layers.push_back(
          put(store::kTensorMediaType, name, testing::LooseFile({Dense(tensor)})));
      values.push_back(Dense(tensor));
      continue;
    }
    const testing::Packed packed = Pack(tensor, router ? kInt8 : kNvfp4);
    std::vector<StoredTensor> parts = {Named(packed.scales, name + ".scale"),
                                       Named(packed.codes, name)};
    if (packed.biases) parts.push_back(Named(*packed.biases, name + ".bias"));
    manifest.layers.push_back(put(store::kTensorMediaType, name, testing::LooseFile(parts, label)));
    values.push_back(packed.values);
    if (router) {
      ++routers;
      block[name.substr(0, name.size() - std::string(".weight").size())] = {{"bits", 8},
                                                                            {"group_size", 64}};
    }
  }
  EXPECT_EQ(routers, 8u);
  config["quantization"] = block;
  manifest.layers.push_back(put(store::kJsonMediaType, "config.json", config.dump()));
  ASSERT_TRUE((*session)->Commit(*store::ModelName::Parse("golden"), manifest).ok());

  const core::Result<Runnable> stored = store_.Load();
  ASSERT_TRUE(stored.ok()) << stored.status().message();
  std::filesystem::create_directories(store_.path() / "values");
  std::ofstream(store_.path() / "values/config.json") << golden.config.dump();
  testing::WriteTensors(store_.path() / "values/model.safetensors", values);
  const ModelResult dense =
      models::LoadFolder(core::Env::Posix(), store_.path() / "values", ops::mx::float32);
  ASSERT_TRUE(dense.ok()) << dense.status().message();
  const std::vector<int> tokens = testing::FedTokens(golden);
  const std::vector<float> expected = LogitsOf(**dense, tokens, 16);
  for (const size_t chunk : {64, 7}) {
    EXPECT_LE(testing::WorstError(stored->Rows(tokens, chunk), expected), 1e-4);
  }
}

}  // namespace
}  // namespace ingot::cli
