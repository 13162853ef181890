// `ingot create`, from the command line to what lies in the store.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "tests/cli/run_cli.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

namespace fs = std::filesystem;
using core::Json;
using core::StrCat;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kModel = INGOT_SOURCE_DIR "/demo/model";

class CreateCommandTest : public ::testing::Test {
 protected:
  // With a store of its own.
  Outcome Run(const std::vector<std::string>& words) {
    std::vector<std::string> all = {"--models", store_};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<const char*> arguments;
    for (const std::string& word : all) arguments.push_back(word.c_str());
    return Ingot(arguments);
  }
  Outcome MustRun(const std::vector<std::string>& words) {
    Outcome outcome = Run(words);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return outcome;
  }
  Json JsonOf(const Outcome& outcome) {
    auto json = core::ParseJson(outcome.out);
    EXPECT_TRUE(json.ok()) << outcome.out << outcome.err;
    return json.ok() ? *std::move(json) : Json();
  }
  std::string WriteModelfile(std::string_view text) {
    const fs::path path = dir_ / "Modelfile";
    std::ofstream(path) << text;
    return path.native();
  }
  // The demo model, but for what a test changes.
  std::string CopyOfModel() {
    const fs::path copy = dir_ / "copy";
    fs::copy(kModel, copy);
    return copy.native();
  }

  testing::TempDir dir_;
  const std::string store_ = (dir_ / "models").native();
};

TEST_F(CreateCommandTest, ImportsAFolderThatThenAnswersFromTheStore) {
  const Outcome created = MustRun({"create", "demo", "-f", kModel, "-q", "int4"});
  EXPECT_THAT(created.out, HasSubstr("Created 'demo:latest'"));
  EXPECT_THAT(created.out, HasSubstr("bits per weight"));
  EXPECT_THAT(created.out, HasSubstr("GB/s"));
  EXPECT_THAT(created.out, HasSubstr("int4"));
  EXPECT_THAT(created.err, HasSubstr("importing"));
  const Outcome answer = MustRun({"run", "demo", "What is 2+2?", "--temperature", "0"});
  EXPECT_EQ(answer.out, "4\n");
  EXPECT_EQ(MustRun({"verify"}).exit, 0);
}

TEST_F(CreateCommandTest, SaysTheSameAsJson) {
  const Json json = JsonOf(MustRun({"create", "demo", "-f", kModel, "-q", "mxfp8", "--json"}));
  EXPECT_EQ(json["name"], "demo:latest");
  EXPECT_EQ(json["file_type"], "mxfp8");
  EXPECT_GT(json["totals"]["bits_per_weight"], 8.0);
  EXPECT_GT(json["written_bytes"], 0);
  EXPECT_EQ(json["blobs_resumed"], 0);
  const Json list = JsonOf(MustRun({"list", "--json"}));
  EXPECT_THAT(list.dump(), HasSubstr(json["id"].get<std::string>().substr(0, 12)));
}

TEST_F(CreateCommandTest, TheOriginalsWayOfAskingIsUnderstood) {
  const Outcome outcome =
      MustRun({"create", "--experimental", "demo", "--file", kModel, "--quantize", "INT8"});
  EXPECT_THAT(outcome.err, HasSubstr("--experimental changes nothing"));
  EXPECT_THAT(outcome.out, HasSubstr("Created 'demo:latest'"));
}

TEST_F(CreateCommandTest, TakesUpWhatIsDone) {
  const Json first = JsonOf(MustRun({"create", "a", "-f", kModel, "--json"}));
  const Json again = JsonOf(MustRun({"create", "b", "-f", kModel, "--json"}));
  EXPECT_EQ(again["id"], first["id"]);
  EXPECT_EQ(again["written_bytes"], 0);
  EXPECT_GT(again["blobs_resumed"], 0);
  EXPECT_THAT(MustRun({"create", "c", "-f", kModel}).out, HasSubstr("were done before"));
}

TEST_F(CreateCommandTest, HighEffortGivesOtherWeightsOfTheSameSize) {
  const Json plain = JsonOf(MustRun({"create", "a", "-f", kModel, "-q", "int4", "--json"}));
  const Json high = JsonOf(
      MustRun({"create", "b", "-f", kModel, "-q", "int4", "--quantize-effort", "high", "--json"}));
  EXPECT_NE(high["id"], plain["id"]);
  EXPECT_EQ(high["size"], plain["size"]);
  EXPECT_EQ(MustRun({"run", "b", "What is 2+2?", "--temperature", "0"}).out, "4\n");
}

