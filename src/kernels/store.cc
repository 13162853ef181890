#include "kernels/store.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace ingot::kernels {
namespace {

// Without a branch, so that the loop becomes vectors.
uint16_t RoundToBF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? 0x7fc0U : rounded);
}

}  // namespace

void StoreFloats(quant::FloatType type, std::span<const float> values, std::byte* out) {
  switch (type) {
    case quant::FloatType::kF32:
      std::memcpy(out, values.data(), values.size_bytes());
      return;
    case quant::FloatType::kBF16:
      for (size_t i = 0; i < values.size(); ++i) {
        const uint16_t rounded = RoundToBF16(values[i]);
        std::memcpy(out + 2 * i, &rounded, 2);
      }
      return;
    case quant::FloatType::kF16:
      for (size_t i = 0; i < values.size(); ++i) quant::StoreFloat(type, values[i], out, i);
      return;
  }
}

void LoadFloats(quant::FloatType type, const std::byte* from, std::span<float> values) {
  switch (type) {
    case quant::FloatType::kF32:
      std::memcpy(values.data(), from, values.size_bytes());
      return;
    case quant::FloatType::kBF16:
      for (size_t i = 0; i < values.size(); ++i) {
        uint16_t bits = 0;
        std::memcpy(&bits, from + 2 * i, 2);
        values[i] = quant::F32FromBF16(bits);
      }
      return;
    case quant::FloatType::kF16:
      for (size_t i = 0; i < values.size(); ++i) values[i] = quant::LoadFloat(type, from, i);
      return;
  }
}

void AddFloats(quant::FloatType type, const std::byte* from, std::span<float> values) {
  constexpr size_t kPart = 64;
  std::array<float, kPart> part;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
  for (size_t at = 0; at < values.size(); at += kPart) {
    const size_t count = std::min(kPart, values.size() - at);
    LoadFloats(type, from + at * quant::SizeOf(type), std::span(part).first(count));
    for (size_t i = 0; i < count; ++i) values[at + i] += part[i];
  }
}

}  // namespace ingot::kernels
