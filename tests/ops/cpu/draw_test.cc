// Draws from large vocabularies on the CPU's kernels, against the plain form and against sums in
// double.
#include "ops/cpu/draw.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/thread_pool.h"
#include "ops/cpu/choice.h"
#include "ops/sample.h"

namespace ingot::ops {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Array RowOf(const std::vector<float>& values, mx::Dtype type = mx::float32) {
  return mx::astype(Array(values.data(), {static_cast<int>(values.size())}, mx::float32), type);
}

int PlainDraw(const Array& logits, const DrawSpec& spec) {
  const cpu::PlainForms plain;
  return Draw(logits, spec).item<int>();
}

// What each token weighs once everything has been left out that goes, in double.
std::vector<double> Weights(const std::vector<float>& row, const DrawSpec& spec) {
  std::vector<float> x = row;
  for (size_t i = 0; spec.allowed && i < x.size(); ++i) {
    if ((((*spec.allowed)[i / 32] >> (i % 32)) & 1U) == 0) x[i] = -kInfinity;
  }
  for (const LogitEdit& edit : spec.edits) {
    float& value = x[static_cast<size_t>(edit.token)];
    value = Edited(edit, value);
  }
  for (float& value : x) value = std::isnan(value) ? -kInfinity : value;
  std::vector<float> falling = x;
  std::sort(falling.begin(), falling.end(), std::greater<>());
  const double largest = falling[0];
  const auto weigh = [&](double value) {
    return std::exp((value - largest) / static_cast<double>(spec.temperature));
  };
  float least = -kInfinity;
  if (spec.top_k > 0 && static_cast<size_t>(spec.top_k) < x.size()) {
    least = falling[static_cast<size_t>(spec.top_k) - 1];
  }
  std::erase_if(falling, [&](float value) { return value < least; });
  if (spec.top_p < 1) {
    double total = 0;
    for (const float value : falling) total += weigh(value);
    double before = 0;
    for (size_t i = 0;
         i < falling.size() && (i == 0 || before < total * static_cast<double>(spec.top_p)); ++i) {
      least = falling[i];
      before += weigh(falling[i]);
    }
  }
  std::vector<double> weights(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double weight = weigh(x[i]);
    weights[i] = x[i] >= least && weight >= static_cast<double>(spec.min_p) ? weight : 0;
  }
  return weights;
}

// Between which numbers a token is drawn, as shares of the whole.
struct Stretch {
  double begin;
  double end;
};
Stretch StretchOf(const std::vector<double>& weights, int token) {
  double total = 0;
  double before = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (i == static_cast<size_t>(token)) before = total;
    total += weights[i];
  }
  return {before / total, (before + weights[static_cast<size_t>(token)]) / total};
}

struct Options {
  std::string name;
  DrawSpec spec;
};
std::vector<Options> AllOptions() {
  return {{"plain", {}},
          {"warm", {.temperature = 1.7F}},
          {"cold", {.temperature = 0.05F}},
          {"top-k", {.top_k = 40}},
          {"one", {.top_k = 1}},
          {"many", {.top_k = 5000}},
          {"top-p", {.top_p = 0.9F}},
          {"nothing of top-p", {.top_p = 0}},
          {"nearly all of top-p", {.top_p = 0.99999F}},
          {"min-p", {.min_p = 0.05F}},
          {"usual", {.temperature = 0.8F, .top_k = 40, .top_p = 0.9F}},
          {"everything", {.temperature = 0.7F, .top_k = 100, .top_p = 0.95F, .min_p = 0.02F}},
          {"top-p and min-p", {.temperature = 1.2F, .top_p = 0.97F, .min_p = 0.001F}}};
}

constexpr float kNumbers[] = {0.0F, 0.1F, 0.37F, 0.5F, 0.731F, 0.9F, 0.99F, 0.99999994F};

