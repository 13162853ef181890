// Sequences that share their steps: each gives what it gives alone, to the last bit in fp32,
// whatever is read beside it and however its prompt is cut.
#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/load.h"
#include "ops/cpu/choice.h"
#include "tests/models/golden_check.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/temp_dir.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;
using ::ingot::testing::Golden;
using ::ingot::testing::LogitsOf;
using ::ingot::testing::ReadGolden;
using ::ingot::testing::TempDir;

struct Sequence {
  std::vector<int> tokens;
  model::SequenceState state;
  std::vector<float> logits;

  size_t left() const { return tokens.size() - static_cast<size_t>(state.length()); }
};

// One step: the next rows[i] tokens of sequence i.
void Step(const model::LanguageModel& model, std::vector<Sequence>& sequences,
          const std::vector<size_t>& rows) {
  std::vector<int> tokens;
  model::Batch batch;
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (rows[i] == 0) continue;
    const auto from = sequences[i].tokens.begin() + sequences[i].state.length();
    tokens.insert(tokens.end(), from, from + static_cast<ptrdiff_t>(rows[i]));
    batch.Add(sequences[i].state, static_cast<int>(rows[i]));
  }
  const ops::Array ids(tokens.data(), {1, static_cast<int>(tokens.size())}, mx::int32);
  const ops::Array logits = mx::contiguous(ops::ToFloat32(model.Logits(model.Forward(ids, batch))));
  std::vector<ops::Array> pending = {logits};
  for (const model::BatchPart& part : batch.parts()) {
    const std::vector<ops::Array> more = part.state->Pending();
    pending.insert(pending.end(), more.begin(), more.end());
  }
  mx::eval(pending);
  const float* from = logits.data<float>();
  for (size_t i = 0; i < sequences.size(); ++i) {
    const size_t count = rows[i] * static_cast<size_t>(model.shape().vocabulary);
    sequences[i].logits.insert(sequences[i].logits.end(), from, from + count);
    from += count;
  }
}

using Loaded = core::Result<std::unique_ptr<model::LanguageModel>>;

void ExpectTheSameAloneAndAmongOthers(const Golden& golden, const Loaded& model) {
  ASSERT_TRUE(model.ok()) << model.status().message();
  // Prompts that begin alike and go on apart, of lengths that reach past the windows.
  std::vector<Sequence> sequences;
  for (const int kind : {0, 1, 2, 3}) {
    std::vector<int> tokens = testing::FedTokens(golden);
    if (kind == 1) std::reverse(tokens.begin(), tokens.end());
    if (kind == 2) tokens.resize(tokens.size() / 2);
    if (kind == 3) tokens.insert(tokens.end(), golden.prompt.begin(), golden.prompt.end());
    sequences.push_back({std::move(tokens), (*model)->NewState(), {}});
  }
  std::mt19937 random(7);  // NOLINT: the same numbers at every run
  const auto any_left = [&] {
    return std::any_of(sequences.begin(), sequences.end(),
                       [](const Sequence& sequence) { return sequence.left() > 0; });
  };
  while (any_left()) {
    // A chunk for one, a token or nothing for the others.
    std::vector<size_t> rows;
    const size_t reader = random() % sequences.size();
    for (size_t i = 0; i < sequences.size(); ++i) {
      const size_t most = i == reader ? 1 + random() % 24 : random() % 2;
      rows.push_back(std::min(most, sequences[i].left()));
    }
    if (std::all_of(rows.begin(), rows.end(), [](size_t n) { return n == 0; })) continue;
    Step(**model, sequences, rows);
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    EXPECT_EQ(sequences[i].logits, LogitsOf(**model, sequences[i].tokens, 512)) << i;
  }
  EXPECT_EQ(sequences[3].logits, LogitsOf(**model, sequences[3].tokens, 1));
}

class BatchTest : public ::testing::TestWithParam<const char*> {
 protected:
  BatchTest() { testing::WriteFolder(dir_ / "m", golden_.config, golden_.tensors); }
  Loaded Load(std::optional<mx::Dtype> cache = {}) const {
    return LoadFolder(core::Env::Posix(), dir_ / "m", mx::float32, cache);
  }

  const Golden golden_ = ReadGolden(GetParam());
  const TempDir dir_;
};

TEST_P(BatchTest, ASequenceGivesTheSameAloneAndAmongOthers) {
  ExpectTheSameAloneAndAmongOthers(golden_, Load());
}

INSTANTIATE_TEST_SUITE_P(Architectures, BatchTest,
                         ::testing::Values("llama", "mistral_window", "ministral3", "qwen3_moe",
                                           "qwen3_5", "qwen3_5_moe", "qwen3_next", "gemma3",
                                           "gemma4", "gemma4_moe", "glm4_moe_lite", "laguna",
                                           "nemotron_h", "nemotron_h_latent", "cohere2_moe",
                                           "gpt_oss"),
                         [](const auto& param) { return std::string(param.param); });

// Each kind of cache that keeps keys and values: all columns, windows, latent ones, those that
// other layers look at, beside recurrent states.
class PackedCacheTest : public BatchTest {};

TEST_P(PackedCacheTest, ASequenceGivesTheSameAloneAndAmongOthers) {
  ExpectTheSameAloneAndAmongOthers(golden_, Load(mx::int8));
}

TEST_P(PackedCacheTest, KernelsFindWhatPlainFormsFind) {
  const Loaded packed = Load(mx::int8);
  const Loaded full = Load();
  ASSERT_TRUE(packed.ok() && full.ok());
  const std::vector<int> tokens = testing::FedTokens(golden_);
  const std::vector<float> got = LogitsOf(**packed, tokens, 7);
  // Rounding to 8 bits shows. How little it harms is for a trained model to say: those with random
  // weights magnify it.
  EXPECT_GT(testing::WorstError(got, LogitsOf(**full, tokens, 7)), 1e-4);
  const ops::cpu::PlainForms plain;
  // A number on the edge between two steps may fall to either side.
  EXPECT_LE(testing::WorstError(got, LogitsOf(**packed, tokens, 7)), 0.02);
}

INSTANTIATE_TEST_SUITE_P(Caches, PackedCacheTest,
                         ::testing::Values("llama", "mistral_window", "qwen3_5", "gemma4",
                                           "glm4_moe_lite", "gpt_oss"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace ingot::models
