// Normalisation over the last axis. Sums are taken in fp32, the result is in x's type.
#ifndef INGOT_OPS_NORM_H_
#define INGOT_OPS_NORM_H_

#include <optional>
#include <span>

#include "ops/array.h"
#include "ops/fused.h"

namespace ingot::ops {

// x / sqrt(mean(x²) + eps) · weight; without a weight the factor is 1. The weight is applied in the
// wider of its type and x's: a zero-centred norm's 1 + w is kept in fp32.
Array RmsNorm(const Array& x, const std::optional<Array>& weight, float eps);

// The same in `groups` equal parts of the axis, each with a mean of its own.
Array GroupRmsNorm(const Array& x, const Array& weight, int groups, float eps);

// (x - mean(x)) / sqrt(var(x) + eps) · weight + bias
Array LayerNorm(const Array& x, const Array& weight, const std::optional<Array>& bias, float eps);

// x / sqrt(Σx² + eps): eps belongs to the sum, not to the mean.
Array L2Norm(const Array& x, float eps);

// base plus the sum of what each part's RMS norm makes of its rows, perhaps normed once more, and
// all of it perhaps times a factor.
struct NormedRows {
  Array rows;  // of base's shape
  NormWeights norm;
};
struct SumSpec {
  std::optional<NormWeights> norm = {};  // of the parts' sum
  std::optional<Array> factor = {};      // [1]
};
Array AddNormed(const Array& base, std::span<const NormedRows> parts, const SumSpec& spec = {});

}  // namespace ingot::ops

#endif  // INGOT_OPS_NORM_H_
