// Rotary positions, in every scaling that checkpoints ask for. A RopeSpec is made once a model (or
// a layer kind) and says everything but the position.
#ifndef INGOT_OPS_ROPE_H_
#define INGOT_OPS_ROPE_H_

#include <optional>
#include <span>
#include <vector>

#include "ops/array.h"

namespace ingot::ops {

struct RopeSpec {
  int dims = 0;              // the leading part of each head that turns; the rest is copied
  bool interleaved = false;  // pairs (2i, 2i+1) instead of (i, i + dims/2)
  float base = 10000;        // ignored where wavelengths are given
  float scale = 1;           // multiplies positions
  std::optional<Array> wavelengths =
      {};               // [dims/2] float32: base^(2i/dims) after scaling; inf: no turn
  float magnitude = 1;  // multiplies what was turned, and only that
};

// How to stretch wavelengths; see the functions.
struct Llama3Scaling {
  float factor = 1;
  float low_frequency_factor = 1;
  float high_frequency_factor = 4;
  float original_context = 8192;
};
struct YarnScaling {
  float factor = 1;
  float original_context = 4096;
  float beta_fast = 32;
  float beta_slow = 1;
  bool truncate = true;  // round the bounds of the ramp to whole dimensions
};

// base^(2i/dims) for i in [0, dims/2).
std::vector<float> PlainWavelengths(int dims, float base);
// Long wavelengths are stretched by the factor, short ones kept, those between blended.
std::vector<float> Llama3Wavelengths(int dims, float base, const Llama3Scaling& scaling);
std::vector<float> YarnWavelengths(int dims, float base, const YarnScaling& scaling);
// 0.1·multiplier·ln(factor) + 1, or 1 for a factor up to 1.
float YarnMagnitude(float factor, float multiplier = 1);

Array WavelengthArray(std::span<const float> wavelengths);

// x [B, heads, L, D]; the first column has position `offset`.
Array Rope(const Array& x, const RopeSpec& spec, int offset);

// Queries that count the more the further they stand beyond the context that a model was trained
// with: multiplied by 1 + beta·ln(1 + floor(position / context)).
struct QueryGrowth {
  float beta = 0;  // 0: none
  float context = 0;
};
Array Grow(const Array& q, const QueryGrowth& growth, int offset);  // q as x above

}  // namespace ingot::ops

#endif  // INGOT_OPS_ROPE_H_
