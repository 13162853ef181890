#include "import/export.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "import/create.h"
#include "import/modelfile_text.h"
#include "store/session.h"
#include "tests/import/model_maker.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::import {
namespace {

namespace fs = std::filesystem;
using core::Json;
using core::StrCat;
using family::Precision;
using tensor::DType;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() { env_.SkipRealSyncs(); }

  store::ModelName Name(std::string_view name) { return *store::ModelName::Parse(name); }

  core::Result<CreateOutcome> TryCreate(std::string_view name, std::string_view modelfile,
                                        Precision precision = Precision::kSource) {
    INGOT_ASSIGN(Modelfile parsed, ParseModelfile(modelfile));
    Recipe recipe;
    recipe.requested = precision;
    INGOT_ASSIGN(const CreatePlan plan, PlanCreate(store_, {.name = Name(name),
                                                            .modelfile = std::move(parsed),
                                                            .base = dir_.path(),
                                                            .recipe = recipe,
                                                            .draft_requested = {}}));
    return ExecuteCreate(store_, plan, {.pool = &pool_});
  }
  std::string Create(std::string_view name, std::string_view modelfile,
                     Precision precision = Precision::kSource) {
    const auto outcome = TryCreate(name, modelfile, precision);
    EXPECT_TRUE(outcome.ok()) << outcome.status().message();
    return outcome.ok() ? outcome->model.raw.id.Hex() : "";
  }
  ExportOutcome Export(std::string_view name, std::string_view folder,
                       const ExportOptions& options = {}) {
    auto outcome = ExportModel(store_, Name(name), dir_ / std::string(folder), options);
    EXPECT_TRUE(outcome.ok()) << outcome.status().message();
    return outcome.ok() ? *std::move(outcome) : ExportOutcome{};
  }
  std::string ErrorOf(std::string_view name, std::string_view folder) {
    const auto outcome = ExportModel(store_, Name(name), dir_ / std::string(folder));
    EXPECT_FALSE(outcome.ok());
    return std::string(outcome.status().message());
  }

  testing::TempDir dir_;
  testing::FaultEnv env_{core::Env::Posix()};
  store::Store store_{env_, core::Clock::System(), dir_ / "models"};
  core::ThreadPool pool_{2};
};

// --- and back again -----------------------------------------------------------------------------

class EveryFamily : public ExportTest, public ::testing::WithParamInterface<std::string_view> {};

TEST_P(EveryFamily, ComesBackAsTheSameManifest) {
  MakeModel(dir_ / "src", GetParam(), Form::kPerExpert).Write();
  for (const Precision precision : {Precision::kSource, Precision::kInt4, Precision::kMxfp4}) {
    const std::string type(family::NameOf(precision));
    const std::string id = Create("a", "FROM src", precision);
    Export("a", type);
    EXPECT_EQ(Create("b", StrCat("FROM ", type)), id) << type;
  }
}

INSTANTIATE_TEST_SUITE_P(WithExperts, EveryFamily, ::testing::ValuesIn(ExpertFamilies()),
                         [](const auto& info) { return std::string(info.param); });
