// Rows of several sequences on their way through a model together. Products with weights take all
// rows at once, so that weights are read once for all of them; what belongs to a sequence (its
// positions, its caches) is done for each sequence's own rows.
//
// Rows are the second axis: tokens [1, rows], activations [1, rows, ...]. A batch of one sequence
// may have several alike, [B, rows]. Refers to states that the caller owns; one thread.
#ifndef INGOT_MODEL_BATCH_H_
#define INGOT_MODEL_BATCH_H_

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "model/cache.h"
#include "ops/array.h"

namespace ingot::model {

// Consecutive rows of one sequence, which follow what its state holds.
struct BatchPart {
  SequenceState* state = nullptr;
  int rows = 0;
  size_t index = 0;  // among the parts
};

class Batch {
 public:
  Batch(SequenceState& state, int rows) { Add(state, rows); }
  Batch() = default;
  // Its rows come after those that are there. No state may come twice.
  void Add(SequenceState& state, int rows) { parts_.push_back({&state, rows, parts_.size()}); }

  std::span<const BatchPart> parts() const { return parts_; }

  // f(part, rows of the first input, rows of the second, ...) for each sequence, in order → the
  // results one after the other. Each result has its part's rows.
  template <typename F, typename... Inputs>
  Array Each(F f, const Inputs&... inputs) const {
    if (parts_.size() == 1) return f(parts_[0], inputs...);
    const std::array<std::vector<Array>, sizeof...(Inputs)> split = {Split(inputs)...};
    std::vector<Array> results;
    results.reserve(parts_.size());
    for (const BatchPart& part : parts_) {
      results.push_back(CallWith(f, part, split, std::index_sequence_for<Inputs...>()));
    }
    return ops::mx::concatenate(std::move(results), 1);
  }

  // Once all layers are done.
  void Advance() const {
    for (const BatchPart& part : parts_) part.state->Advance(part.rows);
  }

 private:
  template <typename F, typename Split, size_t... kInput>
  static Array CallWith(F& f, const BatchPart& part, const Split& split,
                        std::index_sequence<kInput...>) {
    return f(part, split[kInput][part.index]...);
  }
  std::vector<Array> Split(const Array& rows) const;

  std::vector<BatchPart> parts_;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_BATCH_H_
