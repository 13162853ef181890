// The 8-bit floats, one value at a time: E4M3 (the finite kind: no infinities, NaN is 0x7f and
// 0xff), E5M2 (laid out like the upper byte of F16), and E8M0 (a power of two). Pure functions.
#ifndef INGOT_QUANT_FP8_H_
#define INGOT_QUANT_FP8_H_

#include <bit>
#include <cstdint>

#include "quant/float_types.h"

namespace ingot::quant {

enum class Fp8 : uint8_t { kE4M3, kE5M2 };

inline constexpr float kE4M3Max = 448.0f;
inline constexpr float kE2M1Max = 6.0f;

// The values of the 4-bit float E2M1 by code.
inline constexpr float kE2M1Values[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                          -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

// Nearest, ties to even; what lies beyond ±448, infinities and NaN become ±448, as MLX has it.
constexpr uint8_t E4M3FromF32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 24) & 0x80u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= std::bit_cast<uint32_t>(kE4M3Max)) return static_cast<uint8_t>(sign | 0x7eu);
  if (magnitude < std::bit_cast<uint32_t>(0x1p-6f)) {
    // Multiples of 2^-9: the spacing of floats at 2^14, so adding 2^14 rounds.
    const float shifted = std::bit_cast<float>(magnitude) + 0x1p14f;
    return static_cast<uint8_t>(
        sign | (std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0x1p14f)));
  }
  const uint32_t rounded = magnitude + 0x7ffffu + ((magnitude >> 20) & 1u);
  return static_cast<uint8_t>(sign | ((rounded - ((127u - 7u) << 23)) >> 20));
}

constexpr float F32FromE4M3(uint8_t code) {
  const uint32_t sign = uint32_t{code & 0x80u} << 24;
  const uint32_t magnitude = code & 0x7fu;
  if (magnitude == 0x7fu) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (magnitude < 8) {
    const float value = static_cast<float>(magnitude) * 0x1p-9f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  return std::bit_cast<float>(sign | ((magnitude << 20) + ((127u - 7u) << 23)));
}

// Nearest, ties to even, beyond the largest finite value (57344) infinity, as IEEE formats do.
constexpr uint8_t E5M2FromF32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 24) & 0x80u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint8_t>(sign | 0x7fu);
  if (magnitude >= std::bit_cast<uint32_t>(61440.0f)) return static_cast<uint8_t>(sign | 0x7cu);
  if (magnitude < std::bit_cast<uint32_t>(0x1p-14f)) {
    const float shifted = std::bit_cast<float>(magnitude) + 0x1p7f;  // spacing 2^-16
    return static_cast<uint8_t>(
        sign | (std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0x1p7f)));
  }
  const uint32_t rounded = magnitude + 0xfffffu + ((magnitude >> 21) & 1u);
  return static_cast<uint8_t>(sign | ((rounded - ((127u - 15u) << 23)) >> 21));
}

constexpr float F32FromE5M2(uint8_t code) { return F32FromF16(static_cast<uint16_t>(code << 8)); }

// 2^(code - 127) as `type` holds it: E8M0 reaches from 2^-127 to 2^128, F16 from 2^-24 to 2^15, and
// what a type cannot hold is the zero or infinity that it rounds to.
constexpr float F32FromE8M0(uint8_t code) {
  if (code == 0) return 0x1p-127f;
  return std::bit_cast<float>(uint32_t{code} << 23);  // 255: infinity
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_FP8_H_
