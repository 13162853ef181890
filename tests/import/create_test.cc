#include "import/create.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "store/gc.h"
#include "store/session.h"
#include "store/verify.h"
#include "tests/import/model_maker.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::import {
namespace {

using core::StrCat;
using family::Precision;
using tensor::DType;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Recipe Ask(Precision precision) {
  Recipe recipe;
  recipe.requested = precision;
  return recipe;
}

class CreateTest : public ::testing::Test {
 protected:
  CreateTest() { env_.SkipRealSyncs(); }

  core::Result<CreatePlan> TryPlan(std::string_view name, std::string_view modelfile,
                                   const Recipe& recipe = {},
                                   std::optional<Precision> draft = std::nullopt) {
    INGOT_ASSIGN(Modelfile parsed, ParseModelfile(modelfile));
    INGOT_ASSIGN(store::ModelName parsed_name, store::ModelName::Parse(name));
    return PlanCreate(store_, {.name = parsed_name,
                               .modelfile = std::move(parsed),
                               .base = dir_.path(),
                               .recipe = recipe,
                               .draft_requested = draft});
  }
  core::Result<CreateOutcome> TryCreate(std::string_view name, std::string_view modelfile,
                                        const Recipe& recipe = {}, WriteOptions options = {}) {
    INGOT_ASSIGN(const CreatePlan plan, TryPlan(name, modelfile, recipe));
    if (options.pool == nullptr) options.pool = &pool_;
    return ExecuteCreate(store_, plan, options);
  }
  CreateOutcome Create(std::string_view name, const std::filesystem::path& folder,
                       const Recipe& recipe = {}, const WriteOptions& options = {}) {
    auto outcome = TryCreate(name, StrCat("FROM \"", folder.native(), "\""), recipe, options);
    EXPECT_TRUE(outcome.ok()) << outcome.status().message();
    return *std::move(outcome);
  }
  std::string ErrorOf(std::string_view modelfile, const Recipe& recipe = {}) {
    const auto outcome = TryCreate("m", modelfile, recipe);
    EXPECT_FALSE(outcome.ok()) << modelfile;
    return std::string(outcome.status().message());
  }
  std::string Content(const store::StoredModel& model, std::string_view media_type,
                      std::string_view name = "") {
    const store::Layer* layer =
        name.empty() ? model.manifest().Find(media_type) : model.manifest().Find(media_type, name);
    if (layer == nullptr) return "(none)";
    return ReadAll(store_.layout().Blob(layer->digest));
  }
  void ExpectClean() {
    const auto sink = core::MakeNullSink();
    const auto report = store::VerifyStore(store_, {}, *sink);
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->Clean());
  }

  testing::TempDir dir_;
  testing::FaultEnv env_{core::Env::Posix()};
  store::Store store_{env_, core::Clock::System(), dir_ / "models"};
  core::ThreadPool pool_{2};
};

