// What the product's kernels need of a vector class beyond quant/simd/vec.h: a product and a sum in
// one step, fused where the machine does so. Include after the vector class.
#ifndef INGOT_KERNELS_SIMD_LANES_H_
#define INGOT_KERNELS_SIMD_LANES_H_

#include <cstring>

#include "kernels/form.h"
#include "quant/fp8.h"
#include "quant/simd/common.h"

namespace ingot::kernels {

template <class V>
using F = typename V::F;

// The lanes' sum, always in the same order: a tree.
template <class V>
float Sum(F<V> x) {
  alignas(64) float lanes[kVector];
  V::Store(lanes, x);
  for (size_t half = kVector / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

// count <= 16 numbers of `type`; zeros after them.
template <class V>
F<V> LoadFloats(FloatType type, const std::byte* p, size_t count) {
  alignas(64) std::byte padded[kVector * 4] = {};
  if (count < kVector) {
    std::memcpy(padded, p, count * quant::SizeOf(type));
    p = padded;
  }
  switch (type) {
    case FloatType::kF32:
      return V::template LoadAs<FloatType::kF32>(p);
    case FloatType::kF16:
      return V::template LoadAs<FloatType::kF16>(p);
    case FloatType::kBF16:
      break;
  }
  return V::template LoadAs<FloatType::kBF16>(p);
}

// The scales of `count` <= 16 groups from `group` (counted over the whole matrix) on.
template <class V>
F<V> LoadScales(const Matrix& matrix, size_t group, size_t count) {
  if (matrix.layout == Layout::kAffine) {
    return LoadFloats<V>(matrix.type, matrix.scales + group * quant::SizeOf(matrix.type), count);
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(matrix.scales) + group;
  uint8_t padded[kVector] = {};
  if (count < kVector) {
    std::memcpy(padded, bytes, count);
    bytes = padded;
  }
  const typename V::I codes = V::LoadBytes(bytes);
  if (matrix.format.mode == quant::Mode::kNvfp4) return quant::FromE4M3<V>(codes);
  // 2^(code - 127); the smallest is not a normal number.
  const F<V> normal = V::FloatOf(V::template ShiftLeft<23>(codes));
  return V::Select(V::EqualInt(codes, V::SetInt(0)), V::Set(0x1p-127F), normal);
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_LANES_H_
