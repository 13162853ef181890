#include "engine/prefix_memory.h"

#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/generator.h"
#include "ops/array.h"

namespace ingot::engine {
namespace {

namespace mx = ops::mx;
using ops::Array;

// Every next token depends on all before it, by way of a state that only goes forwards, and on how
// many there were. With columns it also keeps each token as a key, and any that is not where it
// belongs changes the answer.
class Chain final : public model::LanguageModel {
 public:
  explicit Chain(bool recurrent)
      : LanguageModel({.vocabulary = 10, .hidden = 1, .layers = 1, .context = 4096}),
        recurrent_(recurrent) {}

  model::SequenceState NewState() const override {
    std::vector<model::LayerCache> layers(1);
    layers[0] = model::KvCache();
    if (recurrent_) layers.emplace_back(model::RecurrentCache());
    return model::SequenceState(std::move(layers));
  }

  Array Forward(const Array& tokens, const model::Batch& batch) const override {
    model::SequenceState& state = *batch.parts()[0].state;
    const int count = tokens.shape(1);
    fed_ += static_cast<size_t>(count);
    const Array columns = mx::reshape(ops::ToFloat32(tokens), {1, 1, count, 1});
    const Array all = state.Layer<model::KvCache>(0).Update(columns, columns).keys;
    const Array places = mx::arange(1.0, static_cast<double>(all.shape(2)) + 1, 1.0, mx::float32);
    Array sum = mx::sum(mx::flatten(all) * mx::remainder(places, Array(7.0F)));
    if (recurrent_) {
      auto& cache = state.Layer<model::RecurrentCache>(1);
      Array running = cache.state() ? *cache.state() : Array(0.0F);
      for (int i = 0; i < count; ++i) {
        const Array token = mx::flatten(mx::slice(columns, {0, 0, i, 0}, {1, 1, i + 1, 1}));
        running = mx::remainder(running * Array(3.0F) + token + Array(1.0F), Array(97.0F));
      }
      cache.Update(running, running, count);
      sum = sum + running;
    }
    state.Advance(count);
    return mx::reshape(sum, {1, 1, 1});
  }

  Array Logits(const Array& hidden) const override {
    const Array ids = mx::astype(mx::arange(0, 10, 1, mx::int32), mx::float32);
    return mx::negative(mx::abs(ids - mx::remainder(hidden, Array(10.0F))));
  }

  // Tokens since the last call.
  size_t Fed() const { return std::exchange(fed_, 0); }

 private:
  bool recurrent_;
  mutable size_t fed_ = 0;
};

std::vector<int> Generate(const Chain& model, const std::vector<int>& prompt, int count,
                          PrefixMemory* memory, int end = -1) {
  SamplingOptions greedy;
  greedy.temperature = 0;
  Generator generator(model, greedy, {.max_tokens = count, .end = {end}, .prefill_chunk = 8});
  std::vector<int> tokens;
  const auto result = generator.Run(
      prompt,
      [&](const GeneratedToken& token) {
        tokens.push_back(token.token);
        return true;
      },
      {}, memory);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return tokens;
}

std::mt19937 Seeded(unsigned seed) { return std::mt19937(seed); }

void Append(std::vector<int>& to, const std::vector<int>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

class PrefixMemoryTest : public ::testing::TestWithParam<bool> {
 protected:
  Chain model_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Kinds, PrefixMemoryTest, ::testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Recurrent" : "Columns"; });

TEST_P(PrefixMemoryTest, AConversationThatGoesOnReadsOnlyWhatIsNew) {
  PrefixMemory memory(model_);
  std::vector<int> prompt(100, 3);
  for (int turn = 0; turn < 5; ++turn) {
    const std::vector<int> expected = Generate(model_, prompt, 6, nullptr);
    model_.Fed();
    EXPECT_EQ(Generate(model_, prompt, 6, &memory), expected);
    // The answer's last token has not been read; then come four new ones and five of the answer.
    EXPECT_EQ(model_.Fed(), turn == 0 ? 105u : 10u);
    Append(prompt, expected);
    Append(prompt, {1, 2, 3, turn});
  }
}

// Templates drop thoughts from earlier answers, and begin an answer otherwise than they repeat it.
TEST_P(PrefixMemoryTest, AnAnswerThatIsRewrittenCostsWhatWasRewritten) {
  PrefixMemory memory(model_);
  std::vector<int> history(300, 4);
  for (int turn = 0; turn < 5; ++turn) {
    std::vector<int> prompt = history;
    Append(prompt, {9, 8, 7});  // the answer's beginning
    const std::vector<int> expected = Generate(model_, prompt, 20, nullptr);
    model_.Fed();
    EXPECT_EQ(Generate(model_, prompt, 20, &memory), expected);
    const size_t fed = model_.Fed();
    if (turn > 0) {
      EXPECT_LT(fed, 70u) << "not the " << prompt.size() << " of the prompt";
    }
    Append(history, {9, 1});
    Append(history, {expected.begin() + 10, expected.end()});
    Append(history, {2, 5, turn, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5});
  }
}

TEST_P(PrefixMemoryTest, WhateverIsAskedNextTheAnswerIsThatOfAFreshStart) {
  std::mt19937 random = Seeded(7);
  PrefixMemory memory(model_);
  std::vector<int> prompt;
  for (int round = 0; round < 60; ++round) {
    // Cuts back to anywhere, sometimes to the same prompt or to nothing, and goes on from there.
    if (round % 7 != 0) prompt.resize(random() % (prompt.size() + 1));
    for (size_t n = random() % 40 + (prompt.empty() ? 1 : 0); n > 0; --n) {
      prompt.push_back(static_cast<int>(random() % 10));
    }
    const int count = static_cast<int>(random() % 12);
    const int end = static_cast<int>(random() % 12);
    const std::vector<int> expected = Generate(model_, prompt, count, nullptr, end);
    EXPECT_EQ(Generate(model_, prompt, count, &memory, end), expected) << round;
    if (random() % 2 == 0) Append(prompt, expected);
  }
}

TEST_P(PrefixMemoryTest, ACancelledPromptIsKeptAsFarAsItWasRead) {
  PrefixMemory memory(model_);
  const std::vector<int> prompt(100, 2);
  SamplingOptions greedy;
  greedy.temperature = 0;
  Generator generator(model_, greedy, {.max_tokens = 3, .prefill_chunk = 8});
  int polls = 0;
  const auto cancelled = generator.Run(
      prompt, [](const GeneratedToken&) { return true; }, [&] { return ++polls > 4; }, &memory);
  ASSERT_TRUE(cancelled.ok());
  EXPECT_EQ(cancelled->finish, Finish::kCancelled);
  EXPECT_EQ(model_.Fed(), 32u);
  const std::vector<int> expected = Generate(model_, prompt, 3, nullptr);
  model_.Fed();
  EXPECT_EQ(Generate(model_, prompt, 3, &memory), expected);
  EXPECT_EQ(model_.Fed(), 100u - 32u + 2u);
}

TEST_P(PrefixMemoryTest, MarksAreFewAndWithoutColumns) {
  PrefixMemory memory(model_);
  std::vector<int> prompt(1000, 1);
  Generate(model_, prompt, 1, &memory);
  const size_t once = memory.bytes();
  for (int i = 0; i < 40; ++i) {
    prompt.back() = i % 10;
    Append(prompt, {1, 2, 3});
    Generate(model_, prompt, 1, &memory);
  }
  EXPECT_LT(memory.bytes(), once * 2);
}

}  // namespace
}  // namespace ingot::engine