TEST_F(CreateTest, WritesLayersInTheOrderOfTheFormat) {
  SourceFolder folder = MakeModel(dir_ / "src", "qwen3_moe", Form::kPerExpert, {.layers = 1});
  folder.AddFile("LICENSE", "do what you like\n");
  folder.AddFile("chat_template.jinja", "{{ x }}");
  folder.AddFile("1_Pooling/config.json", "{\"p\": 1}");
  folder.AddFile("modules.json",
                 R"([{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Normalize"}])");
  folder.AddFile("README.md", "no");
  folder.AddFile("other.safetensors.index.json", "{}");
  folder.Write(2);
  const auto outcome = TryCreate(
      "m", StrCat("FROM src\nTEMPLATE t\nSYSTEM s\nPARAMETER seed 7\n", "MESSAGE user hi"));
  ASSERT_TRUE(outcome.ok()) << outcome.status().message();
  std::vector<std::string> layers;
  for (const store::Layer& layer : outcome->model.manifest().layers) {
    layers.push_back(layer.media_type.substr(layer.media_type.rfind('.') + 1) + " " + layer.name);
  }
  EXPECT_THAT(
      layers,
      ElementsAre("tensor lm_head.weight", "tensor model.embed_tokens.weight",
                  "tensor model.layers.0.input_layernorm.weight",
                  "tensor model.layers.0.mlp.gate.weight",
                  "tensor model.layers.0.post_attention_layernorm.weight",
                  "tensor model.layers.0.self_attn.k_norm.weight",
                  "tensor model.layers.0.self_attn.k_proj.weight",
                  "tensor model.layers.0.self_attn.o_proj.weight",
                  "tensor model.layers.0.self_attn.q_norm.weight",
                  "tensor model.layers.0.self_attn.q_proj.weight",
                  "tensor model.layers.0.self_attn.v_proj.weight",
                  "tensor model.layers.0.mlp.switch_mlp", "json 1_Pooling/config.json",
                  "json chat_template.jinja", "json config.json", "json generation_config.json",
                  "json modules.json", "json tokenizer.json", "json tokenizer_config.json",
                  "template ", "system ", "license ", "params ", "messages "));
  EXPECT_EQ(Content(outcome->model, store::kLicenseMediaType), "do what you like\n");
  EXPECT_EQ(Content(outcome->model, store::kParamsMediaType), "{\"seed\":7}\n");
  EXPECT_EQ(Content(outcome->model, store::kMessagesMediaType),
            "[{\"role\":\"user\",\"content\":\"hi\"}]\n");
  EXPECT_EQ(Content(outcome->model, store::kJsonMediaType, "1_Pooling/config.json"), "{\"p\": 1}");
  const auto config = store_.ReadConfig(outcome->model.manifest());
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(store::EncodeModelConfig(*config),
            R"({"model_format":"safetensors","model_family":"","model_families":null,)"
            R"("model_type":"","file_type":"","renderer":"qwen3-coder","parser":"qwen3",)"
            R"("requires":"0.19.0","capabilities":["completion","tools"],"architecture":"",)"
            R"("os":""})");
  ExpectClean();
}

// --- the same model, whatever it came as ------------------------------------------------------

class EveryForm : public CreateTest, public ::testing::WithParamInterface<std::string_view> {};

