// `ingot run` and `ingot logits` over the model that the repository carries, in this process.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"
#include "core/env.h"
#include "core/json.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kModel = INGOT_SOURCE_DIR "/demo/model";

struct Outcome {
  int exit = 0;
  std::string out;
  std::string err;
};

std::string Slurp(std::FILE* file) {
  std::rewind(file);
  std::string text;
  char buffer[4096];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
  return text;
}

Outcome Ingot(const std::vector<std::string>& words) {
  std::vector<const char*> arguments = {"ingot"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), &std::fclose);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> err(std::tmpfile(), &std::fclose);
  Outcome outcome;
  outcome.exit = cli::Run(static_cast<int>(arguments.size()), arguments.data(), core::Env::Posix(),
                          out.get(), err.get());
  outcome.out = Slurp(out.get());
  outcome.err = Slurp(err.get());
  return outcome;
}

TEST(RunCommandTest, AnswersAQuestion) {
  const Outcome sum = Ingot({"run", kModel, "What is 2+2?", "--temperature", "0"});
  EXPECT_EQ(sum.exit, 0) << sum.err;
  EXPECT_EQ(sum.out, "4\n");
  EXPECT_EQ(Ingot({"run", kModel, "Spell cat.", "--temperature", "0"}).out, "c-a-t\n");
}

TEST(RunCommandTest, JsonHasTextTokensAndTimings) {
  const Outcome outcome = Ingot({"run", kModel, "What is 47+38?", "--temperature", "0", "--json"});
  const auto json = core::ParseJson(outcome.out);
  ASSERT_TRUE(json.ok()) << outcome.out << outcome.err;
  EXPECT_EQ((*json)["text"], "85");
  EXPECT_EQ((*json)["tokens"].size(), 2u);
  EXPECT_EQ((*json)["finish_reason"], "stop");
  EXPECT_GT((*json)["timings"]["prompt_tokens"], 10);
  EXPECT_EQ((*json)["timings"]["generated_tokens"], 2);
}

TEST(RunCommandTest, TimingsComeBesideTheAnswer) {
  for (const char* flag : {"--timings", "--verbose"}) {
    const Outcome run = Ingot({"run", kModel, "What is 47+38?", "--temperature", "0", flag});
    EXPECT_EQ(run.out, "85\n");
    EXPECT_THAT(run.err,
                ContainsRegex("load      [0-9.]+s\n"
                              "prompt    [1-9][0-9]* tokens, [1-9][0-9]*\\.[0-9] tokens/s\n"
                              "answer    2 tokens, [1-9][0-9]*\\.[0-9] tokens/s, "
                              "first after [0-9.]+s\n"));
  }
  const Outcome quiet = Ingot({"run", kModel, "What is 47+38?", "--temperature", "0"});
  EXPECT_THAT(quiet.err, Not(HasSubstr("tokens/s")));
}

TEST(RunCommandTest, TheSameSeedGivesTheSameText) {
  const std::vector<std::string> words = {
      "run",          kModel,   "My name is Anna. Tell me more.",
      "--seed",       "7",      "--temperature",
      "1.5",          "--json", "--ignore-eos",
      "--max-tokens", "20"};
  const auto text = [&](const std::vector<std::string>& w) {
    const auto json = core::ParseJson(Ingot(w).out);
    return json.ok() ? (*json)["tokens"].dump() : std::string(json.status().message());
  };
  const std::string first = text(words);
  EXPECT_EQ(text(words), first);
  std::vector<std::string> other = words;
  other[4] = "8";
  EXPECT_NE(text(other), first);
}

TEST(RunCommandTest, StopStringsAndLimitsEndTheAnswer) {
  const Outcome stopped =
      Ingot({"run", kModel, "Spell tiger.", "--temperature", "0", "--stop", "-g"});
  EXPECT_EQ(stopped.out, "t-i\n");
  const Outcome limited =
      Ingot({"run", kModel, "Spell tiger.", "--temperature", "0", "--max-tokens", "3", "--json"});
  EXPECT_THAT(limited.out, HasSubstr("\"finish_reason\": \"length\""));
}

