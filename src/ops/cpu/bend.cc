#include "ops/cpu/bend.h"

#include <cmath>
#include <numbers>

#include "kernels/rows.h"

namespace ingot::ops::cpu {
namespace {

using Kind = MlpActivation::Kind;
using kernels::BendKind;

void Gelu(std::span<const float> gate, std::span<const float> up, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const float x = gate.empty() ? up[i] : gate[i];
    const float bent = 0.5F * x * (1.0F + std::erf(x * (std::numbers::sqrt2_v<float> / 2)));
    out[i] = gate.empty() ? bent : bent * up[i];
  }
}

BendKind KindOf(Kind kind) {
  switch (kind) {
    case Kind::kClampedSilu:
      return BendKind::kClampedSilu;
    case Kind::kGeluTanh:
      return BendKind::kGeluTanh;
    case Kind::kReluSquared:
      return BendKind::kReluSquared;
    case Kind::kSilu:
    case Kind::kGelu:
      break;
  }
  return BendKind::kSilu;
}

}  // namespace

void BendRow(const MlpActivation& activation, std::span<const float> gate,
             std::span<const float> up, std::span<float> out) {
  if (activation.kind == Kind::kGelu) return Gelu(gate, up, out);
  kernels::RowsHere().bend({.kind = KindOf(activation.kind),
                            .gate = gate.empty() ? nullptr : gate.data(),
                            .up = up.data(),
                            .out = out.data(),
                            .count = out.size(),
                            .limit = activation.limit,
                            .alpha = activation.alpha});
}

}  // namespace ingot::ops::cpu
