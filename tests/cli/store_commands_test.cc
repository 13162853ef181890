// The commands on the store, from the command line to what they print.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/store_access.h"
#include "core/json.h"
#include "server/model_tensors.h"
#include "store/session.h"
#include "tensor/writer.h"
#include "tests/cli/run_cli.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

namespace fs = std::filesystem;
using core::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

class StringSink : public tensor::ByteSink {
 public:
  core::Status Write(std::span<const std::byte> data) override {
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
    return core::Status::Ok();
  }
  std::string text;
};

using Metadata = std::map<std::string, std::string>;

// A tensor file whose data is zeros.
std::string TensorFile(std::vector<tensor::TensorSpec> specs, const Metadata& metadata = {}) {
  const auto plan = tensor::SafetensorsPlan::Make(std::move(specs), metadata);
  StringSink sink;
  tensor::SafetensorsWriter writer(*plan, sink);
  const std::vector<std::byte> zeros(plan->data_size());
  EXPECT_TRUE(writer.Append(zeros).ok() && writer.Finish().ok());
  return sink.text;
}

class StoreCommandsTest : public ::testing::Test {
 protected:
  struct Content {
    std::string_view media_type;
    std::string name;
    std::string bytes;
  };

  store::StoredModel Write(std::string_view name, const std::vector<Content>& contents,
                           const std::string& config) {
    const auto session = *store::WriteSession::Begin(store_);
    std::vector<store::Layer> layers;
    const auto put = [&](const Content& content) {
      const store::BlobInfo blob = *session->PutBlob(content.bytes);
      return store::Layer{std::string(content.media_type), blob.digest, blob.size, "",
                          content.name};
    };
    for (const Content& content : contents) layers.push_back(put(content));
    auto model = session->Commit(
        *store::ModelName::Parse(name),
        store::Manifest{.config = put({store::kConfigMediaType, "", config}), .layers = layers});
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *std::move(model);
  }

  // int4 with groups of 64: [8, 128] in 16 words a row; and a dense norm with a bias of its own.
  store::StoredModel WriteQuantized(std::string_view name = "me/Tiny:q4") {
    using enum tensor::DType;
    return Write(
        name,
        {{store::kTensorMediaType, "model.layers.0.q_proj.weight",
          TensorFile({{"model.layers.0.q_proj.weight", kU32, {8, 16}},
                      {"model.layers.0.q_proj.weight.scale", kBF16, {8, 2}},
                      {"model.layers.0.q_proj.weight.bias", kBF16, {8, 2}}},
                     {{"quant_type", "int4"}, {"group_size", "64"}})},
         {store::kTensorMediaType, "model.layers.0.q_proj.bias",
          TensorFile({{"model.layers.0.q_proj.bias", kBF16, {8}}})},
         {store::kTensorMediaType, "model.norm.weight",
          TensorFile({{"model.norm.weight", kBF16, {128}}})},
         {store::kJsonMediaType, "config.json",
          R"({"architectures":["Qwen3ForCausalLM"],"model_type":"qwen3","hidden_size":128,)"
          R"("max_position_embeddings":4096,"num_hidden_layers":1,"torch_dtype":"bfloat16"})"},
         {store::kSystemMediaType, "", "Be\x1b[31m brief.\nSecond.\nThird.\n"},
         {store::kTemplateMediaType, "", "{{ .Prompt }}"},
         {store::kLicenseMediaType, "", "Do as you like."},
         {store::kParamsMediaType, "", R"({"stop":["<|a|>","<|b|>"],"temperature":0.5})"}},
        R"({"model_format":"safetensors","renderer":"qwen3-coder","parser":"qwen3",)"
        R"("requires":"0.19.0","capabilities":["completion","tools"]})");
  }

  Outcome Run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), {"--models", root_.c_str()});
    return Ingot(std::move(arguments));
  }
  Json RunJson(std::vector<const char*> arguments, int exit = 0) {
    const Outcome outcome = Run(std::move(arguments));
    EXPECT_EQ(outcome.exit, exit) << outcome.err;
    auto json = core::ParseJson(outcome.out);
    EXPECT_TRUE(json.ok()) << outcome.out;
    return json.ok() ? *std::move(json) : Json();
  }
  fs::path BlobOf(const store::Layer& layer) const { return store_.layout().Blob(layer.digest); }

  testing::TempDir dir_{testing::TempPlace::kMemory};
  const std::string root_ = (dir_ / "models").string();
  store::Store store_{core::Env::Posix(), core::Clock::System(), root_};
};

