// Layers that more than one architecture is made of. Plain values: weights and what they are used
// with; immutable once loaded.
#ifndef INGOT_MODEL_DENSE_LAYERS_H_
#define INGOT_MODEL_DENSE_LAYERS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/batch.h"
#include "model/cache.h"
#include "model/weights.h"
#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/fused.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/rope.h"

namespace ingot::model {

// <name>, the weight of a norm. A zero-centred one is stored as its difference from 1, which is
// added here, in fp32: rounding the sum to bf16 would be visible in the logits.
Array LoadNorm(Weights& weights, std::string_view name, int width, bool zero_centred = false);

struct MlpShape {
  int hidden = 0;
  int inner = 0;
  ops::MlpActivation activation;
};

// Down(act(Gate x) · Up x), or Down(act(Up x)) for activations that want no gate.
struct Mlp {
  std::optional<ops::Linear> gate;
  ops::Linear up;
  ops::Linear down;
  ops::MlpActivation activation;

  static Mlp Load(Weights& weights, std::string_view name, const MlpShape& shape);
  Array operator()(const Array& x) const;
  Array Onto(const Array& x, const ops::NormWeights& norm) const;  // x + the MLP of its norm
  ops::MlpWeights Parts() const { return {gate ? &*gate : nullptr, &up, &down, activation}; }
};

struct AttentionShape {
  int hidden = 0;
  int heads = 0;
  int key_heads = 0;
  int head_dim = 0;
  float norm_eps = 1e-6F;  // of the norms of queries and keys, where there are any
};

enum class HeadNorms : uint8_t { kNone, kPlain, kZeroCentred };

struct AttentionOptions {
  std::optional<ops::RopeSpec> rope;  // none: the layer knows no positions
  ops::QueryGrowth growth = {};
  int window = 0;   // 0: sees everything before it
  float scale = 0;  // 0: 1/sqrt(head_dim)
  HeadNorms norms = HeadNorms::kNone;
  bool sinks = false;
};

// Attention with one cache a layer, in the forms that most checkpoints have.
struct SelfAttention {
  AttentionShape shape;
  ops::AttentionSpec spec;
  std::optional<ops::RopeSpec> rope;
  ops::QueryGrowth growth = {};
  ops::Linear query;
  ops::Linear key;
  ops::Linear value;
  ops::Linear output;
  std::optional<Array> query_norm;  // [head_dim]
  std::optional<Array> key_norm;
  ColumnForm columns;  // of the cache

  static SelfAttention Load(Weights& weights, std::string_view name, const AttentionShape& shape,
                            const AttentionOptions& options);

  LayerCache NewCache() const;
  // What belongs to each sequence: q [B, L, heads·D], or more a head of which the first D ask, and
  // k, v [B, L, key_heads·D] → norms, positions, the cache, and what the heads found, [B, L,
  // heads·D].
  Array Attend(const Array& q, const Array& k, const Array& v, const Batch& batch,
               size_t layer) const;
  // x [B, L, H] → [B, L, heads·D], before the output projection.
  Array Heads(const Array& x, const Batch& batch, size_t layer) const;
  Array operator()(const Array& x, const Batch& batch, size_t layer) const;
  // x + the attention of its norm.
  Array Onto(const Array& x, const ops::NormWeights& norm, const Batch& batch, size_t layer) const;

 private:
  // Heads of x, or of its norm.
  Array HeadsOf(const Array& x, const std::optional<ops::NormWeights>& norm, const Batch& batch,
                size_t layer) const;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_DENSE_LAYERS_H_
