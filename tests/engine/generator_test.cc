#include "engine/generator.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/array.h"

namespace ingot::engine {
namespace {

namespace mx = ops::mx;
using ops::Array;
using ::testing::HasSubstr;

// Counts: after token t comes t + 1, after the last comes 0. What it has been fed is in its state's
// length, so that a step that was lost or doubled shows.
class Counter final : public model::LanguageModel {
 public:
  Counter() : LanguageModel({.vocabulary = 10, .hidden = 1, .layers = 0, .context = 64}) {}
  model::SequenceState NewState() const override { return {}; }
  Array Forward(const Array& tokens, const model::Batch& batch) const override {
    model::SequenceState& state = *batch.parts()[0].state;
    state.Advance(tokens.shape(1));
    fed_.push_back(tokens.shape(1));
    const int last = tokens.shape(1);
    return ops::ToFloat32(mx::expand_dims(ops::LastSlice(tokens, last - 1, last), -1));
  }
  Array Logits(const Array& hidden) const override {
    const Array next = mx::remainder(hidden + Array(1.0F), Array(10.0F));
    const Array ids = mx::astype(mx::arange(0, 10, 1, mx::int32), mx::float32);
    return mx::negative(mx::abs(ids - next));
  }
  const std::vector<int>& fed() const { return fed_; }

 private:
  mutable std::vector<int> fed_;
};

SamplingOptions Greedy() {
  SamplingOptions options;
  options.temperature = 0;
  return options;
}

struct Outcome {
  std::vector<int> tokens;
  core::Result<GenerationResult> result = core::Internal("not run");
};

Outcome Generate(const Counter& model, const std::vector<int>& prompt, GenerationLimits limits,
                 SamplingOptions options = Greedy(), int stop_after = -1) {
  Outcome outcome;
  Generator generator(model, options, std::move(limits));
  outcome.result = generator.Run(prompt, [&](const GeneratedToken& token) {
    outcome.tokens.push_back(token.token);
    return static_cast<int>(outcome.tokens.size()) != stop_after;
  });
  return outcome;
}

TEST(GeneratorTest, GoesOnToTheLimit) {
  const Counter model;
  const Outcome outcome = Generate(model, {1, 2, 3}, {.max_tokens = 4});
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
  EXPECT_EQ(outcome.tokens, (std::vector<int>{4, 5, 6, 7}));
  EXPECT_EQ(outcome.result->finish, Finish::kLength);
  EXPECT_EQ(outcome.result->timings.prompt_tokens, 3);
  EXPECT_EQ(outcome.result->timings.generated_tokens, 4);
}

TEST(GeneratorTest, TheEndTokenEndsAndIsNotShown) {
  const Counter model;
  const Outcome outcome = Generate(model, {1}, {.max_tokens = 20, .end = {5, 8}});
  EXPECT_EQ(outcome.tokens, (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(outcome.result->finish, Finish::kStop);
  EXPECT_EQ(outcome.result->timings.generated_tokens, 3);
  const Outcome ignored = Generate(model, {1}, {.max_tokens = 5, .end = {3}, .ignore_end = true});
  EXPECT_EQ(ignored.tokens, (std::vector<int>{2, 3, 4, 5, 6}));
}

TEST(GeneratorTest, PromptIsReadInChunksAndNoTokenTwice) {
  const Counter model;
  const std::vector<int> prompt(23, 4);
  const Outcome outcome = Generate(model, prompt, {.max_tokens = 1, .prefill_chunk = 10});
  EXPECT_EQ(outcome.tokens, (std::vector<int>{5}));
  EXPECT_EQ(model.fed(), (std::vector<int>{10, 10, 2, 1}));
}

TEST(GeneratorTest, TheContextIsTheLimitWhenNoneIsGiven) {
  const Counter model;
  const Outcome outcome = Generate(model, {0, 0}, {.context = 12});
  EXPECT_EQ(outcome.tokens.size(), 10u);
  EXPECT_EQ(outcome.result->finish, Finish::kLength);
  EXPECT_EQ(Generate(model, {0, 0}, {}).tokens.size(), 62u) << "what the model was made for";
}

TEST(GeneratorTest, WithPenaltiesTheResultIsTheSameAsStepByStep) {
  const Counter model;
  SamplingOptions options = Greedy();
  options.presence_penalty = 0.5F;  // too little to change the choice, enough to need history
  EXPECT_EQ(Generate(model, {1, 2, 3}, {.max_tokens = 4}, options).tokens,
            (std::vector<int>{4, 5, 6, 7}));
}

TEST(GeneratorTest, TheReaderMayEndIt) {
  const Counter model;
  const Outcome outcome = Generate(model, {1}, {.max_tokens = 20}, Greedy(), 3);
  EXPECT_EQ(outcome.tokens.size(), 3u);
  EXPECT_EQ(outcome.result->finish, Finish::kStop);
}

TEST(GeneratorTest, CancellingIsSeenBetweenChunksAndSteps) {
  const Counter model;
  Generator generator(model, Greedy(), {.max_tokens = 20, .prefill_chunk = 2});
  int polls = 0;
  const auto during_prompt = generator.Run(
      {1, 2, 3, 4, 5, 6}, [](const GeneratedToken&) { return true; }, [&] { return ++polls > 1; });
  EXPECT_EQ(during_prompt->finish, Finish::kCancelled);
  EXPECT_EQ(model.fed(), (std::vector<int>{2}));
  int tokens = 0;
  const auto during_answer = generator.Run(
      {1},
      [&](const GeneratedToken&) {
        ++tokens;
        return true;
      },
      [&] { return tokens == 4; });
  EXPECT_EQ(during_answer->finish, Finish::kCancelled);
  EXPECT_EQ(tokens, 4);
}

TEST(GeneratorTest, LogprobsComeWithTheirTokens) {
  const Counter model;
  Generator generator(model, Greedy(), {.max_tokens = 2, .logprobs = 3});
  std::vector<GeneratedToken> seen;
  const auto result = generator.Run({1}, [&](const GeneratedToken& token) {
    seen.push_back(token);
    return true;
  });
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(seen.size(), 2u);
  for (const GeneratedToken& token : seen) {
    ASSERT_TRUE(token.logprobs);
    EXPECT_EQ(token.logprobs->chosen.token, token.token);
    ASSERT_EQ(token.logprobs->top.size(), 3u);
    EXPECT_EQ(token.logprobs->top[0].token, token.token);
  }
}

TEST(GeneratorTest, BadPromptsAreRefusedBeforeAnyWork) {
  const Counter model;
  const auto message = [&](const std::vector<int>& prompt, GenerationLimits limits = {}) {
    return std::string(Generate(model, prompt, limits).result.status().message());
  };
  EXPECT_THAT(message({}), HasSubstr("no tokens"));
  EXPECT_THAT(message({1, 10}), HasSubstr("token 10 is not in the vocabulary of 10"));
  EXPECT_THAT(message({-1}), HasSubstr("token -1"));
  EXPECT_THAT(message(std::vector<int>(64, 1)), HasSubstr("the context has room for 64"));
  EXPECT_THAT(message(std::vector<int>(8, 1), {.context = 8}), HasSubstr("room for 8"));
  EXPECT_TRUE(model.fed().empty());
}

}  // namespace
}  // namespace ingot::engine
