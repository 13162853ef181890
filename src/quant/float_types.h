// The float types that weights come in, and exact conversions between them: round to nearest, ties
// to even, as MLX converts on a CPU. Pure functions.
#ifndef INGOT_QUANT_FLOAT_TYPES_H_
#define INGOT_QUANT_FLOAT_TYPES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ingot::quant {

enum class FloatType : uint8_t { kF32, kF16, kBF16 };

constexpr size_t SizeOf(FloatType type) { return type == FloatType::kF32 ? 4 : 2; }
// As safetensors spells it: "F32", "F16", "BF16".
constexpr std::string_view NameOf(FloatType type) {
  return type == FloatType::kF32 ? "F32" : type == FloatType::kF16 ? "F16" : "BF16";
}

// What an x86 processor returns for an invalid operation such as 0/0; where MLX stores such a NaN,
// we store these bits on every machine.
inline constexpr uint32_t kDefaultNanBits = 0xffc00000u;

constexpr float F32FromBF16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

constexpr uint16_t BF16FromF32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;  // every NaN becomes this one
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

constexpr float F32FromF16(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16;
  const uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // infinity and NaN: the payload moves up
    return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  }
  if (magnitude < 0x0400u) {  // a multiple of 2^-24
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + ((127u - 15u) << 23)));
}

constexpr uint16_t F16FromF32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7d00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65520 and above
  if (magnitude < 0x38800000u) {  // below 2^-14: the float adder rounds to a multiple of 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - ((127u - 15u) << 23)) >> 13));
}

// value as it comes back after being stored as `type`.
constexpr float RoundTo(FloatType type, float value) {
  switch (type) {
    case FloatType::kF32:
      return value;
    case FloatType::kF16:
      return F32FromF16(F16FromF32(value));
    case FloatType::kBF16:
      return F32FromBF16(BF16FromF32(value));
  }
  return value;
}

// Element `index` of an array of `type` at data, which need not be aligned.
inline float LoadFloat(FloatType type, const std::byte* data, size_t index) {
  if (type == FloatType::kF32) {
    float value = 0;
    std::memcpy(&value, data + 4 * index, 4);
    return value;
  }
  uint16_t bits = 0;
  std::memcpy(&bits, data + 2 * index, 2);
  return type == FloatType::kF16 ? F32FromF16(bits) : F32FromBF16(bits);
}

inline void StoreFloat(FloatType type, float value, std::byte* data, size_t index) {
  if (type == FloatType::kF32) {
    std::memcpy(data + 4 * index, &value, 4);
    return;
  }
  const uint16_t bits = type == FloatType::kF16 ? F16FromF32(value) : BF16FromF32(value);
  std::memcpy(data + 2 * index, &bits, 2);
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_FLOAT_TYPES_H_
