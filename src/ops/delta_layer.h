// What a gated delta layer does between its projections: the convolution, the norms of queries and
// keys, the gates, the recurrence, and the gated norm of what comes of it.
#ifndef INGOT_OPS_DELTA_LAYER_H_
#define INGOT_OPS_DELTA_LAYER_H_

#include "ops/array.h"

namespace ingot::ops {

struct DeltaHeads {
  int key_heads = 0;
  int value_heads = 0;
  int key_dim = 0;
  int value_dim = 0;
  int taps = 0;  // of the convolution

  int keys() const { return key_heads * key_dim; }
  int values() const { return value_heads * value_dim; }
  int channels() const { return 2 * keys() + values(); }
};

struct DeltaLayerWeights {
  // [channels, taps] as it is stored.
  static DeltaLayerWeights Of(const Array& conv, const Array& rate, const Array& dt_bias,
                              const Array& norm, float eps);

  Array conv;     // [channels, taps]
  Array by_tap;   // the same, [taps, channels] float32
  Array rate;     // exp(A_log) [value_heads] float32
  Array dt_bias;  // [value_heads] float32
  Array norm;     // [value_dim]
  float eps;
};

// What the projections made of a layer's input, and what was left by the steps before.
struct DeltaLayerInputs {
  Array qkv;    // [B, L, channels]
  Array z;      // [B, L, values]
  Array beta;   // [B, L, value_heads], before the sigmoid
  Array a;      // [B, L, value_heads]
  Array tail;   // [B, taps-1, channels]
  Array state;  // [B, value_heads, value_dim, key_dim] float32
};

struct DeltaLayerResult {
  Array y;  // [B, L, values], in qkv's type
  Array tail;
  Array state;
};

// u = silu(conv(qkv)); q and k are the L2 norms of their heads, q over sqrt(key_dim);
// decay = exp(-rate · softplus(a + dt_bias)); y = norm(delta rule) · silu(z). All in fp32.
DeltaLayerResult ApplyDeltaLayer(const DeltaHeads& heads, const DeltaLayerWeights& weights,
                                 const DeltaLayerInputs& in);

}  // namespace ingot::ops

#endif  // INGOT_OPS_DELTA_LAYER_H_
