#include "ops/cpu/bend.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/cpu/fast_exp.h"

namespace ingot::ops::cpu {
namespace {

using Kind = MlpActivation::Kind;

float Sigmoid(float x) { return 1.0F / (1.0F + FastExp(-x)); }

template <Kind kKind>
float Bend(float x) {
  if constexpr (kKind == Kind::kSilu) {
    return x * Sigmoid(x);
  } else if constexpr (kKind == Kind::kGeluTanh) {
    constexpr float kScale = std::numbers::sqrt2_v<float> * std::numbers::inv_sqrtpi_v<float>;
    // 0.5 (1 + tanh u) is the sigmoid of 2u.
    return x * Sigmoid(2 * kScale * (x + 0.044715F * x * x * x));
  } else if constexpr (kKind == Kind::kGelu) {
    return 0.5F * x * (1.0F + std::erf(x * (std::numbers::sqrt2_v<float> / 2)));
  } else {
    const float positive = x < 0 ? 0 : x;
    return positive * positive;
  }
}

template <Kind kKind>
void BendAll(std::span<const float> gate, std::span<const float> up, std::span<float> out) {
  const size_t count = out.size();
  float* to = out.data();
  const float* u = up.data();
  if (gate.empty()) {
    for (size_t i = 0; i < count; ++i) to[i] = Bend<kKind>(u[i]);
    return;
  }
  const float* g = gate.data();
  for (size_t i = 0; i < count; ++i) to[i] = Bend<kKind>(g[i]) * u[i];
}

void BendClamped(const MlpActivation& activation, std::span<const float> gate,
                 std::span<const float> up, std::span<float> out) {
  const float limit = activation.limit;
  for (size_t i = 0; i < out.size(); ++i) {
    const float g = gate[i] > limit ? limit : gate[i];
    const float low = up[i] < -limit ? -limit : up[i];
    const float u = low > limit ? limit : low;
    out[i] = g * Sigmoid(g * activation.alpha) * (u + 1.0F);
  }
}

}  // namespace

void BendRow(const MlpActivation& activation, std::span<const float> gate,
             std::span<const float> up, std::span<float> out) {
  switch (activation.kind) {
    case Kind::kSilu:
      return BendAll<Kind::kSilu>(gate, up, out);
    case Kind::kClampedSilu:
      return gate.empty() ? BendAll<Kind::kSilu>(gate, up, out)
                          : BendClamped(activation, gate, up, out);
    case Kind::kGeluTanh:
      return BendAll<Kind::kGeluTanh>(gate, up, out);
    case Kind::kGelu:
      return BendAll<Kind::kGelu>(gate, up, out);
    case Kind::kReluSquared:
      return BendAll<Kind::kReluSquared>(gate, up, out);
  }
}

}  // namespace ingot::ops::cpu
