// e^x without a branch or a call, so that loops over it become vectors.
//
// Pure: any thread.
#ifndef INGOT_OPS_CPU_FAST_EXP_H_
#define INGOT_OPS_CPU_FAST_EXP_H_

#include <bit>
#include <cstdint>

namespace ingot::ops::cpu {

// Within 2 units in the last place between -87 and 88; 1.6e-38 below that, 1.7e38 above. NaN stays.
inline float FastExp(float x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  const float low = x < -87.0F ? -87.0F : x;
  const float bounded = low > 88.0F ? 88.0F : low;
  const float shifted = bounded * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (bounded - n * kLn2High) - n * kLn2Low;
  // Of degree 6 on ±ln(2)/2.
  float p = 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r * r + r + 1.0F;
  // The whole number lies in the low bits of `shifted`; of NaN something does, and p is NaN.
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) << 23;
  return p * std::bit_cast<float>(exponent + 0x3f800000U);
}

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_FAST_EXP_H_
