// `ingot bench` and `ingot ppl` over the model that the repository carries.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "model/stored_tensors.h"
#include "model/traffic.h"
#include "ops/cpu/choice.h"
#include "tests/cli/run_cli.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using core::Json;
using ::testing::HasSubstr;

constexpr const char* kModel = INGOT_SOURCE_DIR "/demo/model";

TEST(BenchCommandTest, ReportsSpeedsAndWhatTheyAreOfTheMemorys) {
  const Outcome run = Ingot({"bench", kModel, "-p", "12", "-n", "6", "-r", "3", "--json"});
  ASSERT_EQ(run.exit, 0) << run.err;
  const auto report = core::ParseJson(run.out);
  ASSERT_TRUE(report.ok()) << run.out;
  EXPECT_EQ((*report)["prompt_tokens"], 12);
  EXPECT_EQ((*report)["generated_tokens"], 6);
  for (const char* key :
       {"prefill_tokens_per_second", "decode_tokens_per_second", "first_token_seconds"}) {
    const Json& measured = (*report)[key];
    EXPECT_GT(measured["min"].get<double>(), 0) << key;
    EXPECT_LE(measured["min"].get<double>(), measured["median"].get<double>()) << key;
    EXPECT_LE(measured["median"].get<double>(), measured["max"].get<double>()) << key;
  }
  const double share = (*report)["share_of_bandwidth"];
  EXPECT_NEAR(share,
              (*report)["decode_tokens_per_second"]["median"].get<double>() *
                  (*report)["bytes_per_token"].get<double>() /
                  (*report)["bandwidth_bytes_per_second"].get<double>(),
              share * 1e-6);
}

