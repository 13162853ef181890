// Chooses the next token. The order is: logit_bias, repetition, presence and frequency penalties,
// DRY; what is suppressed goes; then, unless greedy: top-k, softmax at the temperature, top-p,
// min-p, typical, XTC, and a draw from what is left. Without typical and XTC that is ops::Draw.
//
// The choice stays an array, so that the next step can be queued before it is read. Draw number i
// of a seed is the same whatever else is computed: it depends on the seed and on i alone.
//
// One sequence, one thread.
#ifndef INGOT_ENGINE_SAMPLER_H_
#define INGOT_ENGINE_SAMPLER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/logprobs.h"
#include "engine/sampling_options.h"
#include "ops/array.h"
#include "ops/sample.h"

namespace ingot::engine {

using ops::Array;

class Sampler {
 public:
  // options are valid. history: the prompt's tokens.
  Sampler(const SamplingOptions& options, std::vector<int> history);

  // A bit a token: those that may follow.
  using Mask = std::shared_ptr<const std::vector<uint32_t>>;

  // logits [vocabulary] of any float type → the token, a scalar of int32. Counts as one draw.
  Array Next(const Array& logits, Mask allowed = nullptr);
  // Tells which token was chosen, once it has been read.
  void Chosen(int token);
  // Whether every choice is the likeliest token of the logits as they are.
  bool IsPlain() const;
  // Whether the next choice depends on tokens that have to be read first.
  bool NeedsHistory() const;

 private:
  // Which penalties look at what was chosen.
  bool HasPenalties() const;
  // What is done to single logits, by token.
  using Edits = std::map<int, ops::LogitEdit>;
  void Penalise(Edits& edits) const;
  void Dry(Edits& edits) const;
  std::vector<ops::LogitEdit> AllEdits(int vocabulary) const;
  // How many tokens at the end of the history penalties look at.
  size_t Reach() const;
  // As others put it together: sorts the vocabulary.
  Array DrawOtherwise(const Array& logits, uint64_t number) const;

  SamplingOptions options_;
  std::vector<int> history_;
  std::map<int, int> counts_;  // of the tokens in reach of penalties
  uint64_t seed_;
  uint64_t draws_ = 0;
};

// Of raw logits, with `top` others.
Logprobs ReadLogprobs(const Array& logits, int chosen, int top);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_SAMPLER_H_