TEST_P(EveryForm, GivesTheSameManifestToTheLastByte) {
  for (const Precision precision :
       {Precision::kSource, Precision::kInt4, Precision::kNvfp4, Precision::kMxfp8}) {
    std::optional<store::Digest> expected;
    for (const Form form : {Form::kPerExpert, Form::kFused, Form::kStacked, Form::kMlx}) {
      const std::string name = StrCat("m", static_cast<int>(form));
      const auto folder = dir_ / name;
      MakeModel(folder, GetParam(), form).Write(form == Form::kPerExpert ? 3 : 1);
      const CreateOutcome outcome = Create(name, folder, Ask(precision));
      if (!expected) expected = outcome.model.raw.id;
      EXPECT_EQ(outcome.model.raw.id, *expected) << name << " " << family::NameOf(precision);
      EXPECT_EQ(outcome.model_blobs.resumed, 0U);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, EveryForm, ::testing::ValuesIn(ExpertFamilies()),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(CreateTest, DoesNotDependOnTheNumberOfThreads) {
  MakeModel(dir_ / "src", "qwen3_5_moe", Form::kFused, {.layers = 3, .hidden = 256}).Write();
  std::optional<store::Digest> expected;
  for (int threads : {1, 2, 3, 7}) {
    core::ThreadPool pool(threads);
    std::filesystem::remove_all(dir_ / "models");
    const CreateOutcome outcome = Create("m", dir_ / "src", Ask(Precision::kInt4), {.pool = &pool});
    if (!expected) expected = outcome.model.raw.id;
    EXPECT_EQ(outcome.model.raw.id, *expected) << threads;
  }
}

// Digests of today, so that a change of a single byte on any machine shows.
TEST_F(CreateTest, GivesTheSameBytesForever) {
  MakeModel(dir_ / "src", "qwen3_moe", Form::kPerExpert).Write();
  EXPECT_EQ(Create("m", dir_ / "src").model.raw.id.Short(), "7ee75e2142ea");
  EXPECT_EQ(Create("m", dir_ / "src", Ask(Precision::kInt4)).model.raw.id.Short(), "9e815f27bc8e");
  EXPECT_EQ(Create("m", dir_ / "src", Ask(Precision::kNvfp4)).model.raw.id.Short(), "fbc0c0add5b0");
}

// --- again ---------------------------------------------------------------------------------------

TEST_F(CreateTest, DoesNothingTwice) {
  MakeModel(dir_ / "src", "qwen3_moe", Form::kPerExpert).Write();
  const CreateOutcome first = Create("m", dir_ / "src", Ask(Precision::kInt4));
  EXPECT_EQ(first.model_blobs.resumed, 0U);
  EXPECT_GT(first.model_blobs.written_bytes, 0U);
  const CreateOutcome second = Create("other", dir_ / "src", Ask(Precision::kInt4));
  EXPECT_EQ(second.model_blobs.resumed, second.model_blobs.layers.size());
  EXPECT_EQ(second.model_blobs.written_bytes, 0U);
  EXPECT_EQ(second.model.raw.id, first.model.raw.id);
  // Another recipe shares what it leaves alone.
  const CreateOutcome third = Create("m", dir_ / "src", Ask(Precision::kNvfp4));
  EXPECT_GT(third.model_blobs.resumed, 0U);
  EXPECT_LT(third.model_blobs.resumed, third.model_blobs.layers.size());
  ExpectClean();
}

TEST_F(CreateTest, ImportsASourceAnewThatHasChanged) {
  SourceFolder folder = MakeModel(dir_ / "src", "llama", Form::kStacked);
  folder.Write();
  const CreateOutcome first = Create("m", dir_ / "src");
  folder.AddRandom("model.norm.weight", DType::kBF16, {128}, 99);
  folder.Write();
  const CreateOutcome second = Create("m", dir_ / "src");
  EXPECT_EQ(second.model_blobs.resumed, 0U);
  EXPECT_NE(second.model.raw.id, first.model.raw.id);
}

TEST_F(CreateTest, DoesNotBelieveAJournalWhoseBlobsAreGone) {
  MakeModel(dir_ / "src", "llama", Form::kStacked).Write();
  const CreateOutcome first = Create("m", dir_ / "src");
  const auto blob = store_.layout().Blob(first.model_blobs.layers[0].digest);
  std::filesystem::remove(blob);
  const auto cut = store_.layout().Blob(first.model_blobs.layers[1].digest);
  std::filesystem::resize_file(cut, 10);
  const CreateOutcome second = Create("m", dir_ / "src");
  EXPECT_EQ(second.model_blobs.resumed, second.model_blobs.layers.size() - 2);
  EXPECT_EQ(second.model.raw.id, first.model.raw.id);
  ExpectClean();
}

TEST_F(CreateTest, KeepsTheOldModelUntilTheNewOneIsComplete) {
  MakeModel(dir_ / "a", "llama", Form::kStacked).Write();
  const CreateOutcome old = Create("m", dir_ / "a");
  SourceFolder broken = MakeModel(dir_ / "b", "llama", Form::kStacked, {.hidden = 64});
  broken.Write();
  const auto failed = TryCreate("m", "FROM b", {}, {.cancelled = [] { return true; }});
  EXPECT_EQ(failed.status().code(), core::Code::kCancelled);
  EXPECT_EQ(store_.Read(*store::ModelName::Parse("m"))->raw.id, old.model.raw.id);
  ExpectClean();
}

TEST_F(CreateTest, LeavesACleanStoreWhereverTheDiskFails) {
  MakeModel(dir_ / "src", "qwen3_moe", Form::kFused, {.layers = 1}).Write();
  env_.Heal();
  const store::Digest expected = Create("whole", dir_ / "src", Ask(Precision::kNvfp4)).model.raw.id;
  const size_t operations = env_.operations();
  size_t failed = 0;
  for (size_t at = 0; at < operations; at += 5) {
    std::filesystem::remove_all(dir_ / "models");
    env_.Heal();
    env_.FailAt(at, core::Status(core::Code::kNoSpace, "the disk is full"));
    const auto outcome = TryCreate("m", "FROM src", Ask(Precision::kNvfp4));
    failed += outcome.ok() ? 0 : 1;
    env_.Heal();
    ExpectClean();
    EXPECT_EQ(Create("m", dir_ / "src", Ask(Precision::kNvfp4)).model.raw.id, expected);
  }
  EXPECT_GT(failed, operations / 10);
}

// --- what is noticed ----------------------------------------------------------------------------

TEST_F(CreateTest, WarnsOfWeightsThatNoModelCanWorkWithAndRefusesThemWhenStrict) {
  SourceFolder folder = MakeModel(dir_ / "src", "llama", Form::kStacked);
  Bytes bytes = folder.BytesOf("model.layers.0.mlp.up_proj.weight");
  bytes[257] = std::byte{0x7f};
  bytes[256] = std::byte{0x80};  // infinity
  folder.Add("model.layers.0.mlp.up_proj.weight", DType::kBF16, {128, 128}, bytes);
  folder.AddRandom("model.norm.weight", DType::kBF16, {128});
  folder.Write();
  for (int again = 0; again < 2; ++again) {  // the second time from the journal, and not silently
    const CreateOutcome outcome = Create("m", dir_ / "src", Ask(Precision::kInt8));
    EXPECT_THAT(outcome.warnings,
                Contains(HasSubstr("the source of \"model.layers.0.mlp.up_proj.weight\" holds NaN "
                                   "or infinity in 1 row, the first of them row 1")));
  }
  const auto strict = TryCreate("n", "FROM src", Ask(Precision::kInt8), {.strict = true});
  ASSERT_FALSE(strict.ok());
  EXPECT_THAT(std::string(strict.status().message()), HasSubstr("holds NaN or infinity"));
  EXPECT_FALSE(store_.Read(*store::ModelName::Parse("n")).ok());
}

TEST_F(CreateTest, SaysWhatIsMissingAndWhatWillNotWork) {
  SourceFolder folder(dir_ / "src",
                      R"({"architectures": ["LlamaForCausalLM"], "vision_config": {}})");
  folder.AddRandom("model.norm.weight", DType::kBF16, {128});
  folder.Write();
  const CreateOutcome outcome = Create("m", dir_ / "src");
  EXPECT_THAT(outcome.warnings, Contains(HasSubstr("there is no tokenizer.json")));
  EXPECT_THAT(outcome.warnings, Contains(HasSubstr("there is no chat template")));
  EXPECT_THAT(outcome.warnings, Contains(HasSubstr("images are prepared")));
  EXPECT_THAT(outcome.warnings, Contains(HasSubstr("is missing that config.json asks")));
}

TEST_F(CreateTest, StopsBeforeTheFirstWriteWhenItWillNotFit) {
  MakeModel(dir_ / "src", "llama", Form::kStacked).Write();
  auto plan = TryPlan("m", "FROM src");
  ASSERT_TRUE(plan.ok());
  plan->model->plan.blobs[0].size = uint64_t{1} << 60;  // as a model of an exabyte would have
  const auto outcome = ExecuteCreate(store_, *plan, {.pool = &pool_});
  EXPECT_EQ(outcome.status().code(), core::Code::kNoSpace);
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("are free"));
  EXPECT_THAT(std::filesystem::is_empty(store_.layout().Blobs()), true);
}

TEST_F(CreateTest, NoticesASourceThatChangesUnderneath) {
  SourceFolder folder = MakeModel(dir_ / "src", "llama", Form::kStacked);
  folder.Write();
  const auto plan = TryPlan("m", "FROM src");
  ASSERT_TRUE(plan.ok());
  folder.Write();
  const auto outcome = ExecuteCreate(store_, *plan, {.pool = &pool_});
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("model.safetensors"));
}

TEST_F(CreateTest, NoticesASourceThatIsGone) {
  MakeModel(dir_ / "src", "llama", Form::kStacked).Write();
  const auto plan = TryPlan("m", "FROM src");
  ASSERT_TRUE(plan.ok());
  std::filesystem::remove(dir_ / "src/model.safetensors");
  const auto outcome = ExecuteCreate(store_, *plan, {.pool = &pool_});
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("src/model.safetensors"));
  EXPECT_FALSE(store_.Read(*store::ModelName::Parse("m")).ok());
}

