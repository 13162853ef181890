// Snapshots, marks, trims and restores in random order: whatever was done to a sequence, it goes on
// as one does that was fed the same tokens from the beginning.
#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "models/load.h"
#include "tests/models/golden_check.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/temp_dir.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using ::ingot::testing::Golden;

struct Sequence {
  model::SequenceState state;
  std::vector<int> tokens;
};

std::vector<float> Feed(const model::LanguageModel& model, model::SequenceState& state,
                        const std::vector<int>& tokens) {
  const ops::Array ids(tokens.data(), {1, static_cast<int>(tokens.size())}, mx::int32);
  const ops::Array logits = mx::contiguous(ops::ToFloat32(model.Logits(model.Forward(ids, state))));
  std::vector<ops::Array> pending = state.Pending();
  pending.push_back(logits);
  mx::eval(pending);
  return {logits.data<float>(), logits.data<float>() + logits.size()};
}

class Script {
 public:
  Script(const model::LanguageModel& model, unsigned seed) : model_(model), random_(seed) {
    current_.state = model.NewState();
  }

  void Step() {
    switch (Below(6)) {
      case 0:
        snapshots_.push_back(current_);
        break;
      case 1:
        if (!snapshots_.empty()) current_ = snapshots_[Below(snapshots_.size())];
        break;
      case 2:
        Trim();
        break;
      case 3:
        marks_.push_back({current_.state.Mark(), current_.tokens});
        EXPECT_LE(marks_.back().state.bytes(), current_.state.bytes());
        break;
      case 4:
        Return();
        break;
      default:
        break;
    }
    Go();
  }

  int trims() const { return trims_; }
  int refusals() const { return refusals_; }

 private:
  size_t Below(size_t bound) { return random_() % bound; }

  void Trim() {
    const int length = static_cast<int>(Below(current_.tokens.size() + 1));
    const size_t bytes = current_.state.bytes();
    if (current_.state.Trim(length)) {
      current_.tokens.resize(static_cast<size_t>(length));
      ++trims_;
    } else {
      ++refusals_;
      EXPECT_EQ(current_.state.bytes(), bytes) << "a refused trim changes nothing";
    }
    EXPECT_EQ(current_.state.length(), static_cast<int>(current_.tokens.size()));
  }

  // Marks are of use while what they were made behind is still there.
  void Return() {
    std::erase_if(marks_, [&](const Sequence& mark) {
      return mark.tokens.size() > current_.tokens.size() ||
             !std::equal(mark.tokens.begin(), mark.tokens.end(), current_.tokens.begin());
    });
    if (marks_.empty()) return;
    const Sequence& mark = marks_[Below(marks_.size())];
    EXPECT_TRUE(current_.state.Return(mark.state));
    current_.tokens = mark.tokens;
    EXPECT_EQ(current_.state.length(), static_cast<int>(current_.tokens.size()));
  }

  // Feeds some tokens, and compares with a sequence that was never disturbed.
  void Go() {
    std::vector<int> more;
    for (size_t n = 1 + Below(9); n > 0; --n) more.push_back(static_cast<int>(Below(192)));
    current_.tokens.insert(current_.tokens.end(), more.begin(), more.end());
    const std::vector<float> got = Feed(model_, current_.state, more);
    model::SequenceState fresh = model_.NewState();
    const std::vector<float> all = Feed(model_, fresh, current_.tokens);
    const std::vector<float> expected(all.end() - static_cast<ptrdiff_t>(got.size()), all.end());
    EXPECT_LE(testing::WorstError(got, expected), 2e-3);
    EXPECT_GT(current_.state.bytes(), 0u);
  }

  const model::LanguageModel& model_;
  std::mt19937 random_;
  Sequence current_;
  std::vector<Sequence> snapshots_;
  std::vector<Sequence> marks_;
  int trims_ = 0;
  int refusals_ = 0;
};

// An architecture, and what its caches keep keys and values in.
struct Kind {
  std::string name;
  std::optional<mx::Dtype> cache = {};
};

class CacheScriptsTest : public ::testing::TestWithParam<Kind> {};

TEST_P(CacheScriptsTest, EndWhereRecomputingEnds) {
  const testing::TempDir dir;
  const Golden golden = testing::ReadGolden(GetParam().name);
  testing::WriteFolder(dir / "m", golden.config, golden.tensors);
  const auto model = LoadFolder(core::Env::Posix(), dir / "m", mx::float32, GetParam().cache);
  ASSERT_TRUE(model.ok()) << model.status().message();
  int trims = 0;
  int refusals = 0;
  for (unsigned seed = 0; seed < 3; ++seed) {
    SCOPED_TRACE(seed);
    Script script(**model, seed);
    for (int step = 0; step < 14; ++step) script.Step();
    trims += script.trims();
    refusals += script.refusals();
  }
  EXPECT_GT(trims + refusals, 0);
  const std::string& name = GetParam().name;
  if (name == "llama") {
    EXPECT_EQ(refusals, 0) << "keys and values can be cut anywhere";
  }
  if (name == "qwen3_5") {
    EXPECT_GT(refusals, 0) << "a recurrence has no way back but snapshots";
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, CacheScriptsTest,
                         ::testing::Values(Kind{"llama"}, Kind{"mistral_window"},
                                           Kind{"qwen3_window"}, Kind{"qwen3_5"},
                                           Kind{"llama", mx::int8}, Kind{"qwen3_window", mx::int8},
                                           Kind{"glm4_moe_lite", mx::int8}),
                         [](const auto& param) {
                           return param.param.name + (param.param.cache ? "_int8" : "");
                         });

}  // namespace
}  // namespace ingot::models
