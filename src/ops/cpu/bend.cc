#include "ops/cpu/bend.h"

#include "kernels/rows.h"

namespace ingot::ops::cpu {
namespace {

using Kind = MlpActivation::Kind;
using kernels::BendKind;

BendKind KindOf(Kind kind) {
  switch (kind) {
    case Kind::kClampedSilu:
      return BendKind::kClampedSilu;
    case Kind::kGeluTanh:
      return BendKind::kGeluTanh;
    case Kind::kGelu:
      return BendKind::kGelu;
    case Kind::kReluSquared:
      return BendKind::kReluSquared;
    case Kind::kSilu:
      break;
  }
  return BendKind::kSilu;
}

}  // namespace

void BendRow(const MlpActivation& activation, std::span<const float> gate,
             std::span<const float> up, std::span<float> out) {
  kernels::RowsHere().bend({.kind = KindOf(activation.kind),
                            .gate = gate.empty() ? nullptr : gate.data(),
                            .up = up.data(),
                            .out = out.data(),
                            .count = out.size(),
                            .limit = activation.limit,
                            .alpha = activation.alpha});
}

}  // namespace ingot::ops::cpu
