#include "engine/sampler.h"

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/env.h"
#include "core/json.h"

namespace ingot::engine {
namespace {

using core::Json;
using ::testing::HasSubstr;
namespace mx = ops::mx;

Array Row(const std::vector<float>& values) {
  return Array(values.data(), {static_cast<int>(values.size())}, mx::float32);
}

SamplingOptions OptionsOf(const Json& json) {
  SamplingOptions options;
  options.temperature = json["temperature"];
  options.top_k = json["top_k"];
  options.top_p = json["top_p"];
  options.min_p = json["min_p"];
  options.typical_p = json["typical_p"];
  options.repeat_last_n = json["repeat_last_n"];
  options.repeat_penalty = json["repeat_penalty"];
  options.presence_penalty = json["presence_penalty"];
  options.frequency_penalty = json["frequency_penalty"];
  for (const auto& [token, bias] : json["logit_bias"].items()) {
    options.logit_bias[std::stoi(token)] = bias;
  }
  options.dry = {.multiplier = json["dry_multiplier"],
                 .base = json["dry_base"],
                 .allowed_length = json["dry_allowed_length"],
                 .last_n = -1,
                 .breakers = {}};
  options.xtc = {.probability = json["xtc_probability"], .threshold = json["xtc_threshold"]};
  options.seed = 11;
  return options;
}

Json ReadCases() {
  const auto text = core::ReadSmallFile(
      core::Env::Posix(), core::Path(INGOT_SOURCE_DIR) / "tests/engine/goldens/sampling.json",
      uint64_t{1} << 20);
  return *core::ParseJson(*text);
}

// The upper bound that chi-squared of `freedom` degrees passes once in some hundred thousand times
// (Wilson and Hilferty's approximation); seeds are fixed, so a passing test stays passing.
double ChiSquaredBound(double freedom) {
  const double z = 4.3;
  const double t = 1 - 2 / (9 * freedom) + z * std::sqrt(2 / (9 * freedom));
  return freedom * t * t * t;
}

TEST(SamplerTest, EveryOptionsDistributionIsTheReferences) {
  constexpr int kDraws = 4000;
  for (const Json& c : ReadCases()) {
    const auto name = c["name"].get<std::string>();
    const auto expected = c["probabilities"].get<std::vector<double>>();
    const auto logits = c["logits"].get<std::vector<float>>();
    Sampler sampler(OptionsOf(c["options"]), c["history"].get<std::vector<int>>());
    std::vector<int> counts(expected.size());
    for (int i = 0; i < kDraws; ++i) {
      ++counts[static_cast<size_t>(sampler.Next(Row(logits)).item<int>())];
    }
    double chi = 0;
    int freedom = -1;
    for (size_t token = 0; token < expected.size(); ++token) {
      if (expected[token] == 0) {
        EXPECT_EQ(counts[token], 0) << name << ": token " << token << " was filtered out";
        continue;
      }
      const double want = expected[token] * kDraws;
      chi += (counts[token] - want) * (counts[token] - want) / want;
      ++freedom;
    }
    ASSERT_GT(freedom, 0) << name;
    EXPECT_LE(chi, ChiSquaredBound(freedom)) << name << ", " << freedom << " degrees of freedom";
  }
}

TEST(SamplerTest, GreedyTakesTheLargestAfterPenalties) {
  const std::vector<float> logits = {1, 3, 2, -1};
  SamplingOptions options;
  options.temperature = 0;
  EXPECT_EQ(Sampler(options, {}).Next(Row(logits)).item<int>(), 1);
  options.presence_penalty = 2;
  EXPECT_EQ(Sampler(options, {1}).Next(Row(logits)).item<int>(), 2);
  options.logit_bias[3] = 10;
  EXPECT_EQ(Sampler(options, {1}).Next(Row(logits)).item<int>(), 3);
}

TEST(SamplerTest, ASeedReproducesAndDrawsDiffer) {
  std::vector<float> logits(100, 0.0F);
  SamplingOptions options;
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  options.seed = 5;
  const auto draw = [&](int n) {
    Sampler sampler(options, {});
    std::vector<int> tokens;
    for (int i = 0; i < n; ++i) tokens.push_back(sampler.Next(Row(logits)).item<int>());
    return tokens;
  };
  const std::vector<int> first = draw(20);
  EXPECT_EQ(draw(20), first);
  EXPECT_GT(std::set<int>(first.begin(), first.end()).size(), 10u);
  options.seed = 6;
  EXPECT_NE(draw(20), first);
  options.seed.reset();
  EXPECT_NE(draw(20), draw(20)) << "without a seed no two runs are alike";
}

TEST(SamplerTest, PenaltiesFollowWhatWasChosen) {
  SamplingOptions options;
  options.temperature = 0;
  options.presence_penalty = 5;
  Sampler sampler(options, {});
  EXPECT_TRUE(sampler.NeedsHistory());
  const Array logits = Row({1, 3, 2});
  std::vector<int> tokens;
  for (int i = 0; i < 3; ++i) {
    tokens.push_back(sampler.Next(logits).item<int>());
    sampler.Chosen(tokens.back());
  }
  EXPECT_EQ(tokens, (std::vector<int>{1, 2, 0}));
  EXPECT_FALSE(Sampler(SamplingOptions(), {}).NeedsHistory());
}

TEST(SamplerTest, DryDoesNotReachAcrossBreakers) {
  SamplingOptions options;
  options.temperature = 0;
  options.repeat_last_n = 0;
  options.dry.multiplier = 10;
  const std::vector<int> history = {4, 5, 6, 7, 4, 5, 6};
  std::vector<float> logits(10, 0.0F);
  logits[7] = 1;
  logits[8] = 0.5F;
  EXPECT_EQ(Sampler(options, history).Next(Row(logits)).item<int>(), 8) << "7 would repeat";
  options.dry.breakers = {6};
  EXPECT_EQ(Sampler(options, history).Next(Row(logits)).item<int>(), 7);
}

TEST(SamplerTest, WhatIsSuppressedIsNeverChosen) {
  SamplingOptions options;
  options.temperature = 0;
  options.suppressed = {1, 2};
  options.logit_bias[2] = 50;  // no bias brings it back
  EXPECT_EQ(Sampler(options, {}).Next(Row({1, 3, 2, -1})).item<int>(), 0);
  options.temperature = 1;
  options.top_k = 3;  // more than are left
  options.top_p = 1;
  options.seed = 3;
  Sampler sampler(options, {});
  std::set<int> seen;
  for (int i = 0; i < 200; ++i) seen.insert(sampler.Next(Row({1, 3, 2, 0})).item<int>());
  EXPECT_EQ(seen, (std::set<int>{0, 3}));
}

TEST(SamplerTest, LogprobsAreOfTheRawLogits) {
  const Logprobs read = ReadLogprobs(Row({0, 1, 2}), 0, 2);
  const double total = std::log(std::exp(0) + std::exp(1) + std::exp(2));
  EXPECT_EQ(read.chosen.token, 0);
  EXPECT_NEAR(read.chosen.logprob, -total, 1e-5);
  ASSERT_EQ(read.top.size(), 2u);
  EXPECT_EQ(read.top[0].token, 2);
  EXPECT_NEAR(read.top[0].logprob, 2 - total, 1e-5);
  EXPECT_EQ(read.top[1].token, 1);
  EXPECT_TRUE(ReadLogprobs(Row({0, 1, 2}), 0, 0).top.empty());
}

TEST(SamplingOptionsTest, EveryBoundIsChecked) {
  const auto message = [](auto change) {
    SamplingOptions options;
    change(options);
    return std::string(Validate(options, 10).message());
  };
  EXPECT_EQ(message([](SamplingOptions&) {}), "");
  EXPECT_THAT(message([](SamplingOptions& o) { o.temperature = -1; }), HasSubstr("temperature"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.temperature = NAN; }), HasSubstr("temperature"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.top_k = -1; }), HasSubstr("top_k"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.top_p = 1.5F; }), HasSubstr("top_p"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.min_p = -0.1F; }), HasSubstr("min_p"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.typical_p = 2; }), HasSubstr("typical_p"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.repeat_penalty = 0; }),
              HasSubstr("repeat_penalty"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.repeat_last_n = -2; }),
              HasSubstr("repeat_last_n"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.logit_bias[10] = 1; }),
              HasSubstr("token 10 is not in the vocabulary of 10"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.logit_bias[1] = INFINITY; }), HasSubstr("finite"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.suppressed = {10}; }),
              HasSubstr("suppress_tokens"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.dry.breakers = {-1}; }),
              HasSubstr("dry_sequence_breakers"));
  EXPECT_THAT(message([](SamplingOptions& o) { o.xtc.probability = 2; }),
              HasSubstr("xtc_probability"));
}

}  // namespace
}  // namespace ingot::engine
