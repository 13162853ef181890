#include "import/finite.h"

#include <cstdint>
#include <cstring>

namespace ingot::import {
namespace {

// Values whose exponent is all ones. A loop that compilers turn into vector code: no branch, and
// counters as wide as the values.
template <typename T>
uint64_t CountFullExponents(std::span<const std::byte> values, T exponent) {
  constexpr size_t kBlock = 4096;  // small enough for a counter of T
  const size_t count = values.size() / sizeof(T);
  uint64_t found = 0;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t block = count - begin < kBlock ? count - begin : kBlock;
    const std::byte* at = values.data() + begin * sizeof(T);
    T in_block = 0;
    for (size_t i = 0; i < block; ++i) {
      T value;
      std::memcpy(&value, at + i * sizeof(T), sizeof(T));
      in_block = static_cast<T>(in_block + static_cast<T>((value & exponent) == exponent));
    }
    found += in_block;
  }
  return found;
}

}  // namespace

uint64_t CountNonfinite(tensor::DType type, std::span<const std::byte> values) {
  switch (type) {
    case tensor::DType::kBF16:
      return CountFullExponents<uint16_t>(values, 0x7f80);
    case tensor::DType::kF16:
      return CountFullExponents<uint16_t>(values, 0x7c00);
    case tensor::DType::kF32:
      return CountFullExponents<uint32_t>(values, 0x7f800000);
    case tensor::DType::kF64:
      return CountFullExponents<uint64_t>(values, 0x7ff0000000000000);
    default:
      return 0;
  }
}

}  // namespace ingot::import
