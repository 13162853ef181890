// The operations between products that look at one row at a time, each as one MLX operation on the
// shared pool: computed in fp32 and rounded once. ops/norm.h, ops/activation.h and ops/rope.h ask
// here first.
//
// One thread builds graphs; MLX evaluates on threads of its own.
#ifndef INGOT_OPS_CPU_ROWWISE_H_
#define INGOT_OPS_CPU_ROWWISE_H_

#include <optional>
#include <span>

#include "ops/activation.h"
#include "ops/array.h"
#include "ops/norm.h"
#include "ops/rope.h"

namespace ingot::ops::cpu {

bool ServesNorm(const Array& x, const std::optional<Array>& weight);
Array RmsNorm(const Array& x, const std::optional<Array>& weight, float eps);
Array L2Norm(const Array& x, float eps);

bool ServesLayerNorm(const Array& x, const Array& weight, const std::optional<Array>& bias);
Array LayerNorm(const Array& x, const Array& weight, const std::optional<Array>& bias, float eps);

// gate and up are of one shape and type.
bool ServesActivation(const std::optional<Array>& gate, const Array& up);
Array Activate(const MlpActivation& activation, const std::optional<Array>& gate, const Array& up);

// x · sigmoid(gate), of one shape and type.
bool ServesGate(const Array& x, const Array& gate);
Array SigmoidGated(const Array& x, const Array& gate);

// cap · tanh(x / cap).
Array Softcap(const Array& x, float cap);

bool ServesSum(const Array& base, std::span<const NormedRows> parts, const SumSpec& spec);
Array AddNormed(const Array& base, std::span<const NormedRows> parts, const SumSpec& spec);

bool ServesRope(const Array& x, const RopeSpec& spec);
Array Rope(const Array& x, const RopeSpec& spec, int offset);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_ROWWISE_H_
