// Layers that more than one architecture is made of. Plain values: weights and what they are used
// with; immutable once loaded.
#ifndef INGOT_MODEL_DENSE_LAYERS_H_
#define INGOT_MODEL_DENSE_LAYERS_H_

#include <optional>
#include <string_view>

#include "model/cache.h"
#include "model/weights.h"
#include "ops/attention.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/rope.h"

namespace ingot::model {

// Down(silu(Gate x) · Up x)
struct GatedMlp {
  ops::Linear gate;
  ops::Linear up;
  ops::Linear down;

  static GatedMlp Load(Weights& weights, std::string_view name, int hidden, int inner);
  Array operator()(const Array& x) const;
};

struct AttentionShape {
  int hidden = 0;
  int heads = 0;
  int key_heads = 0;
  int head_dim = 0;
  float norm_eps = 1e-6F;  // of the norms of queries and keys, where there are any
};

// Attention with rotary positions, one cache a layer; with norms of each head's queries and keys
// where the checkpoint has them.
struct RotaryAttention {
  AttentionShape shape;
  ops::AttentionSpec spec;
  ops::RopeSpec rope;
  ops::Linear query;
  ops::Linear key;
  ops::Linear value;
  ops::Linear output;
  std::optional<Array> query_norm;  // [head_dim]
  std::optional<Array> key_norm;

  static RotaryAttention Load(Weights& weights, std::string_view name, const AttentionShape& shape,
                              const ops::RopeSpec& rope, int window, bool head_norms);
  // x [B, L, H]; layer is this layer's place in state: a KvCache, or a WindowCache if it has a
  // window.
  Array operator()(const Array& x, SequenceState& state, size_t layer) const;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_DENSE_LAYERS_H_