TEST_F(StoreCommandsTest, ListShowsNameIdSizeAndAge) {
  EXPECT_EQ(Run({"list"}).out, "NAME    ID    SIZE    MODIFIED\n");
  const store::StoredModel model = WriteQuantized();
  Write("other", {}, "{}");
  const Outcome list = Run({"list"});
  EXPECT_EQ(list.exit, 0);
  EXPECT_THAT(list.out, HasSubstr("me/Tiny:q4      " + model.raw.id.Short() + "    "));
  EXPECT_THAT(list.out, HasSubstr(" ago\n"));
  EXPECT_THAT(Run({"ls", "ME/"}).out, Not(HasSubstr("other")));
  const Json json = RunJson({"list", "--json"});
  ASSERT_THAT(json["models"], SizeIs(2));
  EXPECT_EQ(json["models"][1]["name"], "me/Tiny:q4");
  EXPECT_EQ(json["models"][1]["size"], model.manifest().TotalSize());
  EXPECT_EQ(json["models"][1]["format"], "safetensors");
}

TEST_F(StoreCommandsTest, ListWarnsOfManifestsItCannotRead) {
  Write("good", {}, "{}");
  const fs::path broken = store_.layout().ManifestOf(*store::ModelName::Parse("broken"));
  fs::create_directories(broken.parent_path());
  std::ofstream(broken) << "{";
  const Outcome list = Run({"list"});
  EXPECT_EQ(list.exit, 0);
  EXPECT_THAT(list.out, HasSubstr("good:latest"));
  EXPECT_THAT(list.err, HasSubstr("the manifest of broken:latest cannot be read"));
  EXPECT_THAT(RunJson({"list", "--json"})["unreadable"], SizeIs(1));
}

TEST_F(StoreCommandsTest, ShowHasTheSectionsOfTheOriginal) {
  WriteQuantized();
  const Outcome show = Run({"show", "me/tiny:Q4"});
  EXPECT_EQ(show.exit, 0) << show.err;
  EXPECT_EQ(show.out,
            "  Model\n"
            "    architecture        qwen3\n"
            "    parameters          1K\n"
            "    context length      4096\n"
            "    embedding length    128\n"
            "    quantization        int4\n"
            "    requires            0.19.0\n"
            "\n"
            "  Capabilities\n"
            "    completion\n"
            "    tools\n"
            "\n"
            "  Parameters\n"
            "    stop           \"<|a|>\"\n"
            "    stop           \"<|b|>\"\n"
            "    temperature    0.5\n"
            "\n"
            "  System\n"
            "    Be\\x1b[31m brief.\n"
            "    Second.\n"
            "    ...\n"
            "\n"
            "  License\n"
            "    Do as you like.\n"
            "\n");
}

TEST_F(StoreCommandsTest, ShowCountsParametersOfUnpackedShapes) {
  WriteQuantized();
  const Json json = RunJson({"show", "-v", "me/tiny:q4", "--json"});
  EXPECT_EQ(json["model_info"]["general.parameter_count"], 8 * 128 + 8 + 128);
  EXPECT_EQ(json["model_info"]["qwen3.block_count"], 1);
  EXPECT_EQ(json["tensors"],
            Json::parse(R"([{"name":"model.layers.0.q_proj.bias","type":"BF16","shape":[8]},
                            {"name":"model.layers.0.q_proj.weight","type":"int4","shape":[8,128]},
                            {"name":"model.norm.weight","type":"BF16","shape":[128]}])"));
  EXPECT_EQ(json["parameters"], Json::parse(R"({"stop":["<|a|>","<|b|>"],"temperature":0.5})"));
  EXPECT_THAT(Run({"show", "-v", "me/tiny:q4"}).out,
              HasSubstr("model.layers.0.q_proj.weight    int4    [8 128]\n"));
}

TEST_F(StoreCommandsTest, ShowPrintsOnePartOnRequest) {
  WriteQuantized();
  EXPECT_EQ(Run({"show", "--license", "me/tiny:q4"}).out, "Do as you like.\n");
  EXPECT_EQ(Run({"show", "--template", "me/tiny:q4"}).out, "{{ .Prompt }}\n");
  // To a file or a pipe as it is; a terminal would see no escape.
  EXPECT_EQ(Run({"show", "--system", "me/tiny:q4"}).out, "Be\x1b[31m brief.\nSecond.\nThird.\n");
  EXPECT_THAT(Run({"show", "--parameters", "me/tiny:q4"}).out, HasSubstr("temperature    0.5\n"));
  const std::string modelfile = Run({"show", "--modelfile", "me/tiny:q4"}).out;
  EXPECT_THAT(modelfile, HasSubstr("\nFROM me/Tiny:q4\n"));
  EXPECT_THAT(modelfile, HasSubstr("\nPARAMETER stop <|a|>\nPARAMETER stop <|b|>\n"));
  EXPECT_THAT(modelfile, HasSubstr("\nSYSTEM \"\"\"Be"));
  EXPECT_EQ(Run({"show", "--license", "--system", "me/tiny:q4"}).exit, 2);
}

