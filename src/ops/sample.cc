#include "ops/sample.h"

#include <limits>

#include "ops/cpu/choice.h"
#include "ops/cpu/likeliest.h"
#include "ops/cpu/rows.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/kernel.h"
#include "ops/gpu/sample.h"

namespace ingot::ops {

bool DrawsAtOnce() { return gpu::KernelsInUse(); }

std::vector<int> Likeliest(Array logits) {
  const auto type = cpu::FloatTypeOf(logits.dtype());
  if (!cpu::KernelsInUse() || !type) {
    Array places = mx::astype(mx::argmax(ToFloat32(logits), -1), mx::int32);
    mx::eval(places);
    return {places.data<int>(), places.data<int>() + places.size()};
  }
  mx::eval(logits);
  if (!logits.flags().row_contiguous) {
    logits = mx::contiguous(logits);
    mx::eval(logits);
  }
  return cpu::LikeliestOfRows(*type, logits.data<std::byte>(), static_cast<size_t>(logits.shape(0)),
                              static_cast<size_t>(logits.shape(1)));
}

Array Draw(const Array& logits, const DrawSpec& spec) {
  if (gpu::KernelsInUse()) return gpu::Draw(gpu::LaunchOnDevice, logits, spec);
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const int size = logits.shape(0);
  const Array wide = ToFloat32(logits);
  const Array x = mx::where(mx::isnan(wide), Array(kNever), wide);
  const Array falling = mx::negative(mx::sort(mx::negative(x)));
  Array stays = mx::full({size}, true, mx::bool_);
  if (spec.top_k > 0 && spec.top_k < size) {
    stays = mx::greater_equal(x, mx::take(falling, Array(spec.top_k - 1)));
  }
  const Array largest = mx::max(x);
  const auto weigh = [&](const Array& values, const Array& which) {
    const Array weight = mx::exp((values - largest) / Array(spec.temperature));
    return mx::where(which, weight, mx::zeros_like(weight));
  };
  if (spec.top_p < 1) {
    // The last that is needed: before it there is less than top_p.
    const Array left = spec.top_k > 0 && spec.top_k < size
                           ? mx::greater_equal(falling, mx::take(falling, Array(spec.top_k - 1)))
                           : mx::full({size}, true, mx::bool_);
    const Array weights = weigh(falling, left);
    const Array before = mx::cumsum(weights, 0) - weights;
    const Array needed = mx::less(before, mx::sum(weights) * Array(spec.top_p));
    const Array last = mx::min(mx::where(mx::logical_and(needed, left), falling, largest));
    stays = mx::logical_and(stays, mx::greater_equal(x, last));
  }
  Array weights = weigh(x, stays);
  weights =
      mx::where(mx::greater_equal(weights, Array(spec.min_p)), weights, mx::zeros_like(weights));
  const Array sums = mx::cumsum(weights, 0);
  const Array wanted = mx::take(sums, Array(size - 1)) * Array(spec.number * 0.999999F);
  const Array drawn =
      mx::argmax(mx::logical_and(mx::greater(sums, wanted), mx::greater(weights, Array(0.0F))));
  return mx::astype(drawn, mx::int32);
}

}  // namespace ingot::ops