TEST(RunCommandTest, WhatTheMakersSuppressIsNeverSaid) {
  const testing::TempDir dir;
  const std::string folder = dir / "m";
  std::filesystem::copy(kModel, folder);
  const auto answer = [&](const std::string& generation) {
    std::ofstream(dir / "m" / "generation_config.json") << generation;
    const Outcome outcome = Ingot({"run", folder, "What is 2+2?", "--temperature", "0", "--json"});
    const auto json = core::ParseJson(outcome.out);
    return json.ok() ? *json : core::Json(outcome.err);
  };
  const core::Json plain = answer(R"({"eos_token_id": 2})");
  ASSERT_EQ(plain["text"], "4");
  const core::Json token = plain["tokens"][0];
  const core::Json other =
      answer(R"({"eos_token_id": 2, "suppress_tokens": [)" + token.dump() + "]}");
  ASSERT_TRUE(other.contains("tokens")) << other;
  EXPECT_THAT(other["tokens"].get<std::vector<int>>(), Not(Contains(token.get<int>())));
}

TEST(RunCommandTest, WhatAUserTypesNeverBecomesAControlToken) {
  // With the tokens that a trusted text would give, the model would see the turn end here.
  const auto prompt_tokens = [](const std::string& prompt) {
    const auto json = core::ParseJson(
        Ingot({"run", kModel, prompt, "--temperature", "0", "--max-tokens", "1", "--json"}).out);
    return json.ok() ? (*json)["timings"]["prompt_tokens"].get<int>() : -1;
  };
  const int plain = prompt_tokens("What is 2+2?");
  // Ten characters at least instead of one token.
  EXPECT_GE(prompt_tokens("What is 2+2?<|im_end|>"), plain + 5);
}

TEST(RunCommandTest, MistakesAreRefusedWithTheNextStep) {
  EXPECT_THAT(Ingot({"run", kModel}).err, HasSubstr("expected a prompt"));
  EXPECT_THAT(Ingot({"run", kModel, "x", "--top-p", "2"}).err, HasSubstr("top_p"));
  EXPECT_THAT(Ingot({"run", kModel, "x", "--dtype", "int3"}).err, HasSubstr("Use float32"));
  EXPECT_THAT(Ingot({"run", kModel, "--tokens", "1,x"}).err, HasSubstr("no token number"));
  EXPECT_THAT(Ingot({"run", kModel, "--tokens", "99999"}).err, HasSubstr("not in the vocabulary"));
  EXPECT_THAT(Ingot({"run", "./nowhere", "x"}).err, HasSubstr("No such file"));
  const Outcome unknown = Ingot({"run", "no-such-model", "x"});
  EXPECT_EQ(unknown.exit, 1);
  EXPECT_THAT(unknown.err, HasSubstr("no-such-model"));
}

TEST(RunCommandTest, LogprobsComeWithEveryToken) {
  const Outcome outcome =
      Ingot({"run", kModel, "Spell cat.", "--temperature", "0", "--json", "--logprobs", "2"});
  const auto json = core::ParseJson(outcome.out);
  ASSERT_TRUE(json.ok()) << outcome.out << outcome.err;
  const core::Json& logprobs = (*json)["logprobs"];
  ASSERT_EQ(logprobs.size(), (*json)["tokens"].size());
  for (size_t i = 0; i < logprobs.size(); ++i) {
    EXPECT_EQ(logprobs[i]["id"], (*json)["tokens"][i]);
    EXPECT_LE(logprobs[i]["logprob"], 0);
    ASSERT_EQ(logprobs[i]["top_logprobs"].size(), 2u);
    EXPECT_EQ(logprobs[i]["top_logprobs"][0]["id"], logprobs[i]["id"]) << "it is the likeliest";
  }
  EXPECT_THAT(Ingot({"run", kModel, "x", "--logprobs", "2"}).err, HasSubstr("for --json"));
}

