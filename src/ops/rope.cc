#include "ops/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "ops/cpu/rowwise.h"

namespace ingot::ops {

std::vector<float> PlainWavelengths(int dims, float base) {
  std::vector<float> wavelengths(static_cast<size_t>(dims) / 2);
  for (size_t i = 0; i < wavelengths.size(); ++i) {
    wavelengths[i] = static_cast<float>(
        std::pow(static_cast<double>(base), 2.0 * static_cast<double>(i) / dims));
  }
  return wavelengths;
}

std::vector<float> Llama3Wavelengths(int dims, float base, const Llama3Scaling& scaling) {
  std::vector<float> wavelengths = PlainWavelengths(dims, base);
  const double low = scaling.original_context / scaling.low_frequency_factor;
  const double high = scaling.original_context / scaling.high_frequency_factor;
  for (float& wavelength : wavelengths) {
    const double length = 2 * std::numbers::pi * wavelength;  // positions in one full turn
    if (length < high) continue;
    if (length > low) {
      wavelength *= scaling.factor;
      continue;
    }
    const double smooth = (scaling.original_context / length - scaling.low_frequency_factor) /
                          (scaling.high_frequency_factor - scaling.low_frequency_factor);
    wavelength = static_cast<float>(wavelength / ((1 - smooth) / scaling.factor + smooth));
  }
  return wavelengths;
}

std::vector<float> YarnWavelengths(int dims, float base, const YarnScaling& scaling) {
  std::vector<float> wavelengths = PlainWavelengths(dims, base);
  // The dimension that makes `turns` full turns over the original context.
  const auto dimension_of = [&](double turns) {
    return dims * std::log(scaling.original_context / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(static_cast<double>(base)));
  };
  double low = dimension_of(scaling.beta_fast);
  double high = dimension_of(scaling.beta_slow);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(dims - 1));
  if (low == high) high += 0.001;  // a ramp of no width would divide by zero
  for (size_t i = 0; i < wavelengths.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const double plain = wavelengths[i];
    const double stretched = plain * scaling.factor;
    wavelengths[i] =
        static_cast<float>(stretched * plain / (stretched * (1 - ramp) + plain * ramp));
  }
  return wavelengths;
}

float YarnMagnitude(float factor, float multiplier) {
  return factor <= 1 ? 1.0F : 0.1F * multiplier * std::log(factor) + 1.0F;
}

Array WavelengthArray(std::span<const float> wavelengths) {
  return Array(wavelengths.data(), {static_cast<int>(wavelengths.size())}, mx::float32);
}

Array Rope(const Array& x, const RopeSpec& spec, int offset) {
  if (cpu::ServesRope(x, spec)) return cpu::Rope(x, spec, offset);
  const std::optional<float> base =
      spec.wavelengths ? std::nullopt : std::optional<float>(spec.base);
  if (spec.magnitude == 1) {
    return mx::fast::rope(x, spec.dims, spec.interleaved, base, spec.scale, offset,
                          spec.wavelengths);
  }
  const int width = x.shape(-1);
  const Array turning = LastSlice(x, 0, spec.dims) * Scalar(spec.magnitude, x);
  Array turned = mx::fast::rope(turning, spec.dims, spec.interleaved, base, spec.scale, offset,
                                spec.wavelengths);
  if (spec.dims == width) return turned;
  return mx::concatenate({turned, LastSlice(x, spec.dims, width)}, -1);
}

Array Grow(const Array& q, const QueryGrowth& growth, int offset) {
  if (growth.beta == 0) return q;
  const int steps = q.shape(2);
  const Array positions = mx::arange(offset, offset + steps, 1, mx::float32);
  const Array contexts = mx::floor(positions / Array(growth.context));
  const Array factor = Array(growth.beta) * mx::log1p(contexts) + Array(1.0F);
  return q * ToTypeOf(mx::reshape(factor, {steps, 1}), q);
}

}  // namespace ingot::ops