TEST_F(CreateCommandTest, ThreadsMakeNoDifference) {
  const int before = core::ThreadPool::Shared().threads();
  const Json one =
      JsonOf(MustRun({"create", "a", "-f", kModel, "-q", "nvfp4", "--threads", "1", "--json"}));
  fs::remove_all(store_);
  const Json three =
      JsonOf(MustRun({"create", "a", "-f", kModel, "-q", "nvfp4", "--threads", "3", "--json"}));
  core::ThreadPool::SetSharedThreads(before);
  EXPECT_EQ(one["id"], three["id"]);
}

TEST_F(CreateCommandTest, DryRunPrintsThePlanAndTouchesNothing) {
  const Outcome table = MustRun({"create", "demo", "-f", kModel, "-q", "int4", "--dry-run"});
  EXPECT_THAT(table.out, HasSubstr("TENSOR"));
  EXPECT_THAT(table.out, HasSubstr("RULE"));
  EXPECT_THAT(table.out, HasSubstr("switch_mlp.up_proj.weight"));
  EXPECT_THAT(table.out, HasSubstr("bits per weight, about"));
  EXPECT_FALSE(fs::exists(store_));
  const Json json =
      JsonOf(MustRun({"create", "demo", "-f", kModel, "-q", "int4", "--dry-run", "--json"}));
  EXPECT_FALSE(fs::exists(store_));
  const Json& totals = json["model"]["totals"];
  EXPECT_GT(totals["expected_seconds"], 0.0);
  EXPECT_GT(totals["types"]["int4"]["tensors"], 0) << totals.dump();
  EXPECT_FALSE(json["model"]["blobs"][0]["weights"][0]["rule"].get<std::string>().empty());
}

TEST_F(CreateCommandTest, ReportSaysWhatWasLost) {
  const fs::path before = fs::current_path();
  fs::current_path(dir_.path());
  const Outcome outcome = Run({"create", "demo", "-f", kModel, "-q", "int4", "--report"});
  fs::current_path(before);
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("demo-latest.report.txt"));
  std::ifstream table(dir_ / "demo-latest.report.txt");
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(table), {}), HasSubstr("int4"));
  std::ifstream file(dir_ / "demo-latest.report.json");
  const auto json = core::ParseJson(std::string(std::istreambuf_iterator<char>(file), {}));
  ASSERT_TRUE(json.ok());
  ASSERT_FALSE((*json)["tensors"].empty());
  EXPECT_GT((*json)["tensors"][0]["relative_error"], 0.0);
}

TEST_F(CreateCommandTest, AnExportedFolderComesBackAsTheSameModel) {
  const Json first = JsonOf(MustRun({"create", "demo", "-f", kModel, "-q", "int4", "--json"}));
  const std::string folder = (dir_ / "mlx").native();
  EXPECT_THAT(MustRun({"export", "demo", folder}).out, HasSubstr("Exported"));
  EXPECT_EQ(MustRun({"run", folder, "What is 2+2?", "--temperature", "0"}).out, "4\n");
  const Json back = JsonOf(MustRun({"create", "back", "-f", folder, "--json"}));
  EXPECT_EQ(back["id"], first["id"]);
  const Json again = JsonOf(MustRun({"export", "demo", folder + "2", "--json"}));
  EXPECT_GT(again["tensors"], 50);
  EXPECT_EQ(Run({"export", "demo", folder}).exit, 1);
}

// The folder declares a type for all modules and others for some: none of it may come back.
TEST_F(CreateCommandTest, AMixedFolderIsQuantizedAgainOnlyWhenAllowed) {
  MustRun({"create", "demo", "-f", kModel, "-q", "int4"});
  const std::string folder = (dir_ / "mlx").native();
  MustRun({"export", "demo", folder});
  const Outcome refused = Run({"create", "again", "-f", folder, "-q", "nvfp4"});
  EXPECT_EQ(refused.exit, 2);
  EXPECT_THAT(refused.err, HasSubstr("is already quantized"));
  EXPECT_THAT(refused.err, HasSubstr("--allow-requantize"));
  const Json json = JsonOf(
      MustRun({"create", "again", "-f", folder, "-q", "nvfp4", "--allow-requantize", "--json"}));
  EXPECT_EQ(json["file_type"], "nvfp4");
  const Json& types = json["totals"]["types"];
  EXPECT_TRUE(types.contains("nvfp4"));
  EXPECT_TRUE(types.contains("mxfp8"));
  EXPECT_FALSE(types.contains("int4"));
  EXPECT_FALSE(types.contains("int8"));
  EXPECT_EQ(MustRun({"run", "again", "What is 2+2?", "--temperature", "0"}).out, "4\n");
}