TEST_F(CreateTest, NamesAStoreThatCannotBeMade) {
  MakeModel(dir_ / "src", "llama", Form::kStacked, {.layers = 1}).Write();
  std::ofstream(dir_ / "models") << "a file, where the store should be";
  EXPECT_THAT(ErrorOf("FROM src"), HasSubstr((dir_ / "models").native()));
}

// --- config.json ----------------------------------------------------------------------------

TEST_F(CreateTest, TakesTheQuantizationThatItConsumedOutOfTheStoredConfig) {
  SourceFolder folder(dir_ / "src",
                      "{\n  \"architectures\": [\"LlamaForCausalLM\"],\n  \"quantization\": "
                      "{\"bits\": 4, \"group_size\": 64},\n  \"quantization_config\": {\"bits\": "
                      "4, \"group_size\": 64}\n}\n");
  folder.AddRandom("model.layers.0.up.weight", DType::kU32, {64, 16});
  folder.AddRandom("model.layers.0.up.scales", DType::kBF16, {64, 2});
  folder.AddRandom("model.layers.0.up.biases", DType::kBF16, {64, 2});
  folder.Write();
  const CreateOutcome outcome = Create("m", dir_ / "src");
  EXPECT_EQ(Content(outcome.model, store::kJsonMediaType, "config.json"),
            "{\n  \"architectures\": [\"LlamaForCausalLM\"]\n}\n");
  EXPECT_EQ(store_.ReadConfig(outcome.model.manifest())->file_type, "int4");
}

