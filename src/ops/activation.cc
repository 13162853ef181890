#include "ops/activation.h"

#include <array>
#include <numbers>
#include <vector>

#include "ops/cpu/rowwise.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/compiled.h"

namespace ingot::ops {
namespace {

Array Bend(MlpActivation::Kind kind, const Array& x) {
  switch (kind) {
    case MlpActivation::Kind::kSilu:
    case MlpActivation::Kind::kClampedSilu:
      return x * mx::sigmoid(x);
    case MlpActivation::Kind::kGeluTanh:
      return GeluTanh(x);
    case MlpActivation::Kind::kGelu:
      return Gelu(x);
    case MlpActivation::Kind::kReluSquared:
      return mx::square(mx::maximum(x, Scalar(0, x)));
  }
  return x;
}

// The gated activations and those that are not, as chains: one address each.
template <MlpActivation::Kind kKind>
std::vector<Array> BendChain(const std::vector<Array>& inputs) {
  return {Bend(kKind, inputs[0])};
}
template <MlpActivation::Kind kKind>
std::vector<Array> GatedChain(const std::vector<Array>& inputs) {
  return {Bend(kKind, inputs[0]) * inputs[1]};
}
// gate, up, limit, alpha
std::vector<Array> ClampedChain(const std::vector<Array>& inputs) {
  const Array& limit = inputs[2];
  const Array g = mx::minimum(inputs[0], limit);
  const Array u = mx::clip(inputs[1], mx::negative(limit), limit);
  return {g * mx::sigmoid(g * inputs[3]) * (u + Scalar(1, u))};
}
std::vector<Array> SiluGatedChain(const std::vector<Array>& inputs) {
  const Array z = ToFloat32(inputs[1]);
  return {ToFloat32(inputs[0]) * (z * mx::sigmoid(z))};
}

std::vector<Array> SigmoidGatedChain(const std::vector<Array>& inputs) {
  return {inputs[0] * mx::sigmoid(inputs[1])};
}
std::vector<Array> AddSigmoidGatedChain(const std::vector<Array>& inputs) {
  return {inputs[0] + mx::sigmoid(inputs[1]) * inputs[2]};
}
// x, cap
std::vector<Array> SoftcapChain(const std::vector<Array>& inputs) {
  return {mx::tanh(inputs[0] / inputs[1]) * inputs[1]};
}

struct ActivationChains {
  MlpActivation::Kind kind;
  gpu::Chain alone;
  gpu::Chain gated;
};
template <MlpActivation::Kind kKind>
constexpr ActivationChains ChainsOf() {
  return {kKind, &BendChain<kKind>, &GatedChain<kKind>};
}
constexpr std::array kChains = {
    ChainsOf<MlpActivation::Kind::kSilu>(), ChainsOf<MlpActivation::Kind::kGeluTanh>(),
    ChainsOf<MlpActivation::Kind::kGelu>(), ChainsOf<MlpActivation::Kind::kReluSquared>(),
    ChainsOf<MlpActivation::Kind::kClampedSilu>()};

}  // namespace

Array Silu(const Array& x) { return Activate({}, std::nullopt, x); }

Array SiluGated(const Array& y, const Array& z) {
  if (cpu::ServesActivation(std::nullopt, y)) {
    return Activate({}, ToFloat32(z), ToFloat32(y));
  }
  return gpu::RunChain(&SiluGatedChain, {y, z});
}

Array SigmoidGated(const Array& x, const Array& gate) {
  if (cpu::ServesGate(x, gate)) return cpu::SigmoidGated(x, gate);
  return gpu::RunChain(&SigmoidGatedChain, {x, gate});
}

Array AddSigmoidGated(const Array& base, const Array& gate, const Array& x) {
  return gpu::RunChain(&AddSigmoidGatedChain, {base, gate, x});
}

Array GeluTanh(const Array& x) {
  constexpr float kScale = std::numbers::sqrt2_v<float> * std::numbers::inv_sqrtpi_v<float>;
  const Array inner = Scalar(kScale, x) * (x + Scalar(0.044715F, x) * x * x * x);
  return Scalar(0.5F, x) * x * (Scalar(1, x) + mx::tanh(inner));
}

Array Gelu(const Array& x) {
  const Array inner = x * Scalar(1.0F / std::numbers::sqrt2_v<float>, x);
  return Scalar(0.5F, x) * x * (Scalar(1, x) + mx::erf(inner));
}

Array Softcap(const Array& x, float cap) {
  if (cpu::ServesActivation(std::nullopt, x)) return cpu::Softcap(x, cap);
  return gpu::RunChain(&SoftcapChain, {x, Scalar(cap, x)});
}

Array Activate(const MlpActivation& activation, const std::optional<Array>& gate, const Array& up) {
  if (cpu::ServesActivation(gate, up)) return cpu::Activate(activation, gate, up);
  if (gate && activation.kind == MlpActivation::Kind::kClampedSilu) {
    return gpu::RunChain(&ClampedChain,
                         {*gate, up, Scalar(activation.limit, up), Scalar(activation.alpha, up)});
  }
  const ActivationChains& chains = kChains[static_cast<size_t>(activation.kind)];
  return gate ? gpu::RunChain(chains.gated, {*gate, up}) : gpu::RunChain(chains.alone, {up});
}

}  // namespace ingot::ops