INSTANTIATE_TEST_SUITE_P(Dense, EveryFamily, ::testing::ValuesIn(DenseFamilies()),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(ExportTest, ManyFilesComeBackAsTheSameManifestToo) {
  MakeModel(dir_ / "src", "qwen3_moe", Form::kFused).Write();
  const std::string id = Create("a", "FROM src", Precision::kInt4);
  const ExportOutcome outcome = Export("a", "out", {.shard_bytes = 20'000});
  EXPECT_THAT(outcome.files, Contains(HasSubstr("model-00003-of-00")));
  const auto index = core::ParseJson(ReadAll(dir_ / "out" / "model.safetensors.index.json"));
  ASSERT_TRUE(index.ok());
  EXPECT_EQ((*index)["weight_map"].size(), outcome.tensors);
  EXPECT_EQ(Create("b", "FROM out"), id);
}

TEST_F(ExportTest, WhatAModelfileSaidComesBackToo) {
  MakeModel(dir_ / "src", "llama", Form::kStacked, {.layers = 1}).Write();
  MakeModel(dir_ / "small", "qwen3", Form::kStacked, {.layers = 1}).Write();
  const std::string id = Create(
      "a",
      "FROM src\nDRAFT small\nTEMPLATE \"\"\"{{ .Prompt }}\n  and more \"\"\"\nSYSTEM be brief\n"
      "LICENSE one\nLICENSE two\nPARSER qwen3\nREQUIRES 0.20.1\nPARAMETER stop \"a b\"\n"
      "PARAMETER stop c\nPARAMETER temperature 0.5\nMESSAGE user hello\nMESSAGE assistant hi\n",
      Precision::kInt8);
  const ExportOutcome outcome = Export("a", "out");
  EXPECT_THAT(outcome.files, Contains("draft/model.safetensors"));
  EXPECT_EQ(outcome.files.back(), "config.json");
  std::string modelfile = ReadAll(dir_ / "out" / "Modelfile");
  modelfile.replace(0, 6, "FROM out");
  modelfile.replace(modelfile.find("./draft"), 7, "out/draft");
  EXPECT_EQ(Create("b", modelfile), id);
}

TEST_F(ExportTest, NoModelfileIsWrittenWhereNothingWouldBeLost) {
  SourceFolder folder = MakeModel(dir_ / "src", "qwen3", Form::kStacked, {.layers = 1});
  folder.AddFile("LICENSE", "do what you like\n");
  folder.Write();
  const std::string id = Create("a", "FROM src");
  EXPECT_THAT(Export("a", "out").files, Not(Contains("Modelfile")));
  EXPECT_EQ(ReadAll(dir_ / "out" / "LICENSE"), "do what you like\n");
  EXPECT_EQ(Create("b", "FROM out"), id);
}

// --- what lies in the folder
// ----------------------------------------------------------------------

TEST_F(ExportTest, NamesTensorsAndModulesAsMlxLmDoes) {
  MakeModel(dir_ / "src", "gemma4", Form::kPerExpert, {.layers = 1}).Write();
  Create("a", "FROM src", Precision::kInt4);
  Export("a", "out");
  const auto tensors = ReadTensors(dir_ / "out" / "model.safetensors");
  const auto& gate = tensors.at("model.layers.0.experts.switch_glu.gate_proj.weight");
  EXPECT_EQ(gate.dtype, DType::kU32);
  EXPECT_THAT(gate.dims, ElementsAre(4, 64, 16));
  EXPECT_TRUE(tensors.contains("model.layers.0.experts.switch_glu.up_proj.scales"));
  EXPECT_TRUE(tensors.contains("model.layers.0.experts.switch_glu.down_proj.biases"));
  EXPECT_FALSE(tensors.contains("model.layers.0.moe.switch_mlp.gate_up_proj.weight"));
  const auto config = core::ParseJson(ReadAll(dir_ / "out" / "config.json"));
  ASSERT_TRUE(config.ok());
  const Json& quantization = (*config)["quantization"];
  EXPECT_EQ(quantization["bits"], 4);
  EXPECT_EQ(quantization["group_size"], 64);
  EXPECT_EQ(quantization["mode"], "affine");
  EXPECT_EQ(quantization["lm_head"]["bits"], 8);
}

TEST_F(ExportTest, NamesTheModulesOfNestedModelsBothWays) {
  MakeModel(dir_ / "src", "qwen3_5_moe_vl", Form::kPerExpert, {.layers = 1}).Write();
  Create("a", "FROM src", Precision::kInt4);
  Export("a", "out");
  const auto config = core::ParseJson(ReadAll(dir_ / "out" / "config.json"));
  ASSERT_TRUE(config.ok());
  const Json& quantization = (*config)["quantization"];
  const std::string down = "layers.0.mlp.switch_mlp.down_proj";
  EXPECT_EQ(quantization["model.language_model." + down]["bits"], 8) << quantization.dump();
  EXPECT_EQ(quantization["language_model.model." + down]["bits"], 8);
  EXPECT_EQ(quantization["language_model.lm_head"]["bits"], 8);
}

TEST_F(ExportTest, LaysRawExpertsOfQwen3NextOneByOne) {
  SourceFolder folder(dir_ / "src", R"({"architectures": ["Qwen3NextForCausalLM"]})");
  folder.AddRandom("model.layers.0.linear_attn.conv1d.weight", DType::kBF16, {8, 1, 4});
  const Bytes stack =
      folder.AddRandom("model.layers.0.mlp.experts.down_proj", DType::kBF16, {3, 64, 64});
  folder.Write();
  const std::string id = Create("a", "FROM src");
  Export("a", "out");
  const auto tensors = ReadTensors(dir_ / "out" / "model.safetensors");
  const auto& last = tensors.at("model.layers.0.mlp.experts.2.down_proj.weight");
  EXPECT_THAT(last.dims, ElementsAre(64, 64));
  EXPECT_EQ(last.bytes, Bytes(stack.begin() + 2 * 64 * 64 * 2, stack.end()));
  EXPECT_EQ(Create("b", "FROM out"), id);
  const std::string packed = Create("a", "FROM src", Precision::kMxfp4);
  EXPECT_THAT(Export("a", "packed").warnings, ElementsAre(HasSubstr("mlx-lm cannot read")));
  EXPECT_EQ(Create("b", "FROM packed"), packed);
}

TEST_F(ExportTest, GlobalScalesAreInMlxsMeasureWhereTheyHaveAnEqual) {
  // 0.5 / 2688 is read back exactly; the other number has no equal and keeps the name of a factor.
  for (const float factor : {0.5F / 2688.0F, 1.9999999F}) {
    const bool equal = factor < 1;
    SourceFolder folder(dir_ / (equal ? "equal" : "other"),
                        R"({"architectures": ["LlamaForCausalLM"]})");
    folder.AddRandom("model.layers.0.mlp.up_proj.weight", DType::kU8, {64, 32});
    folder.AddRandom("model.layers.0.mlp.up_proj.weight_scale", DType::kF8E4M3, {64, 4});
    Bytes bytes(4);
    std::memcpy(bytes.data(), &factor, 4);
    folder.Add("model.layers.0.mlp.up_proj.weight_scale_2", DType::kF32, {1}, bytes);
    folder.Write();
    const std::string name = equal ? "equal" : "other";
    const std::string id = Create(name, "FROM " + name);
    const ExportOutcome outcome = Export(name, name + "_out");
    const auto tensors = ReadTensors(dir_ / (name + "_out") / "model.safetensors");
    if (equal) {
      float largest = 0;
      std::memcpy(&largest, tensors.at("model.layers.0.mlp.up_proj.global_scale").bytes.data(), 4);
      EXPECT_EQ(largest, 0.5F);
      EXPECT_THAT(outcome.warnings, IsEmpty());
    } else {
      EXPECT_TRUE(tensors.contains("model.layers.0.mlp.up_proj.weight_scale_2"));
      EXPECT_THAT(outcome.warnings, ElementsAre(HasSubstr("has no equal in MLX's measure")));
    }
    EXPECT_EQ(Create("back", StrCat("FROM ", name, "_out")), id) << name;
  }
}

// --- what goes wrong
// ------------------------------------------------------------------------------

TEST_F(ExportTest, TouchesNoFolderThatHoldsSomething) {
  MakeModel(dir_ / "src", "llama", Form::kStacked, {.layers = 1}).Write();
  Create("a", "FROM src");
  EXPECT_THAT(ErrorOf("a", "src"), HasSubstr("is there already and is not empty"));
  EXPECT_THAT(ErrorOf("nobody", "out"), HasSubstr("nobody"));
  EXPECT_FALSE(fs::exists(dir_ / "out"));
}

TEST_F(ExportTest, LeavesNothingBehindWhereverTheDiskFails) {
  MakeModel(dir_ / "src", "qwen3", Form::kStacked, {.layers = 1}).Write();
  Create("a", "FROM src");
  env_.Heal();
  Export("a", "whole");
  const size_t operations = env_.operations();
  size_t failed = 0;
  for (size_t at = 0; at < operations; ++at) {
    env_.Heal();
    env_.FailAt(at, core::Status(core::Code::kNoSpace, "the disk is full"));
    const auto outcome = ExportModel(store_, Name("a"), dir_ / "out");
    env_.Heal();
    if (outcome.ok()) {
      fs::remove_all(dir_ / "out");
      continue;
    }
    ++failed;
    EXPECT_FALSE(fs::exists(dir_ / "out")) << at;
  }
  EXPECT_GT(failed, operations / 2);
}

TEST_F(ExportTest, StopsWhenItIsCancelled) {
  MakeModel(dir_ / "src", "llama", Form::kStacked, {.layers = 1}).Write();
  Create("a", "FROM src");
  const auto outcome =
      ExportModel(store_, Name("a"), dir_ / "out", {.cancelled = [] { return true; }});
  EXPECT_EQ(outcome.status().code(), core::Code::kCancelled);
  EXPECT_FALSE(fs::exists(dir_ / "out"));
}

TEST_F(ExportTest, WritesNoFileOutsideTheFolder) {
  MakeModel(dir_ / "src", "llama", Form::kStacked, {.layers = 1}).Write();
  const auto made = TryCreate("a", "FROM src");
  ASSERT_TRUE(made.ok());
  store::Manifest manifest = made->model.manifest();
  for (store::Layer& layer : manifest.layers) {
    if (layer.name == "tokenizer.json") layer.name = "../tokenizer.json";
  }
  const auto session = store::WriteSession::Begin(store_);
  ASSERT_TRUE((*session)->Commit(Name("evil"), manifest).ok());
  EXPECT_THAT(ErrorOf("evil", "out"), HasSubstr("no file of an exported model can have"));
  EXPECT_FALSE(fs::exists(dir_ / "tokenizer.json"));
}

// --- Modelfiles ---------------------------------------------------------------------------------

TEST(ModelfileText, IsReadBackAsItWas) {
  Modelfile modelfile;
  modelfile.from = "./a folder";
  modelfile.chat_template = "line\n  \"quoted\"\r\n\"\" ";
  modelfile.system = "";
  modelfile.licenses = {"\"begins with a quote", "two\nlines"};
  modelfile.messages = {{"user", " hi "}, {"assistant", "\"\"\""}};
  const auto text = ModelfileText(modelfile);
  ASSERT_TRUE(text.ok()) << text.status().message();
  const auto back = ParseModelfile(*text);
  ASSERT_TRUE(back.ok()) << back.status().message() << "\n" << *text;
  EXPECT_EQ(back->from, modelfile.from);
  EXPECT_EQ(back->chat_template, modelfile.chat_template);
  EXPECT_EQ(back->system, modelfile.system);
  EXPECT_EQ(back->licenses, modelfile.licenses);
  ASSERT_EQ(back->messages.size(), 2U);
  EXPECT_EQ(back->messages[0].content, " hi ");
  EXPECT_EQ(back->messages[1].content, "\"\"\"");
  modelfile.system = "ends\"\"\"\nearly";
  EXPECT_THAT(std::string(ModelfileText(modelfile).status().message()),
              HasSubstr("SYSTEM: a line of it ends in three quotes"));
}

}  // namespace
}  // namespace ingot::import
