// The elementwise functions between products. Each is computed in x's type.
#ifndef INGOT_OPS_ACTIVATION_H_
#define INGOT_OPS_ACTIVATION_H_

#include <cstdint>
#include <optional>

#include "ops/array.h"

namespace ingot::ops {

Array Silu(const Array& x);
// y · silu(z), in fp32 whatever their types.
Array SiluGated(const Array& y, const Array& z);
// x · sigmoid(gate), and base + sigmoid(gate) · x.
Array SigmoidGated(const Array& x, const Array& gate);
Array AddSigmoidGated(const Array& base, const Array& gate, const Array& x);
// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))
Array GeluTanh(const Array& x);
// x/2 · (1 + erf(x/√2))
Array Gelu(const Array& x);
// log(1 + exp(x)), without overflow.
inline Array Softplus(const Array& x) { return mx::logaddexp(x, Scalar(0, x)); }
// cap · tanh(x / cap)
Array Softcap(const Array& x, float cap);

// What stands between the two products of an MLP: act(gate) · up, or act(up) where there is no
// gate.
struct MlpActivation {
  enum class Kind : uint8_t {
    kSilu,
    kGeluTanh,
    kGelu,
    kReluSquared,  // max(x, 0)²
    kClampedSilu,  // g = min(gate, limit), u = clamp(up, ±limit): g · sigmoid(alpha g) · (u + 1)
  };
  Kind kind = Kind::kSilu;
  float limit = 7;
  float alpha = 1.702F;
};
Array Activate(const MlpActivation& activation, const std::optional<Array>& gate, const Array& up);

}  // namespace ingot::ops

#endif  // INGOT_OPS_ACTIVATION_H_
