// 8-bit floats times one scale, for weights that come with a scale a block, a row or a tensor.
#ifndef INGOT_QUANT_SIMD_DECODE_FP8_H_
#define INGOT_QUANT_SIMD_DECODE_FP8_H_

#include "quant/fp8.h"
#include "quant/simd/common.h"

namespace ingot::quant {

template <class V>
typename V::F FromE5M2(typename V::I codes) {
  return V::FromF16Bits(V::template ShiftLeft<8>(codes));
}

// x rounded to kType, whatever x is: RoundLanes with NaN left alone.
template <class V, FloatType kType>
typename V::F RoundAnyLanes(typename V::F x) {
  const auto nan = V::FloatOf(V::SetInt(0x7fc00000));
  return V::Select(V::Equal(x, x), RoundLanes<V, kType>(x), nan);
}

template <class V, FloatType kType>
void DecodeFp8As(const Fp8Run& run) {
  using F = typename V::F;
  constexpr size_t kStep = kLanes * SizeOf(kType);
  const auto* codes = reinterpret_cast<const uint8_t*>(run.codes);
  const F scale = V::Set(run.scale);
  const size_t whole = run.count / kLanes * kLanes;
  uint8_t last_codes[kLanes] = {};
  std::memcpy(last_codes, codes + whole, run.count - whole);
  alignas(64) std::byte last[kStep];
  for (size_t i = 0; i < run.count; i += kLanes) {
    const bool is_last = i == whole;
    const auto lanes = V::LoadBytes(is_last ? last_codes : codes + i);
    const F values = run.kind == Fp8::kE4M3 ? FromE4M3<V>(lanes) : FromE5M2<V>(lanes);
    const F scaled = RoundAnyLanes<V, kType>(V::Mul(values, scale));
    V::template StoreAs<kType>(is_last ? last : run.out + i * SizeOf(kType), scaled);
  }
  std::memcpy(run.out + whole * SizeOf(kType), last, (run.count - whole) * SizeOf(kType));
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_DECODE_FP8_H_
