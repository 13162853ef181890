// The trained model that the repository carries: good enough that damage shows, whether quantizing
// did it or a state that was rounded.
#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/env.h"
#include "core/sha256.h"
#include "core/strings.h"
#include "engine/generator.h"
#include "engine/loaded_model.h"
#include "tests/cli/run_cli.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

namespace mx = ops::mx;
using engine::LoadedModel;

constexpr const char* kFolder = INGOT_SOURCE_DIR "/demo/model";

std::unique_ptr<LoadedModel> LoadFolder(std::optional<mx::Dtype> type = {}) {
  const auto files = engine::ModelFiles::OpenFolder(core::Env::Posix(), kFolder);
  auto model = LoadedModel::Load(**files, type);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *std::move(model) : nullptr;
}

core::Json Question(int a, int b) {
  return {{"role", "user"}, {"content", core::StrCat("What is ", a, "+", b, "?")}};
}

std::string Answer(const LoadedModel& model, const core::Json& messages) {
  engine::SamplingOptions greedy;
  greedy.temperature = 0;
  engine::GenerationLimits limits;
  limits.max_tokens = 16;
  limits.end = model.end_tokens();
  std::vector<text::TokenId> answer;
  const auto prompt = model.EncodeChat(messages, {});
  EXPECT_TRUE(prompt.ok()) << prompt.status().message();
  const auto result = engine::Generator(model.language(), greedy, limits)
                          .Run(*prompt, [&](const engine::GeneratedToken& token) {
                            answer.push_back(static_cast<text::TokenId>(token.token));
                            return true;
                          });
  EXPECT_TRUE(result.ok()) << result.status().message();
  return model.tokenizer()->Decode(answer, /*skip_special=*/true);
}

// The tenth of all two-digit sums that tools/demo/corpus.py keeps out of the training text.
bool HeldOut(int a, int b) {
  const std::string text = core::StrCat(a, "+", b);
  return std::to_integer<int>(core::Sha256::Of(core::AsBytes(text))[0]) < 26;
}

// Asks every 16th of them, or with INGOT_SOAK all.
void ExpectSums(const LoadedModel& model, double share) {
  const bool all = std::getenv("INGOT_SOAK") != nullptr;
  int asked = 0;
  int right = 0;
  int held_out = 0;
  for (int a = 10; a < 100; ++a) {
    for (int b = 10; b < 100; ++b) {
      if (!HeldOut(a, b) || (++held_out % 16 != 0 && !all)) continue;
      ++asked;
      right += Answer(model, core::Json::array({Question(a, b)})) == core::StrCat(a + b);
    }
  }
  EXPECT_GE(asked, 50);
  EXPECT_GE(right, share * asked) << right << " of " << asked;
  std::printf("%d of %d sums right\n", right, asked);
}

TEST(DemoModelTest, AddsNumbersThatItHasNotSeen) { ExpectSums(*LoadFolder(), 0.95); }

TEST(DemoModelTest, AddsThemInInt4Too) {
  const testing::TempDir dir;
  const std::string models = dir / "models";
  const Outcome created =
      Ingot({"create", "demo", "-f", kFolder, "-q", "int4", "--models", models.c_str()});
  ASSERT_EQ(created.exit, 0) << created.err;
  const store::Store store(core::Env::Posix(), core::Clock::System(), models);
  const auto files = engine::ModelFiles::OpenStored(store, *store::ModelName::Parse("demo"));
  ASSERT_TRUE(files.ok()) << files.status().message();
  const auto model = LoadedModel::Load(**files, {});
  ASSERT_TRUE(model.ok()) << model.status().message();
  ExpectSums(**model, 0.90);
}

// A conversation of many sums, as tokens.
std::vector<int> LongConversation(const LoadedModel& model, int sums) {
  core::Json messages = core::Json::array();
  for (int i = 0; i < sums; ++i) {
    const int a = 10 + i * 37 % 90;
    const int b = 10 + i * 53 % 90;
    messages.push_back(Question(a, b));
    messages.push_back({{"role", "assistant"}, {"content", core::StrCat(a + b)}});
  }
  messages.push_back(Question(11, 12));
  const auto tokens = model.EncodeChat(messages, {});
  EXPECT_TRUE(tokens.ok());
  return *tokens;
}

