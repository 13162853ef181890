#include "engine/perplexity.h"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::engine {
namespace {

namespace mx = ops::mx;
using ops::Array;
using ::testing::HasSubstr;

// The logit of token j after token i is i·j/8, and grows by how many tokens came before: so that a
// window that begins in the wrong place, or a state that is carried over, shows.
class Toy final : public model::LanguageModel {
 public:
  static constexpr int kVocabulary = 6;
  Toy() : LanguageModel({.vocabulary = kVocabulary, .hidden = 1, .layers = 0, .context = 32}) {}
  model::SequenceState NewState() const override { return {}; }
  Array Forward(const Array& tokens, const model::Batch& batch) const override {
    model::SequenceState& state = *batch.parts()[0].state;
    const Array place = mx::arange(state.length(), state.length() + tokens.shape(1), 1, mx::int32);
    state.Advance(tokens.shape(1));
    const Array row = ops::ToFloat32(tokens) / Array(8.0F) + ops::ToFloat32(place) * Array(0.01F);
    return mx::expand_dims(row, -1);
  }
  Array Logits(const Array& hidden) const override {
    return hidden * ops::ToFloat32(mx::arange(0, kVocabulary, 1, mx::int32));
  }
};

double ExpectedSurprise(const std::vector<int>& tokens, size_t window) {
  double total = 0;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if ((i + 1) % window == 0) continue;
    const double factor = tokens[i] / 8.0 + 0.01 * static_cast<double>(i % window);
    double sum = 0;
    for (int j = 0; j < Toy::kVocabulary; ++j) sum += std::exp(factor * j);
    total += std::log(sum) - factor * tokens[i + 1];
  }
  return total;
}

TEST(PerplexityTest, IsThatOfTheTokensWhateverTheChunks) {
  const Toy model;
  const std::vector<int> tokens = {1, 5, 0, 2, 2, 4, 3, 5, 1, 0, 0, 3, 4};
  for (const int window : {0, 2, 4, 6, 12, 13}) {
    for (const int chunk : {1, 3, 512}) {
      int computed = 0;
      PerplexityOptions options;
      options.window = window;
      options.chunk = chunk;
      options.progress = [&](int count) { computed += count; };
      const auto result = MeasurePerplexity(model, tokens, options);
      ASSERT_TRUE(result.ok()) << result.status().message();
      const size_t size = window == 0 ? 32 : static_cast<size_t>(window);
      EXPECT_EQ(result->window, static_cast<int>(size));
      EXPECT_NEAR(result->surprise, ExpectedSurprise(tokens, size), 1e-4)
          << window << " by " << chunk;
      const size_t windows = (tokens.size() + size - 1) / size;
      EXPECT_EQ(result->scored, static_cast<int64_t>(tokens.size() - windows));
      EXPECT_NEAR(result->value(), std::exp(result->surprise / static_cast<double>(result->scored)),
                  1e-9);
      EXPECT_GT(result->error(), 0);
      EXPECT_GE(computed, static_cast<int>(result->scored));
      EXPECT_LE(computed, static_cast<int>(tokens.size()));
    }
  }
}

TEST(PerplexityTest, WhatCannotBeScoredIsRefused) {
  const Toy model;
  const auto message = [&](const std::vector<int>& tokens, int window = 0) {
    PerplexityOptions options;
    options.window = window;
    return std::string(MeasurePerplexity(model, tokens, options).status().message());
  };
  EXPECT_THAT(message({}), HasSubstr("0 tokens"));
  EXPECT_THAT(message({1}), HasSubstr("at least 2"));
  EXPECT_THAT(message({1, 6}), HasSubstr("token 6 is not in the vocabulary of 6"));
  EXPECT_THAT(message({1, 2}, 33), HasSubstr("expected 2 to 32"));
  EXPECT_THAT(message({1, 2}, 1), HasSubstr("expected 2 to 32"));
}

TEST(PerplexityTest, CancellingIsSeenBetweenChunks) {
  const Toy model;
  int polls = 0;
  PerplexityOptions options;
  options.chunk = 1;
  options.cancelled = [&] { return ++polls > 3; };
  EXPECT_EQ(MeasurePerplexity(model, {0, 1, 2, 3, 4, 5}, options).status().code(),
            core::Code::kCancelled);
  EXPECT_EQ(polls, 4);
}

}  // namespace
}  // namespace ingot::engine