TEST_F(CreateCommandTest, AModelfileSaysWhatToTakeAndHow) {
  const std::string file = WriteModelfile(
      StrCat("FROM ", kModel, "\nSYSTEM be brief\nPARAMETER temperature 0\nLICENSE one\n"));
  MustRun({"create", "demo", "-f", file});
  EXPECT_EQ(MustRun({"show", "demo", "--system"}).out, "be brief\n");
  MustRun({"create", "derived", "-f", WriteModelfile("FROM demo\nSYSTEM be long\n")});
  EXPECT_EQ(MustRun({"show", "derived", "--system"}).out, "be long\n");
}

TEST_F(CreateCommandTest, StrictRefusesWhatIsOtherwiseWarnedOf) {
  const std::string copy = CopyOfModel();
  std::fstream weights(copy + "/model.safetensors", std::ios::in | std::ios::out);
  const std::streamoff size =
      static_cast<std::streamoff>(fs::file_size(copy + "/model.safetensors"));
  weights.seekp(size - 2);
  weights.write("\x80\x7f", 2);  // infinity, as BF16 has it
  weights.close();
  const Outcome warned = MustRun({"create", "demo", "-f", copy});
  EXPECT_THAT(warned.err, HasSubstr("Warning: "));
  EXPECT_THAT(warned.err, HasSubstr("NaN or infinite"));
  const Outcome strict = Run({"create", "strict", "-f", copy, "--strict"});
  EXPECT_EQ(strict.exit, 1);
  EXPECT_THAT(strict.err, HasSubstr("NaN or infinite"));
  EXPECT_THAT(MustRun({"list"}).out, Not(HasSubstr("strict")));
}

TEST_F(CreateCommandTest, NamesWhatIsWrong) {
  const auto error = [&](const std::vector<std::string>& words, int exit) {
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.exit, exit) << outcome.err;
    EXPECT_THAT(outcome.out, IsEmpty());
    return outcome.err;
  };
  EXPECT_THAT(error({"create", "a/b/c/d/e", "-f", kModel}, 2), HasSubstr("a/b/c/d/e"));
  EXPECT_THAT(error({"create", "m", "-f", (dir_ / "absent").native()}, 1), HasSubstr("absent"));
  EXPECT_THAT(error({"create", "m", "-f", kModel, "-q", "q5"}, 2),
              HasSubstr("there are int4, int8, nvfp4, mxfp4, mxfp8"));
  EXPECT_THAT(error({"create", "m", "-f", kModel, "--draft-quantize", "int4"}, 2),
              HasSubstr("makes no sense without DRAFT"));
  const std::string with_draft = WriteModelfile(StrCat("FROM ", kModel, "\nDRAFT ", kModel, "\n"));
  EXPECT_THAT(error({"create", "m", "-f", with_draft, "--draft-quantize", "q5"}, 2),
              HasSubstr("--draft-quantize: "));
  EXPECT_THAT(error({"create", "m", "-f", kModel, "--dtype", "float16"}, 2), HasSubstr("bfloat16"));
  EXPECT_THAT(error({"create", "m", "-f", WriteModelfile("SYSTEM x\n")}, 2), HasSubstr("FROM"));
  EXPECT_THAT(error({"create", "m", "-f", WriteModelfile("FROM x\nNONSENSE y\n")}, 2),
              HasSubstr("line 2"));
  EXPECT_THAT(error({"create", "m", "-f", WriteModelfile("FROM nowhere\n")}, 1),
              HasSubstr("neither a folder of weights"));
  EXPECT_THAT(error({"create", "m", "-f", kModel, "--quantize-effort", "low"}, 2),
              HasSubstr("high"));
  // Without -f the current folder counts, and it may have nothing.
  const fs::path before = fs::current_path();
  fs::create_directory(dir_ / "empty");
  fs::current_path(dir_ / "empty");
  const Outcome nothing = Run({"create", "m"});
  fs::current_path(before);
  EXPECT_EQ(nothing.exit, 1);
  EXPECT_THAT(nothing.err, HasSubstr("FROM \".\" is neither a folder of weights"));
  EXPECT_THAT(nothing.err, HasSubstr("has no config.json and no *.safetensors"));
  // An index without its shards is a checkpoint with something missing, and says what.
  std::ofstream(dir_ / "empty" / "config.json") << R"({"architectures": ["LlamaForCausalLM"]})";
  std::ofstream(dir_ / "empty" / "model.safetensors.index.json")
      << R"({"weight_map": {"a.weight": "model-00001-of-00001.safetensors"}})";
  EXPECT_THAT(error({"create", "m", "-f", (dir_ / "empty").string()}, 1),
              HasSubstr("model-00001-of-00001.safetensors"));
}

}  // namespace
}  // namespace ingot::cli
