// Gemma 4's attention: scores are not scaled, since queries and keys are normalised, as values are;
// full and windowed layers differ in width, and the last layers look at the keys of earlier ones.
#ifndef INGOT_MODELS_GEMMA4_ATTENTION_H_
#define INGOT_MODELS_GEMMA4_ATTENTION_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "model/batch.h"
#include "model/cache.h"
#include "ops/fused.h"
#include "ops/linear.h"
#include "ops/rope.h"

namespace ingot::models {

// How wide a layer's attention is, and what it does about positions: by kind of layer.
struct Gemma4AttentionKind {
  int head_dim = 0;
  int key_heads = 0;
  ops::RopeSpec rope;
  int window = 0;  // 0: sees everything
  bool keys_are_values = false;
};

// The keys and values that the last layer with its own made, by kind of layer: those that have none
// look at these.
struct SequenceColumns {
  std::optional<model::KeysValues> sliding;
  std::optional<model::KeysValues> full;
};
using SharedColumns = std::vector<SequenceColumns>;  // one a sequence of the batch

struct Gemma4Attention {
  Gemma4AttentionKind kind;
  int heads;
  float eps;
  ops::Linear query;
  model::Array query_norm;
  std::optional<ops::Linear> key;  // none: this layer looks at another's keys
  std::optional<model::Array> key_norm;
  std::optional<ops::Linear> value;  // none: values are made from what the keys are made from
  ops::Linear output;
  model::ColumnForm columns;  // of the cache

  model::LayerCache NewCache() const;
  // Of x's norm, x [B, L, H]; layer is this layer's place in state.
  model::Array operator()(const model::Array& x, const ops::NormWeights& norm,
                          const model::Batch& batch, size_t layer, SharedColumns& shared) const;

 private:
  // A sequence's own rows of the projections.
  model::KeysValues Update(const model::Array& keys, const model::Array& values,
                           model::SequenceState& state, size_t layer) const;
};

}  // namespace ingot::models

#endif  // INGOT_MODELS_GEMMA4_ATTENTION_H_