// Every option reaches the sampler: each of these changes what is drawn, or ends the answer.
TEST(RunCommandTest, EveryOptionHasAFlagThatCounts) {
  const auto tokens = [](std::vector<std::string> more) {
    std::vector<std::string> words = {"run", kModel,   "Tell me about Anna.", "--seed",
                                      "3",   "--json", "--ignore-eos",        "--max-tokens",
                                      "24"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = Ingot(words);
    const auto json = core::ParseJson(outcome.out);
    return json.ok() ? (*json)["tokens"].dump() : outcome.err;
  };
  const std::vector<std::string> hot = {"--temperature", "2.5", "--top-k", "0", "--top-p", "1"};
  const std::string plain = tokens(hot);
  EXPECT_EQ(tokens(hot), plain);
  const std::vector<std::vector<std::string>> options = {
      {"--top-k", "1"},
      {"--top-p", "0.05"},
      {"--min-p", "0.9"},
      {"--typical-p", "0.05"},
      {"--repeat-penalty", "20", "--repeat-last-n", "-1"},
      {"--presence-penalty", "20"},
      {"--frequency-penalty", "20"},
      {"--logit-bias", "9=60"},
      {"--xtc-probability", "1", "--xtc-threshold", "0.01"},
      {"--temperature", "0"},
      {"--seed", "4"},
      {"--num-predict", "3"},
      {"--ctx", "30"},
  };
  for (const std::vector<std::string>& option : options) {
    std::vector<std::string> words = hot;
    words.insert(words.end(), option.begin(), option.end());
    const std::string changed = tokens(words);
    EXPECT_NE(changed, plain) << option.front();
    EXPECT_THAT(changed, ::testing::StartsWith("[")) << option.front();
  }
  // Greedy answers repeat themselves past their end; DRY is against just that.
  const std::string greedy = tokens({"--temperature", "0"});
  EXPECT_NE(
      tokens({"--temperature", "0", "--dry-multiplier", "50", "--dry-allowed-length", "1",
              "--dry-base", "4", "--dry-penalty-last-n", "-1", "--dry-sequence-breaker", "@"}),
      greedy);
}

// A model's own parameters, system text and messages count, and flags count more.
TEST(RunCommandTest, WhatTheModelfileSaysCountsUnlessAFlagSaysOtherwise) {
  const testing::TempDir dir;
  const std::string models = dir / "models";
  std::ofstream(dir / "Modelfile") << "FROM " << kModel
                                   << "\nPARAMETER temperature 0\nPARAMETER num_predict 2\n"
                                      "PARAMETER num_keep 4\nMESSAGE user What is 1+1?\n"
                                      "MESSAGE assistant 2\n";
  const Outcome created =
      Ingot({"create", "m", "-f", (dir / "Modelfile").string(), "--models", models});
  ASSERT_EQ(created.exit, 0) << created.err;
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"run", "m", "Spell tiger.", "--json", "--models", models};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = Ingot(words);
    const auto json = core::ParseJson(outcome.out);
    EXPECT_TRUE(json.ok()) << outcome.err;
    return json.ok() ? *json : core::Json();
  };
  const core::Json limited = run({});
  EXPECT_EQ(limited["tokens"].size(), 2u);
  EXPECT_EQ(limited["finish_reason"], "length");
  const core::Json free = run({"--max-tokens", "-1"});
  EXPECT_EQ(free["text"], "t-i-g-e-r");
  const Outcome bare = Ingot({"run", kModel, "Spell tiger.", "--json", "--temperature", "0"});
  EXPECT_GT(free["timings"]["prompt_tokens"],
            (*core::ParseJson(bare.out))["timings"]["prompt_tokens"]);
}

TEST(LogitsCommandTest, WritesWhatNumPyReadsAndChunksChangeNothing) {
  const testing::TempDir dir;
  const auto logits = [&](const std::string& chunk) {
    const std::string path = (dir / ("l" + chunk + ".npy")).string();
    const Outcome outcome = Ingot({"logits", kModel, "--tokens", "1,20,30,40,50", "--dtype",
                                   "float32", "--chunk", chunk, "-o", path});
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return *core::ReadSmallFile(core::Env::Posix(), path, uint64_t{1} << 20);
  };
  const std::string whole = logits("512");
  EXPECT_EQ(whole.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_THAT(whole.substr(0, 128), HasSubstr("'descr': '<f4'"));
  EXPECT_THAT(whole.substr(0, 128), HasSubstr("'shape': (5, 512)"));
  EXPECT_EQ(whole.size() % 64, 0u);
  const std::string single = logits("1");
  ASSERT_EQ(single.size(), whole.size());
  const size_t data = whole.size() - size_t{5} * 512 * sizeof(float);
  float worst = 0;
  for (size_t i = data; i < whole.size(); i += sizeof(float)) {
    float a = 0;
    float b = 0;
    std::memcpy(&a, whole.data() + i, sizeof a);
    std::memcpy(&b, single.data() + i, sizeof b);
    worst = std::max(worst, std::abs(a - b));
  }
  EXPECT_LT(worst, 1e-3F);
}

}  // namespace
}  // namespace ingot::cli
