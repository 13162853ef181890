// What a decoder's layer does in one operation each: on the CPU an operation costs some
// microseconds whatever its size, which a token of a small model cannot afford hundreds of, and
// each passes over its rows once more. Every one of these is what its name says it is put together
// from, and is computed just so where no kernel serves; fused, what stands between the parts is
// rounded less often.
//
// One thread builds graphs.
#ifndef INGOT_OPS_FUSED_H_
#define INGOT_OPS_FUSED_H_

#include <optional>
#include <span>
#include <vector>

#include "ops/activation.h"
#include "ops/array.h"
#include "ops/linear.h"

namespace ingot::ops {

// An RMS norm: ops/norm.h.
struct NormWeights {
  Array weight;
  float eps;
};

// For each of `linears` what Apply gives for x, or for its norm. x [..., in].
std::vector<Array> ApplyEach(std::span<const Linear* const> linears, const Array& x,
                             const std::optional<NormWeights>& norm = std::nullopt);

// addend + Apply(linear, x).
Array ApplyOnto(const Array& addend, const Linear& linear, const Array& x);

// An MLP of x, or of its norm: down(act(gate x) · up x), or down(act(up x)) without a gate.
struct MlpWeights {
  const Linear* gate;  // or null
  const Linear* up;
  const Linear* down;
  MlpActivation activation;
};
Array ApplyMlp(const MlpWeights& mlp, const Array& x,
               const std::optional<NormWeights>& norm = std::nullopt);
// x + the MLP of x's norm.
Array ApplyMlpOnto(const MlpWeights& mlp, const Array& x, const NormWeights& norm);

}  // namespace ingot::ops

#endif  // INGOT_OPS_FUSED_H_