TEST_F(StoreCommandsTest, ShowSaysWhatItCanOfADamagedModel) {
  const store::StoredModel model = WriteQuantized();
  fs::remove(BlobOf(model.manifest().layers[0]));
  const Outcome show = Run({"show", "me/tiny:q4"});
  EXPECT_EQ(show.exit, 1);
  EXPECT_THAT(show.out, HasSubstr("context length      4096"));
  EXPECT_THAT(show.out, Not(HasSubstr("parameters   ")));
  EXPECT_THAT(show.err, HasSubstr("the tensors cannot be read"));
}

TEST_F(StoreCommandsTest, ErrorsSayWhatIsWrongAndWhatToDo) {
  WriteQuantized();
  const Outcome absent = Run({"show", "me/tony:q4"});
  EXPECT_EQ(absent.exit, 1);
  EXPECT_EQ(absent.err, "Error: model \"me/tony:q4\" not found\nDid you mean `me/Tiny:q4`?\n");
  const Outcome bad = Run({"rm", "me/tiny:q4", "a/b/c/d"});
  EXPECT_EQ(bad.exit, 2);
  EXPECT_THAT(bad.err, HasSubstr("invalid model name \"a/b/c/d\": the host"));
  EXPECT_EQ(Run({"show", "me/tiny:q4"}).exit, 0);  // a wrong name among several removes nothing
  for (const char* command : {"show", "cp", "rm"}) {
    EXPECT_EQ(Run({command}).exit, 2) << command;
  }
}

TEST_F(StoreCommandsTest, CpAndRm) {
  WriteQuantized();
  EXPECT_EQ(Run({"cp", "me/tiny:q4", "copy"}).out, "copied 'me/Tiny:q4' to 'copy:latest'\n");
  const Json removed = RunJson({"rm", "--json", "me/tiny:q4"});
  EXPECT_EQ(removed["removed"][0]["name"], "me/Tiny:q4");
  EXPECT_EQ(removed["removed"][0]["blobs_removed"], 0);
  EXPECT_THAT(Run({"rm", "copy"}).out, MatchesRegex("deleted 'copy:latest', .* freed\n"));
  EXPECT_TRUE(fs::is_empty(store_.layout().Blobs()));
  EXPECT_EQ(Run({"rm", "copy"}).exit, 1);
  EXPECT_EQ(Run({"cp", "copy", "x"}).exit, 1);
}

TEST_F(StoreCommandsTest, VerifyExitsByWhatItFinds) {
  const store::StoredModel model = WriteQuantized();
  const Outcome clean = Run({"verify"});
  EXPECT_EQ(clean.exit, 0);
  EXPECT_THAT(clean.out, HasSubstr("No damage found.\n"));
  EXPECT_EQ(RunJson({"verify", "--json", "me/tiny:q4"})["clean"], true);

  const store::Layer& layer = model.manifest().layers[2];
  fs::resize_file(BlobOf(layer), layer.size - 2);
  const Outcome damaged = Run({"verify"});
  EXPECT_EQ(damaged.exit, 1);
  EXPECT_THAT(damaged.out, HasSubstr("truncated  " + layer.digest.FileName()));
  EXPECT_THAT(damaged.out, HasSubstr("model.norm.weight, needed by me/Tiny:q4"));
  EXPECT_THAT(damaged.err, HasSubstr("`ingot repair`"));
  const Json json = RunJson({"verify", "--json"}, 1);
  EXPECT_EQ(json["clean"], false);
  EXPECT_EQ(json["findings"][0]["fault"], "truncated");
  EXPECT_THAT(json["findings"][0]["models"], ElementsAre("me/Tiny:q4"));
  EXPECT_EQ(Run({"verify", "absent"}).exit, 1);
}

TEST_F(StoreCommandsTest, RepairSaysWhatToDoNext) {
  EXPECT_EQ(Run({"repair"}).out, "Nothing to repair.\n");
  const store::StoredModel model = WriteQuantized();
  std::ofstream(BlobOf(model.manifest().layers[2]), std::ios::app) << "x";
  const Outcome dry = Run({"repair", "--dry-run"});
  EXPECT_EQ(dry.exit, 0);
  EXPECT_THAT(dry.out, HasSubstr("Would set aside:"));
  EXPECT_THAT(Run({"repair"}).out, HasSubstr("me/Tiny:q4  lacks 1 blob"));
  const Json again = RunJson({"repair", "--json"});
  EXPECT_THAT(again["quarantined"], IsEmpty());
  EXPECT_EQ(again["models"][0]["name"], "me/Tiny:q4");
}

