#include "ops/norm.h"

namespace ingot::ops {

Array RmsNorm(const Array& x, const std::optional<Array>& weight, float eps) {
  if (!weight || weight->dtype() == x.dtype()) return mx::fast::rms_norm(x, weight, eps);
  return ToTypeOf(mx::fast::rms_norm(ToFloat32(x), ToFloat32(*weight), eps), x);
}

Array L2Norm(const Array& x, float eps) {
  const Array wide = ToFloat32(x);
  const Array sum = mx::sum(mx::square(wide), -1, /*keepdims=*/true);
  return ToTypeOf(wide * mx::rsqrt(sum + Array(eps)), x);
}

}  // namespace ingot::ops