// The token that is drawn lies where the number says, up to the rounding of sums; and is the plain
// form's wherever that can tell.
void Check(const std::vector<float>& row, mx::Dtype type, const Options& options) {
  const Array logits = RowOf(row, type);
  Array wide = ToFloat32(logits);
  wide.eval();
  const std::vector<float> rounded(wide.data<float>(), wide.data<float>() + wide.size());
  const std::vector<double> weights = Weights(rounded, options.spec);
  constexpr double kClose = 1e-5;       // of ours
  constexpr double kPlainClose = 2e-3;  // of sums in fp32, one after the other
  for (const float number : kNumbers) {
    DrawSpec spec = options.spec;
    spec.number = number;
    ASSERT_TRUE(cpu::ServesDraw(logits));
    const int token = Draw(logits, spec).item<int>();
    const Stretch stretch = StretchOf(weights, token);
    EXPECT_GT(weights[static_cast<size_t>(token)], 0) << options.name << " of " << row.size();
    const double wanted = static_cast<double>(number) * 0.999999;
    EXPECT_GE(wanted, stretch.begin - kClose) << options.name << " of " << row.size();
    EXPECT_LE(wanted, stretch.end + kClose) << options.name << " of " << row.size();
    if (wanted > stretch.begin + kPlainClose && wanted < stretch.end - kPlainClose) {
      EXPECT_EQ(PlainDraw(logits, spec), token) << options.name << " of " << row.size();
    }
  }
}

std::vector<float> Random(size_t size, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> row(size);
  for (float& value : row) value = normal(random);
  return row;
}

TEST(CpuDrawTest, EveryOptionDrawsWhatItsNumberSaysWhateverTheSize) {
  for (const size_t size : {1, 2, 63, 64, 65, 1000, 8191, 8192, 8193, 20001}) {
    const std::vector<float> row = Random(size, 3, 7);
    for (const Options& options : AllOptions()) Check(row, mx::float32, options);
  }
}

TEST(CpuDrawTest, AWholeVocabularyIsDrawnFrom) {
  const std::vector<float> row = Random(262144, 2.5F, 8);
  for (const Options& options : AllOptions()) {
    if (options.name == "plain" || options.name == "usual" || options.name == "top-p") {
      Check(row, mx::bfloat16, options);
    }
  }
}

TEST(CpuDrawTest, EqualsStayOrGoTogether) {
  // bf16 has few numbers: most are there several times.
  for (const float spread : {0.01F, 1.0F}) {
    const std::vector<float> row = Random(9000, spread, 9);
    for (const Options& options : AllOptions()) Check(row, mx::bfloat16, options);
  }
  const std::vector<float> same(500, 1.5F);
  for (const Options& options : AllOptions()) Check(same, mx::float32, options);
}

TEST(CpuDrawTest, WhatIsNotThereIsNotDrawn) {
  std::vector<float> row = Random(10000, 2, 10);
  for (size_t i = 0; i < row.size(); ++i) {
    if (i % 3 == 0) row[i] = kNan;
    if (i % 3 == 1) row[i] = -kInfinity;
  }
  for (const Options& options : AllOptions()) Check(row, mx::float32, options);
  std::vector<float> lonely(10000, -kInfinity);
  lonely[8195] = -3;
  for (const Options& options : AllOptions()) {
    DrawSpec spec = options.spec;
    spec.number = 0.5F;
    EXPECT_EQ(Draw(RowOf(lonely), spec).item<int>(), 8195) << options.name;
    for (const float nothing : {-kInfinity, kNan}) {
      const Array none = RowOf(std::vector<float>(300, nothing));
      EXPECT_EQ(Draw(none, spec).item<int>(), 0) << options.name;
      EXPECT_EQ(PlainDraw(none, spec), 0) << options.name;
    }
  }
}

