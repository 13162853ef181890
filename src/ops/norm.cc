#include "ops/norm.h"

#include "ops/cpu/rowwise.h"

namespace ingot::ops {

Array RmsNorm(const Array& x, const std::optional<Array>& weight, float eps) {
  if (cpu::ServesNorm(x, weight)) return cpu::RmsNorm(x, weight, eps);
  if (!weight || weight->dtype() == x.dtype()) return mx::fast::rms_norm(x, weight, eps);
  return ToTypeOf(mx::fast::rms_norm(ToFloat32(x), ToFloat32(*weight), eps), x);
}

Array GroupRmsNorm(const Array& x, const Array& weight, int groups, float eps) {
  mx::Shape grouped = x.shape();
  grouped.back() = groups;
  grouped.push_back(x.shape(-1) / groups);
  const Array normed = RmsNorm(mx::reshape(x, grouped), std::nullopt, eps);
  return mx::reshape(normed, x.shape()) * ToTypeOf(weight, x);
}

Array LayerNorm(const Array& x, const Array& weight, const std::optional<Array>& bias, float eps) {
  if (cpu::ServesLayerNorm(x, weight, bias)) return cpu::LayerNorm(x, weight, bias, eps);
  return mx::fast::layer_norm(x, weight, bias, eps);
}

Array AddNormed(const Array& base, std::span<const NormedRows> parts, const SumSpec& spec) {
  if (cpu::ServesSum(base, parts, spec)) return cpu::AddNormed(base, parts, spec);
  std::optional<Array> sum;
  for (const NormedRows& part : parts) {
    const Array normed = RmsNorm(part.rows, part.norm.weight, part.norm.eps);
    sum = sum ? *sum + normed : normed;
  }
  if (!sum) return base;
  if (spec.norm) sum = RmsNorm(*sum, spec.norm->weight, spec.norm->eps);
  const Array y = base + *sum;
  return spec.factor ? y * ToTypeOf(*spec.factor, y) : y;
}

Array L2Norm(const Array& x, float eps) {
  if (cpu::ServesNorm(x, std::nullopt)) return cpu::L2Norm(x, eps);
  const Array wide = ToFloat32(x);
  const Array sum = mx::sum(mx::square(wide), -1, /*keepdims=*/true);
  return ToTypeOf(wide * mx::rsqrt(sum + Array(eps)), x);
}

}  // namespace ingot::ops
