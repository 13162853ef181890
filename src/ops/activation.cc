#include "ops/activation.h"

#include <numbers>

#include "ops/cpu/rowwise.h"

namespace ingot::ops {
namespace {

Array Bend(MlpActivation::Kind kind, const Array& x) {
  switch (kind) {
    case MlpActivation::Kind::kSilu:
    case MlpActivation::Kind::kClampedSilu:
      return Silu(x);
    case MlpActivation::Kind::kGeluTanh:
      return GeluTanh(x);
    case MlpActivation::Kind::kGelu:
      return Gelu(x);
    case MlpActivation::Kind::kReluSquared:
      return mx::square(mx::maximum(x, Scalar(0, x)));
  }
  return x;
}

}  // namespace

Array GeluTanh(const Array& x) {
  constexpr float kScale = std::numbers::sqrt2_v<float> * std::numbers::inv_sqrtpi_v<float>;
  const Array inner = Scalar(kScale, x) * (x + Scalar(0.044715F, x) * x * x * x);
  return Scalar(0.5F, x) * x * (Scalar(1, x) + mx::tanh(inner));
}

Array Gelu(const Array& x) {
  const Array inner = x * Scalar(1.0F / std::numbers::sqrt2_v<float>, x);
  return Scalar(0.5F, x) * x * (Scalar(1, x) + mx::erf(inner));
}

Array Softcap(const Array& x, float cap) { return mx::tanh(x / Scalar(cap, x)) * Scalar(cap, x); }

Array Activate(const MlpActivation& activation, const std::optional<Array>& gate, const Array& up) {
  if (cpu::ServesActivation(gate, up)) return cpu::Activate(activation, gate, up);
  if (!gate) return Bend(activation.kind, up);
  if (activation.kind != MlpActivation::Kind::kClampedSilu) {
    return Bend(activation.kind, *gate) * up;
  }
  const Array limit = Scalar(activation.limit, up);
  const Array g = mx::minimum(*gate, limit);
  const Array u = mx::clip(up, mx::negative(limit), limit);
  return g * mx::sigmoid(g * Scalar(activation.alpha, up)) * (u + Scalar(1, up));
}

}  // namespace ingot::ops