TEST(CpuDrawTest, SingleLogitsAreChangedAndMasksHold) {
  const std::vector<float> row = Random(20000, 1, 11);
  auto allowed = std::make_shared<std::vector<uint32_t>>((row.size() + 31) / 32);
  std::mt19937 random(12);  // NOLINT: the same numbers at every run
  for (uint32_t& word : *allowed) {
    const uint32_t some = random();
    word = some % 3 == 0 ? 0 : some | static_cast<uint32_t>(random());
  }
  DrawSpec spec;
  for (int token = 5; token < 20000; token += 731) {
    const auto step = static_cast<float>(token % 7);
    spec.edits.push_back({.token = token,
                          .plus = 6 - step,
                          .factor = 1 + step / 4,
                          .minus = 0.25F * step,
                          .extra = token % 2 == 0 ? 0.5F : 0.0F,
                          .never = token % 5 == 0});
  }
  for (const bool masked : {false, true}) {
    spec.allowed = masked ? allowed : nullptr;
    for (const Options& options : AllOptions()) {
      Options changed = options;
      changed.spec.edits = spec.edits;
      changed.spec.allowed = spec.allowed;
      Check(row, mx::float32, changed);
    }
    DrawSpec greedy = spec;
    greedy.temperature = 0;
    EXPECT_EQ(Draw(RowOf(row), greedy).item<int>(), PlainDraw(RowOf(row), greedy));
  }
}

TEST(CpuDrawTest, TheLikeliestIsTheFirstOfEquals) {
  std::vector<float> row = Random(30000, 1, 13);
  row[9000] = row[20000] = row[8999] = 50;
  row[0] = kNan;
  const DrawSpec greedy{.temperature = 0};
  EXPECT_EQ(Draw(RowOf(row), greedy).item<int>(), 8999);
  EXPECT_EQ(PlainDraw(RowOf(row), greedy), 8999);
}

TEST(CpuDrawTest, ResultsDoNotDependOnThreads) {
  const Array logits = RowOf(Random(100000, 2, 14), mx::bfloat16);
  for (const Options& options : AllOptions()) {
    std::vector<std::vector<int>> drawn;
    for (const int threads : {1, 2, 5}) {
      core::ThreadPool::SetSharedThreads(threads);
      std::vector<int>& tokens = drawn.emplace_back();
      for (const float number : kNumbers) {
        DrawSpec spec = options.spec;
        spec.number = number;
        tokens.push_back(Draw(logits, spec).item<int>());
      }
    }
    core::ThreadPool::SetSharedThreads(0);
    EXPECT_EQ(drawn[0], drawn[1]) << options.name;
    EXPECT_EQ(drawn[0], drawn[2]) << options.name;
  }
}

// In double: MLX adds up in fp32 alone, which is off by 3e-4 over a whole vocabulary.
double LogprobOf(const Array& logits, int token) {
  Array wide = ToFloat32(logits);
  wide.eval();
  const auto* values = wide.data<float>();
  double sum = 0;
  for (size_t i = 0; i < wide.size(); ++i) sum += std::exp(static_cast<double>(values[i]));
  return static_cast<double>(values[token]) - std::log(sum);
}

TEST(CpuDrawTest, LogprobsAreThePlainForms) {
  for (const int size : {1, 5, 64, 100, 9000, 151936}) {
    std::vector<float> row = Random(static_cast<size_t>(size), 3, 15);
    if (size > 64) row[50] = row[60] = row[7];
    for (const mx::Dtype type : {mx::float32, mx::bfloat16}) {
      const Array logits = RowOf(row, type);
      for (const int top : {0, 1, 20}) {
        const TokenLogprobs own = LogprobsOf(logits, size / 2, top);
        const cpu::PlainForms plain;
        const TokenLogprobs expected = LogprobsOf(logits, size / 2, top);
        EXPECT_NEAR(own.chosen.logprob, LogprobOf(logits, size / 2), 2e-6) << size;
        EXPECT_NEAR(own.chosen.logprob, expected.chosen.logprob, 1e-3) << size;
        ASSERT_EQ(own.top.size(), expected.top.size());
        for (size_t i = 0; i < own.top.size(); ++i) {
          EXPECT_EQ(own.top[i].token, expected.top[i].token) << size;
          EXPECT_NEAR(own.top[i].logprob, LogprobOf(logits, own.top[i].token), 2e-6) << size;
        }
      }
    }
  }
  const TokenLogprobs few = LogprobsOf(RowOf({-kInfinity, 1, -kInfinity}), 1, 2);
  ASSERT_EQ(few.top.size(), 2u);
  EXPECT_EQ(few.top[0].token, 1);
  EXPECT_EQ(few.top[1].token, 0);
  EXPECT_EQ(few.top[1].logprob, -kInfinity);
}

}  // namespace
}  // namespace ingot::ops
