#include "quant/exact_group.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "quant/fp8.h"

namespace ingot::quant {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float DefaultNan() { return std::bit_cast<float>(kDefaultNanBits); }

// a / b with the NaN that x86 makes of 0/0 and inf/inf, on every machine. A NaN operand keeps its
// sign.
float Divide(float a, float b) {
  if ((a == 0 && b == 0) || (std::isinf(a) && std::isinf(b))) return DefaultNan();
  return a / b;
}

float Subtract(float a, float b) { return std::isinf(a) && a == b ? DefaultNan() : a - b; }

// The largest magnitude; NaN when there is one.
float MaxMagnitude(std::span<const float> values) {
  float largest = 0;
  for (float value : values) {
    if (std::isnan(value)) return std::numeric_limits<float>::quiet_NaN();
    largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

// The first of the sixteen E2M1 values that is closest, the distances rounded to `type`: a value
// half way between two goes to the smaller magnitude, and one too large for the distances to differ
// (or infinite, or NaN) to zero.
uint8_t NearestE2M1(FloatType type, float value) {
  uint8_t nearest = 0;
  float least = std::fabs(RoundTo(type, value - kE2M1Values[0]));
  for (uint8_t code = 1; code < 16; ++code) {
    const float distance = std::fabs(RoundTo(type, value - kE2M1Values[code]));
    if (distance < least) {
      least = distance;
      nearest = code;
    }
  }
  return nearest;
}

// An E8M0 scale as MLX finds it, and the power of two that it divides by.
struct PowerScale {
  uint8_t code = 0;
  float divisor = 1;
};

PowerScale PowerScaleFor(FloatType type, std::span<const float> values, float largest_code) {
  const float scale = RoundTo(type, MaxMagnitude(values) / largest_code);
  if (!std::isfinite(scale)) {
    // The exponent becomes the smallest 32-bit integer, its power of two zero; what is left of it
    // in the scale's byte depends on how the type rounds.
    return {.code = static_cast<uint8_t>(type == FloatType::kF32 ? 128 : 0), .divisor = 0};
  }
  if (scale == 0) return {.code = 127, .divisor = 1};
  int exponent = 0;
  const float fraction = std::frexp(scale, &exponent);  // scale = fraction * 2^exponent, [0.5, 1)
  if (fraction == 0.5f) exponent -= 1;                  // the smallest power of two >= scale
  // Exponents below -127 wrap round in the byte, as MLX's conversion does.
  return {.code = static_cast<uint8_t>(exponent + 127), .divisor = std::ldexp(1.0f, exponent)};
}

}  // namespace

AffineParameters ExactAffineGroup(std::span<const float> values, int bits, uint8_t* codes) {
  constexpr float kLeastScale = 1e-7f;
  const float top = static_cast<float>((1 << bits) - 1);
  float low = kInfinity;
  float high = -kInfinity;
  for (float value : values) {  // NaN compares false and is passed over
    high = high < value ? value : high;
    low = value < low ? value : low;
  }
  const bool low_is_edge = std::fabs(low) > std::fabs(high);
  float scale = Subtract(high, low) / top;
  scale = scale < kLeastScale ? kLeastScale : scale;
  scale = low_is_edge ? scale : -scale;
  const float edge = low_is_edge ? low : high;
  float bias = 0;
  // The edge of the larger magnitude is made a whole number of steps from zero, so that zero is a
  // value of the grid and the edge comes back exactly.
  const float steps = std::nearbyint(Divide(edge, scale));
  if (steps != 0) {
    scale = Divide(edge, steps);
    bias = edge;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    float code = std::nearbyint((values[i] - bias) / scale);
    code = code < 0 ? 0 : code;
    code = top < code ? top : code;
    codes[i] = std::isnan(code) ? 0 : static_cast<uint8_t>(code);
  }
  return {scale, bias};
}

uint8_t ExactMxfp4Group(FloatType type, std::span<const float> values, uint8_t* codes) {
  const PowerScale scale = PowerScaleFor(type, values, kE2M1Max);
  for (size_t i = 0; i < values.size(); ++i) {
    codes[i] = NearestE2M1(type, RoundTo(type, Divide(values[i], scale.divisor)));
  }
  return scale.code;
}

uint8_t ExactMxfp8Group(FloatType type, std::span<const float> values, uint8_t* codes) {
  const PowerScale scale = PowerScaleFor(type, values, kE4M3Max);
  for (size_t i = 0; i < values.size(); ++i) {
    codes[i] = E4M3FromF32(RoundTo(type, Divide(values[i], scale.divisor)));
  }
  return scale.code;
}

uint8_t ExactNvfp4Group(FloatType type, std::span<const float> values, const float* encode_scale,
                        uint8_t* codes) {
  const float factor = encode_scale == nullptr ? 1.0f : *encode_scale;
  const float largest = RoundTo(type, MaxMagnitude(values) / kE2M1Max);
  const uint8_t scale_code = E4M3FromF32(largest * factor);
  const float scale = F32FromE4M3(scale_code);
  for (size_t i = 0; i < values.size(); ++i) {
    codes[i] = NearestE2M1(FloatType::kF32, RoundTo(type, values[i] / scale) * factor);
  }
  return scale_code;
}

}  // namespace ingot::quant
