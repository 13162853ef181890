// `ingot run` and `ingot logits` over the model that the repository carries, in this process.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"
#include "core/env.h"
#include "core/json.h"
#include "core/sha256.h"
#include "core/strings.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using ::testing::HasSubstr;

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

Outcome Ingot(std::vector<std::string> words) {
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

// The tenth of all two-digit sums that tools/demo/corpus.py keeps out of the training text.
bool HeldOut(int a, int b) {
  const std::string text = core::StrCat(a, "+", b);
  return std::to_integer<int>(core::Sha256::Of(core::AsBytes(text))[0]) < 26;
}

TEST(DemoModelTest, AddsNumbersThatItHasNotSeen) {
  const bool all = std::getenv("INGOT_SOAK") != nullptr;
  int asked = 0;
  int right = 0;
  int held_out = 0;
  for (int a = 10; a < 100; ++a) {
    for (int b = 10; b < 100; ++b) {
      if (!HeldOut(a, b) || (++held_out % 13 != 0 && !all)) continue;
      const Outcome outcome =
          Ingot({"run", kModel, core::StrCat("What is ", a, "+", b, "?"), "--temperature", "0"});
      ++asked;
      right += outcome.out == core::StrCat(a + b, "\n");
    }
  }
  EXPECT_GE(asked, 50);
  EXPECT_GE(right, std::ceil(0.95 * asked)) << right << " of " << asked;
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
  const size_t data = whole.size() - 5 * 512 * sizeof(float);
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