// --- drafts, and models of models ---------------------------------------------------------------

TEST_F(CreateTest, TakesADraftAlong) {
  MakeModel(dir_ / "src", "llama", Form::kStacked, {.layers = 1}).Write();
  MakeModel(dir_ / "small", "qwen3", Form::kStacked, {.layers = 1}).Write();
  auto plan = TryPlan("m", "FROM src\nDRAFT small", Ask(Precision::kInt8), Precision::kInt4);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const auto outcome = ExecuteCreate(store_, *plan, {.pool = &pool_});
  ASSERT_TRUE(outcome.ok()) << outcome.status().message();
  const store::Manifest& manifest = outcome->model.manifest();
  EXPECT_NE(manifest.Find(store::kTensorMediaType, "draft.lm_head.weight"), nullptr);
  EXPECT_NE(manifest.Find(store::kJsonMediaType, "draft/config.json"), nullptr);
  const auto config = store_.ReadConfig(manifest);
  ASSERT_TRUE(config->draft);
  EXPECT_EQ(config->draft->architecture, "Qwen3ForCausalLM");
  EXPECT_EQ(config->draft->tensor_prefix, "draft.");
  EXPECT_EQ(config->draft->config, "draft/config.json");
  EXPECT_EQ(config->file_type, "int8");
  EXPECT_EQ(plan->draft->plan.file_type, "int4");
  ExpectClean();
}

TEST_F(CreateTest, BuildsOnAModelThatIsThere) {
  MakeModel(dir_ / "src", "llama", Form::kStacked, {.layers = 1}).Write();
  ASSERT_TRUE(TryCreate("base",
                        "FROM src\nSYSTEM old\nTEMPLATE kept\nPARAMETER seed 1\n"
                        "PARAMETER top_k 2")
                  .ok());
  MakeModel(dir_ / "small", "qwen3", Form::kStacked, {.layers = 1}).Write();
  const auto derived =
      TryCreate("derived", "FROM base\nDRAFT small\nSYSTEM new\nPARAMETER seed 9\nPARSER gemma4");
  ASSERT_TRUE(derived.ok()) << derived.status().message();
  const store::StoredModel& model = derived->model;
  EXPECT_EQ(Content(model, store::kSystemMediaType), "new");
  EXPECT_EQ(Content(model, store::kTemplateMediaType), "kept");
  EXPECT_EQ(Content(model, store::kParamsMediaType), "{\"seed\":9,\"top_k\":2}\n");
  EXPECT_EQ(model.manifest().Find(store::kTensorMediaType, "lm_head.weight")->from, "base:latest");
  EXPECT_NE(model.manifest().Find(store::kTensorMediaType, "draft.lm_head.weight"), nullptr);
  const auto config = store_.ReadConfig(model.manifest());
  EXPECT_EQ(config->parser, "gemma4");
  EXPECT_TRUE(config->draft);
  ExpectClean();
  EXPECT_THAT(ErrorOf("FROM base", Ask(Precision::kInt4)),
              HasSubstr("base:latest lies in the store already"));
}

