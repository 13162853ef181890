// Checkpoints with logits of the Hugging Face implementation, imported and then run: what comes out
// of the store is what went in. And stores as other importers left them.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "engine/model_files.h"
#include "import/create.h"
#include "models/load.h"
#include "store/session.h"
#include "tests/models/golden_check.h"
#include "tests/models/packed_checkpoint.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using ::ingot::testing::Golden;
using ::ingot::testing::LogitsOf;
using ::ingot::testing::Named;
using ::ingot::testing::SeededTensor;
using ::ingot::testing::StoredTensor;

using ModelResult = core::Result<std::unique_ptr<model::LanguageModel>>;

class ImportedGoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  ImportedGoldenTest() { env_.SkipRealSyncs(); }

  core::Status Import(const std::filesystem::path& folder, family::Precision precision) {
    INGOT_ASSIGN(import::Modelfile modelfile,
                 import::ParseModelfile(core::StrCat("FROM \"", folder.native(), "\"")));
    INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse("golden"));
    import::CreateRequest request{.name = name,
                                  .modelfile = std::move(modelfile),
                                  .base = dir_.path(),
                                  .recipe = {},
                                  .draft_requested = {}};
    request.recipe.requested = precision;
    INGOT_ASSIGN(const import::CreatePlan plan, import::PlanCreate(store_, std::move(request)));
    return import::ExecuteCreate(store_, plan, {}).status();
  }

  ModelResult LoadImported() {
    INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse("golden"));
    INGOT_ASSIGN(const auto files, engine::ModelFiles::OpenStored(store_, name));
    INGOT_ASSIGN(const std::string config_text, files->Require("config.json"));
    INGOT_ASSIGN(const core::Json config, core::ParseJson(config_text));
    INGOT_ASSIGN(const model::StoredTensors tensors, files->Tensors());
    return models::LoadTensors(config, tensors, ops::mx::float32);
  }

  testing::TempDir dir_;
  testing::FaultEnv env_{core::Env::Posix()};
  store::Store store_{env_, core::Clock::System(), dir_ / "models"};
};

TEST_P(ImportedGoldenTest, MatchesTheReferenceWholeAndInChunks) {
  const Golden golden = testing::ReadGolden(GetParam());
  testing::WriteFolder(dir_ / "source", golden.config, golden.tensors);
  const core::Status imported = Import(dir_ / "source", family::Precision::kSource);
  ASSERT_TRUE(imported.ok()) << imported.message();
  std::filesystem::remove_all(dir_ / "source");
  const ModelResult model = LoadImported();
  ASSERT_TRUE(model.ok()) << model.status().message();
  for (const size_t chunk : {512, 16, 7, 1}) {
    SCOPED_TRACE(chunk);
    testing::ExpectMatches(golden, LogitsOf(**model, testing::FedTokens(golden), chunk));
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, ImportedGoldenTest,
                         ::testing::Values("llama", "llama_llama3", "mistral_window", "qwen3",
                                           "qwen3_5", "qwen3_5_moe", "qwen3_next"),
                         [](const auto& param) { return std::string(param.param); });

class StoreTest : public ImportedGoldenTest {};

// Fused, stacked and per-expert sources, and the language model of a larger one: one import.
TEST_F(StoreTest, EveryFormOfAnImportRunsAlike) {
  const Golden golden = testing::ReadGolden("qwen3_5_moe");
  const std::vector<std::vector<SeededTensor>> forms = {
      golden.tensors,
      testing::StackExperts(golden.tensors, "switch_mlp", ".weight"),
      testing::FuseExperts(golden.tensors, ""),
  };
  for (size_t i = 0; i < forms.size(); ++i) {
    const std::filesystem::path folder = dir_ / core::StrCat("form", i);
    testing::WriteFolder(folder, golden.config, forms[i]);
    const core::Status imported = Import(folder, family::Precision::kSource);
    ASSERT_TRUE(imported.ok()) << imported.message();
    const ModelResult model = LoadImported();
    ASSERT_TRUE(model.ok()) << model.status().message();
    testing::ExpectMatches(golden, LogitsOf(**model, testing::FedTokens(golden), 16));
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

  const auto session = store::WriteSession::Begin(store_);
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

  const ModelResult stored = LoadImported();
  ASSERT_TRUE(stored.ok()) << stored.status().message();
  std::filesystem::create_directories(dir_ / "values");
  std::ofstream(dir_ / "values/config.json") << golden.config.dump();
  testing::WriteTensors(dir_ / "values/model.safetensors", values);
  const ModelResult dense =
      models::LoadFolder(core::Env::Posix(), dir_ / "values", ops::mx::float32);
  ASSERT_TRUE(dense.ok()) << dense.status().message();
  const std::vector<int> tokens = testing::FedTokens(golden);
  const std::vector<float> expected = LogitsOf(**dense, tokens, 16);
  for (const size_t chunk : {64, 7}) {
    EXPECT_LE(testing::WorstError(LogitsOf(**stored, tokens, chunk), expected), 1e-4);
  }
}

}  // namespace
}  // namespace ingot::cli