// What rounds the recurrent states after every token, as an implementation does that keeps them in
// the activations' type.
void RoundStates(model::SequenceState& state) {
  for (size_t i = 0; i < state.layers(); ++i) {
    if (i % 4 == 3) continue;  // full attention
    auto& cache = state.Layer<model::RecurrentCache>(i);
    cache.Update(*cache.tail(), ops::ToFloat32(mx::astype(*cache.state(), mx::bfloat16)), 0);
  }
}

// Logits behind every token of the text, fed one by one: [text][vocabulary].
std::vector<ops::Array> StepByStep(const LoadedModel& model, const std::vector<int>& tokens,
                                   bool round) {
  model::SequenceState state = model.language().NewState();
  std::vector<ops::Array> rows;
  for (const int token : tokens) {
    const ops::Array id(&token, {1, 1}, mx::int32);
    rows.push_back(
        mx::flatten(ops::ToFloat32(model.language().Logits(model.language().Forward(id, state)))));
    if (round) RoundStates(state);
    std::vector<ops::Array> pending = state.Pending();
    pending.push_back(rows.back());
    mx::eval(pending);
  }
  return rows;
}

// The same in one pass.
std::vector<ops::Array> AtOnce(const LoadedModel& model, const std::vector<int>& tokens) {
  model::SequenceState state = model.language().NewState();
  const ops::Array ids(tokens.data(), {1, static_cast<int>(tokens.size())}, mx::int32);
  const ops::Array logits =
      ops::ToFloat32(model.language().Logits(model.language().Forward(ids, state)));
  mx::eval(logits);
  std::vector<ops::Array> rows;
  for (int i = 0; i < logits.shape(1); ++i) {
    rows.push_back(mx::flatten(ops::TimeSlice(logits, i, i + 1)));
  }
  return rows;
}

// Root mean square of the difference, in deviations of the truth, over a part of the text.
double Error(const std::vector<ops::Array>& got, const std::vector<ops::Array>& truth, size_t begin,
             size_t end) {
  double squares = 0;
  double spread = 0;
  for (size_t i = begin; i < end; ++i) {
    squares += mx::mean(mx::square(got[i] - truth[i])).item<float>();
    spread += mx::var(truth[i]).item<float>();
  }
  return std::sqrt(squares / spread);
}

TEST(RecurrentStateTest, RoundingItAtEveryTokenOfALongPromptIsMeasurablyWorse) {
  const auto model = LoadFolder(mx::float32);
  const std::vector<int> tokens = LongConversation(*model, 24);
  ASSERT_GT(tokens.size(), 500u);
  const std::vector<ops::Array> truth = AtOnce(*model, tokens);
  const std::vector<ops::Array> kept = StepByStep(*model, tokens, false);
  const std::vector<ops::Array> rounded = StepByStep(*model, tokens, true);
  for (size_t quarter = 0; quarter < 4; ++quarter) {
    const size_t begin = tokens.size() * quarter / 4;
    const size_t end = tokens.size() * (quarter + 1) / 4;
    const double exact = Error(kept, truth, begin, end);
    EXPECT_LT(exact, 1e-6) << "a state that is kept as it is loses nothing";
    EXPECT_GT(Error(rounded, truth, begin, end), 10 * std::max(exact, 1e-6)) << quarter;
  }
}

struct Memory {
  size_t arrays = 0;  // bytes that MLX has handed out
  size_t heap = 0;    // bytes in use of the C++ heap
};
Memory MemoryInUse() {
  mx::synchronize();
  mx::clear_cache();
  return {mx::get_active_memory(), mallinfo2().uordblks};
}

TEST(MemoryTest, After200RequestsIsWhatItWasAfter20) {
  const auto model = LoadFolder();
  engine::SamplingOptions sampling;
  sampling.seed = 1;
  engine::GenerationLimits limits;
  limits.max_tokens = 2;
  limits.ignore_end = true;
  const auto request = [&](int i) {
    const std::vector<int> prompt = {1 + i % 100, 7, 9};
    const auto result = engine::Generator(model->language(), sampling, limits)
                            .Run(prompt, [](const engine::GeneratedToken&) { return true; });
    ASSERT_TRUE(result.ok()) << result.status().message();
  };
  Memory early;
  for (int i = 0; i < 200; ++i) {
    request(i);
    if (i == 19) early = MemoryInUse();
  }
  const Memory late = MemoryInUse();
  EXPECT_EQ(late.arrays, early.arrays);
  // The heap may keep a free list here and there, but nothing a request.
  EXPECT_LT(late.heap, early.heap + 64 * 1024);
}

}  // namespace
}  // namespace ingot::cli