TEST_F(StoreCommandsTest, GcTellsWhatItKeepsAndWhy) {
  EXPECT_EQ(Run({"gc"}).out, "Nothing to remove.\n");
  const store::StoredModel model = WriteQuantized();
  fs::remove(store_.layout().ManifestOf(model.name));
  EXPECT_THAT(Run({"gc"}).out, HasSubstr("under an hour old"));
  for (const auto& entry : fs::directory_iterator(store_.layout().Blobs())) {
    fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  EXPECT_THAT(Run({"gc", "--dry-run"}).out, HasSubstr("Would remove 9 blobs"));
  const Json report = RunJson({"gc", "--json"});
  EXPECT_EQ(report["removed"]["blobs"]["files"], 9);
  EXPECT_TRUE(fs::is_empty(store_.layout().Blobs()));
}

TEST(HowLongAgo, SpeaksAsPeopleDo) {
  constexpr int64_t kSecond = 1'000'000'000, kHour = 3600 * kSecond, kDay = 24 * kHour;
  const auto ago = [](int64_t ns) { return HowLongAgo(1000 * kDay - ns, 1000 * kDay); };
  EXPECT_EQ(ago(0), "Less than a second ago");
  EXPECT_EQ(ago(kSecond), "1 second ago");
  EXPECT_EQ(ago(59 * kSecond), "59 seconds ago");
  EXPECT_EQ(ago(60 * kSecond), "About a minute ago");
  EXPECT_EQ(ago(kHour), "About an hour ago");
  EXPECT_EQ(ago(47 * kHour), "47 hours ago");
  EXPECT_EQ(ago(3 * kDay), "3 days ago");
  EXPECT_EQ(ago(20 * kDay), "2 weeks ago");
  EXPECT_EQ(ago(90 * kDay), "3 months ago");
  EXPECT_EQ(ago(800 * kDay), "2 years ago");
  EXPECT_EQ(ago(-5 * 60 * kSecond), "in 5 minutes");
}

// The format of one tensor of codes in a file with that metadata, in a model with that config.
std::string FormatIn(const std::vector<tensor::TensorSpec>& specs, const Metadata& metadata,
                     const char* config) {
  const std::string file = TensorFile(specs, metadata);
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  const auto header = tensor::ParseHeader(std::string_view(file).substr(8, length), file.size());
  EXPECT_TRUE(header.ok());
  const auto format =
      server::FormatOfCodes(*header->Find(specs[0].name), *header->Find(specs[1].name), *header,
                            *core::ParseJson(config));
  return format ? quant::Describe(*format) : "unknown";
}

TEST(FormatOfCodes, BelievesWhatAgreesWithTheShapes) {
  using enum tensor::DType;
  // 32 words and 4 scales a row: 4-bit groups of 64, or 8-bit groups of 32.
  const std::vector<tensor::TensorSpec> both = {{"a.weight", kU32, {2, 32}},
                                                {"a.scales", kBF16, {2, 4}}};
  EXPECT_EQ(FormatIn(both, {}, "{}"), "unknown");
  EXPECT_EQ(FormatIn(both, {{"quant_type", "int4"}, {"group_size", "64"}}, "{}"),
            "4-bit affine, groups of 64");
  EXPECT_EQ(FormatIn(both, {{"a.weight.quant_type", "int8"}, {"a.weight.group_size", "32"}}, "{}"),
            "8-bit affine, groups of 32");
  EXPECT_EQ(FormatIn(both, {}, R"({"quantization":{"group_size":64,"bits":4}})"),
            "4-bit affine, groups of 64");
  EXPECT_EQ(FormatIn(both, {}, R"({"quantization":{"group_size":64,"bits":4,
                                   "a":{"group_size":32,"bits":8}}})"),
            "8-bit affine, groups of 32");
  EXPECT_EQ(FormatIn(both, {}, R"({"quantization_config":{"quant_method":"gptq","bits":4}})"),
            "unknown");
  // Metadata that contradicts the shapes is not believed, whoever wrote it.
  const std::vector<tensor::TensorSpec> eight = {{"a.weight", kU32, {2, 32}},
                                                 {"a.scales", kBF16, {2, 2}}};
  EXPECT_EQ(FormatIn(eight, {{"quant_type", "int4"}, {"group_size", "64"}}, "{}"),
            FormatIn(eight, {}, "{}"));
}

}  // namespace
}  // namespace ingot::cli