TEST(BenchCommandTest, PrintsATableForPeople) {
  const Outcome run = Ingot({"bench", kModel, "-p", "5", "-n", "2", "-r", "1"});
  ASSERT_EQ(run.exit, 0) << run.err;
  for (const char* part : {"prefill", "first token", "decode", "weights", "GB/s", "tokens/s"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(BenchCommandTest, WhatDoesNotFitTheContextIsRefused) {
  const Outcome run = Ingot({"bench", kModel, "-p", "8000", "-n", "193"});
  EXPECT_NE(run.exit, 0);
  EXPECT_THAT(run.err, HasSubstr("room for 8192 tokens, and 8193 are asked for"));
}

// 2 of 16 experts are read, the embedding is the head too and read whole.
TEST(TrafficTest, CountsWhatAStepReads) {
  const auto tensors = model::StoredTensors::FromFolder(core::Env::Posix(), kModel);
  ASSERT_TRUE(tensors.ok());
  const auto config = core::ParseJson(
      *core::ReadSmallFile(core::Env::Posix(), core::Path(kModel) / "config.json", 1 << 20));
  uint64_t experts = 0;
  for (size_t i = 0; i < tensors->size(); ++i) {
    if (tensors->name(i).find(".experts.") == std::string_view::npos) continue;
    experts += uint64_t{2} * tensors->shape(i)[0] * tensors->shape(i)[1];
  }
  ASSERT_GT(experts, 0u);
  const auto stored = model::BytesPerToken(*tensors, *config, {});
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(*stored, tensors->bytes() - experts + experts / 8);
  EXPECT_EQ(*model::BytesPerToken(*tensors, *config, ops::mx::float32), 2 * *stored);
}

TEST(PplCommandTest, ReportsPerplexityAndWhatItRestsOn) {
  const testing::TempDir dir;
  const std::string text = "What is 12+34?\n46\nSpell cat.\nc-a-t\n";
  const std::string file = dir / "text";
  std::ofstream(file) << text;
  const Outcome run = Ingot({"ppl", kModel, "-f", file.c_str(), "--dtype", "float32", "--json"});
  ASSERT_EQ(run.exit, 0) << run.err;
  const auto report = core::ParseJson(run.out);
  ASSERT_TRUE(report.ok());
  const auto tokens = (*report)["tokens"].get<size_t>();
  EXPECT_EQ((*report)["scored_tokens"], tokens - 1);
  EXPECT_EQ((*report)["window"], 2048);
  EXPECT_NEAR((*report)["perplexity"].get<double>(),
              std::exp((*report)["nats_per_token"].get<double>()),
              1e-9 * (*report)["perplexity"].get<double>());
  EXPECT_GT((*report)["standard_error"].get<double>(), 0);

  const Outcome bf16 = Ingot({"ppl", kModel, "-f", file.c_str()});
  EXPECT_EQ(bf16.exit, 0);
  EXPECT_THAT(bf16.out, HasSubstr("perplexity "));
  EXPECT_THAT(bf16.out, HasSubstr("in windows of 2048"));
}

// Dialogues as tools/demo/corpus.py makes them, from a seed that the demo model has not seen: so
// many characters of them in a file.
class Dialogues {
 public:
  explicit Dialogues(size_t characters) {
    const auto text = core::ReadSmallFile(
        core::Env::Posix(), INGOT_SOURCE_DIR "/tests/cli/data/dialogues.txt", uint64_t{1} << 20);
    EXPECT_TRUE(text.ok()) << text.status().message();
    if (text.ok()) std::ofstream(file_) << text->substr(0, characters);
  }
  double Perplexity(const char* type, const char* cache = "") const {
    std::vector<const char*> arguments = {"ppl",     kModel, "-f",    file_.c_str(),
                                          "--dtype", type,   "--json"};
    if (*cache != 0) arguments.insert(arguments.end(), {"--kv-cache", cache});
    const Outcome run = Ingot(arguments);
    EXPECT_EQ(run.exit, 0) << run.err;
    const auto report = core::ParseJson(run.out);
    return report.ok() ? (*report)["perplexity"].get<double>() : 0;
  }

 private:
  testing::TempDir dir_;
  std::string file_ = dir_ / "text";
};

// How far rounded activations move a text's perplexity is a matter of chance for a short one, which
// tells no more than 1 %; `make soak` reads all of it, and holds it to half a percent.
TEST(PplCommandTest, HalfTheBitsForActivationsCostHardlyAnything) {
  const bool all = std::getenv("INGOT_SOAK") != nullptr;
  const Dialogues text(all ? std::string::npos : 5000);
  const auto perplexity = [&](const char* type) { return text.Perplexity(type); };
  const double expected = perplexity("float32");
  EXPECT_GT(expected, 1);
  EXPECT_NEAR(perplexity("bfloat16") / expected, 1, all ? 0.005 : 0.01);
}

// Measured over all of the text: 0.01 % with fp32 activations.
TEST(PplCommandTest, KeysAndValuesInEightBitsCostHardlyAnything) {
  const Dialogues text(std::getenv("INGOT_SOAK") != nullptr ? std::string::npos : 5000);
  const double expected = text.Perplexity("float32");
  const double packed = text.Perplexity("float32", "int8");
  EXPECT_NE(packed, expected);
  EXPECT_NEAR(packed / expected, 1, 0.002);
  EXPECT_EQ(text.Perplexity("float32", "float32"), expected);
}

TEST(KvCacheOptionTest, TheEnvironmentSaysItWhereTheCommandLineDoesNot) {
  const Dialogues text(500);
  const double packed = text.Perplexity("float32", "int8");
  setenv("INGOT_KV_CACHE", "int8", 1);
  EXPECT_EQ(text.Perplexity("float32"), packed);
  EXPECT_NE(text.Perplexity("float32", "float32"), packed);
  setenv("INGOT_KV_CACHE", "int3", 1);
  const Outcome run = Ingot({"bench", kModel, "-p", "2", "-n", "1", "-r", "1"});
  unsetenv("INGOT_KV_CACHE");
  EXPECT_NE(run.exit, 0);
  EXPECT_THAT(run.err, HasSubstr("INGOT_KV_CACHE: \"int3\" is unknown"));
}

TEST(KvCacheOptionTest, TheOriginalsVariableCountsWhereOursIsNotSet) {
  const Dialogues text(500);
  const double packed = text.Perplexity("float32", "int8");
  const double usual = text.Perplexity("float32", "float32");
  setenv("OLLAMA_KV_CACHE_TYPE", "q8_0", 1);
  EXPECT_EQ(text.Perplexity("float32"), packed);
  setenv("INGOT_KV_CACHE", "float32", 1);
  EXPECT_EQ(text.Perplexity("float32"), usual);
  unsetenv("INGOT_KV_CACHE");
  setenv("OLLAMA_KV_CACHE_TYPE", "f16", 1);
  EXPECT_EQ(text.Perplexity("float32"), usual);
  setenv("OLLAMA_KV_CACHE_TYPE", "q4_0", 1);
  const Outcome run = Ingot({"bench", kModel, "-p", "2", "-n", "1", "-r", "1"});
  unsetenv("OLLAMA_KV_CACHE_TYPE");
  EXPECT_NE(run.exit, 0);
  EXPECT_THAT(run.err, HasSubstr("OLLAMA_KV_CACHE_TYPE: \"q4_0\" is not there"));
}

TEST(KvCacheOptionTest, WhatIsNoTypeOfACacheIsRefusedByEveryCommandThatHasIt) {
  const testing::TempDir dir;
  const std::string file = dir / "text";
  const std::string output = dir / "out.npy";
  std::ofstream(file) << "What is 1+1?";
  const std::vector<std::vector<const char*>> commands = {
      {"run", kModel, "--tokens", "1,2"},
      {"bench", kModel},
      {"ppl", kModel, "-f", file.c_str()},
      {"logits", kModel, "--tokens", "1,2", "-o", output.c_str()},
      {"serve", "--port", "0"}};
  for (std::vector<const char*> command : commands) {
    const std::string name = command[0];
    command.insert(command.end(), {"--kv-cache", "int4"});
    const Outcome run = Ingot(command);
    EXPECT_NE(run.exit, 0) << name;
    EXPECT_THAT(run.err, HasSubstr("--kv-cache: \"int4\" is unknown")) << name;
  }
  const Outcome other =
      Ingot({"run", kModel, "--tokens", "1,2", "--dtype", "float32", "--kv-cache", "bf16"});
  EXPECT_NE(other.exit, 0);
  EXPECT_THAT(other.err, HasSubstr("a cache of bfloat16 for activations of float32"));
}

TEST(KvCacheOptionTest, AnAnswerIsMadeWithACacheInEightBits) {
  const Outcome run = Ingot(
      {"run", kModel, "What is 12+34?", "--kv-cache", "int8", "--temperature", "0", "--json"});
  ASSERT_EQ(run.exit, 0) << run.err;
  const auto answer = core::ParseJson(run.out);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT((*answer)["text"].get<std::string>(), HasSubstr("46"));
}

// The kernels round at other places than MLX's operations do: over a whole text that comes to
// nothing in fp32 and to less than a tenth of a percent in bf16.
TEST(PplCommandTest, KernelsAndPlainFormsGiveTheSamePerplexity) {
  const bool all = std::getenv("INGOT_SOAK") != nullptr;
  const Dialogues text(all ? std::string::npos : 3000);
  const auto perplexity = [&](const char* type) { return text.Perplexity(type); };
  const double wide = perplexity("float32");
  const double narrow = all ? perplexity("bfloat16") : 0;
  const ops::cpu::PlainForms plain;
  EXPECT_NEAR(wide / perplexity("float32"), 1, 1e-5);
  if (all) {
    EXPECT_NEAR(narrow / perplexity("bfloat16"), 1, 0.001);
  }
}

TEST(PplCommandTest, BadInputIsRefused) {
  const testing::TempDir dir;
  const std::string file = dir / "empty";
  std::ofstream(file).flush();
  EXPECT_THAT(Ingot({"ppl", kModel, "-f", file.c_str()}).err, HasSubstr("at least 2"));
  EXPECT_THAT(Ingot({"ppl", kModel, "-f", (dir / "none").c_str()}).err, HasSubstr("none"));
  std::ofstream(file) << "some words that make a few tokens";
  EXPECT_THAT(Ingot({"ppl", kModel, "-f", file.c_str(), "--ctx", "9000"}).err,
              HasSubstr("expected 2 to 8192"));
}

}  // namespace
}  // namespace ingot::cli