// --- what is refused ----------------------------------------------------------------------------

TEST_F(CreateTest, RefusesToBuildOnWhatIsNoWholeModel) {
  const auto put = [&](std::string_view name, std::string_view format, bool with_config) {
    const auto session = store::WriteSession::Begin(store_);
    ASSERT_TRUE(session.ok());
    const auto layer = [&](std::string_view type, std::string layer_name, std::string_view text) {
      const auto blob = (*session)->PutBlob(text);
      EXPECT_TRUE(blob.ok());
      return store::Layer{.media_type = std::string(type),
                          .digest = blob->digest,
                          .size = blob->size,
                          .from = "",
                          .name = std::move(layer_name)};
    };
    store::Manifest manifest{
        .config = layer(store::kConfigMediaType, "", StrCat(R"({"model_format":")", format, "\"}")),
        .layers = {layer(store::kTensorMediaType, "a.weight", name)}};
    if (with_config) {
      manifest.layers.push_back(layer(store::kJsonMediaType, "config.json", "{}"));
    }
    ASSERT_TRUE((*session)->Commit(*store::ModelName::Parse(name), manifest).ok());
  };
  put("headless", "safetensors", false);
  EXPECT_THAT(ErrorOf("FROM headless"), HasSubstr("headless:latest has no config.json"));
  put("other", "gguf", true);
  EXPECT_THAT(ErrorOf("FROM other"), HasSubstr("other:latest is kept as \"gguf\""));
  put("holed", "safetensors", true);
  const auto holed = store_.Read(*store::ModelName::Parse("holed"));
  ASSERT_TRUE(holed.ok());
  std::filesystem::remove(store_.layout().Blob(holed->manifest().layers[0].digest));
  EXPECT_THAT(ErrorOf("FROM holed"), HasSubstr("the blob of layer \"a.weight\" of holed:latest"));
}

TEST_F(CreateTest, RefusesWhatMakesNoSense) {
  MakeModel(dir_ / "src", "llama", Form::kStacked).Write();
  EXPECT_THAT(ErrorOf("FROM nowhere"),
              HasSubstr("FROM \"nowhere\" is neither a folder of weights"));
  EXPECT_THAT(ErrorOf("FROM ./no/where"), HasSubstr("is neither a folder of weights"));
  EXPECT_THAT(ErrorOf("FROM src\nDRAFT nowhere"), HasSubstr("DRAFT \"nowhere\" is no folder"));
  const auto plan = TryPlan("m", "FROM src", {}, Precision::kInt4);
  EXPECT_THAT(std::string(plan.status().message()), HasSubstr("makes no sense without DRAFT"));
  SourceFolder nameless(dir_ / "nameless", "{}");
  nameless.AddRandom("model.norm.weight", DType::kBF16, {128});
  nameless.Write();
  EXPECT_THAT(ErrorOf("FROM nameless"), HasSubstr("neither architectures nor a model_type"));
  EXPECT_THAT(ErrorOf("FROM src\nDRAFT nameless"), HasSubstr("the draft model: "))
      << "and which of the two";
  SourceFolder module = MakeModel(dir_ / "escape", "bert", Form::kStacked);
  module.AddFile("modules.json", R"([{"path": "../elsewhere"}])");
  module.Write();
  EXPECT_THAT(ErrorOf("FROM escape"), HasSubstr("does not lie inside the model's"));
}

}  // namespace
}  // namespace ingot::import
