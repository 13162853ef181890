// 8-bit floats to floats, times a scale a block, and floats to 8-bit floats.
#ifndef INGOT_QUANT_SIMD_CONVERT_FP8_H_
#define INGOT_QUANT_SIMD_CONVERT_FP8_H_

#include "quant/fp8.h"
#include "quant/simd/common.h"

namespace ingot::quant {

template <class V>
typename V::F FromE5M2(typename V::I codes) {
  return V::FromF16Bits(V::template ShiftLeft<8>(codes));
}

// Any x as E5M2 in the low byte of each lane, as E5M2FromF32 has it; the other bytes are not zero.
template <class V>
typename V::I ToE5M2(typename V::F x) {
  using I = typename V::I;
  const I magnitude = Magnitude<V>(x);
  // As in ToE4M3: adding 2^(e+21), e at least -14, leaves quarters of 2^e.
  const I exponent =
      V::MaxInt(V::And(magnitude, V::SetInt(0x7f800000)), V::SetInt((127 - 14) << 23));
  const I adder = V::AddInt(exponent, V::SetInt((21 << 23) + 60));
  const I quarters = V::BitsOf(V::Add(V::FloatOf(magnitude), V::FloatOf(adder)));
  I code = V::AddInt(quarters, V::template ShiftRight<21>(exponent));
  constexpr uint32_t kOverflow = 0x47700000;  // 61440, half way to what would be next
  code = V::SelectInt(V::LessInt(magnitude, V::SetInt(kOverflow)), code, V::SetInt(0x7c));
  code = V::SelectInt(V::LessInt(V::SetInt(0x7f800000), magnitude), V::SetInt(0x7f), code);
  const I sign = V::And(V::template ShiftRight<24>(V::BitsOf(x)), V::SetInt(0x80));
  return V::Or(code, sign);
}

// x rounded to kType, whatever x is: RoundLanes with NaN left alone.
template <class V, FloatType kType>
typename V::F RoundAnyLanes(typename V::F x) {
  const auto nan = V::FloatOf(V::SetInt(0x7fc00000));
  return V::Select(V::Equal(x, x), RoundLanes<V, kType>(x), nan);
}

template <class V, FloatType kType>
void DecodeFp8Lanes(Fp8 kind, typename V::I codes, typename V::F scale, std::byte* out) {
  const auto values = kind == Fp8::kE4M3 ? FromE4M3<V>(codes) : FromE5M2<V>(codes);
  V::template StoreAs<kType>(out, RoundAnyLanes<V, kType>(V::Mul(values, scale)));
}

template <class V, FloatType kType>
void DecodeFp8As(const Fp8DecodeRun& run) {
  constexpr size_t kSize = SizeOf(kType);
  const auto* codes = reinterpret_cast<const uint8_t*>(run.codes);
  for (size_t begin = 0; begin < run.count; begin += run.block) {
    const size_t end = run.count - begin < run.block ? run.count : begin + run.block;
    const auto scale = V::Set(run.scales[begin / run.block]);
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      DecodeFp8Lanes<V, kType>(run.kind, V::LoadBytes(codes + i), scale, run.out + i * kSize);
    }
    if (i == end) continue;
    uint8_t last[kLanes] = {};
    std::memcpy(last, codes + i, end - i);
    alignas(64) std::byte out[kLanes * kSize];
    DecodeFp8Lanes<V, kType>(run.kind, V::LoadBytes(last), scale, out);
    std::memcpy(run.out + i * kSize, out, (end - i) * kSize);
  }
}

template <class V, FloatType kType>
typename V::I EncodeFp8Lanes(Fp8 kind, const std::byte* source) {
  const auto x = V::template LoadAs<kType>(source);
  return kind == Fp8::kE4M3 ? ToE4M3<V>(x) : ToE5M2<V>(x);
}

template <class V, FloatType kType>
void EncodeFp8As(const Fp8EncodeRun& run) {
  constexpr size_t kSize = SizeOf(kType);
  auto* codes = reinterpret_cast<uint8_t*>(run.codes);
  size_t i = 0;
  for (; i + kLanes <= run.count; i += kLanes) {
    V::StoreBytes(codes + i, EncodeFp8Lanes<V, kType>(run.kind, run.source + i * kSize));
  }
  if (i == run.count) return;
  alignas(64) std::byte source[kLanes * kSize] = {};
  std::memcpy(source, run.source + i * kSize, (run.count - i) * kSize);
  uint8_t last[kLanes];
  V::StoreBytes(last, EncodeFp8Lanes<V, kType>(run.kind, source));
  std::memcpy(codes + i, last, run.count - i);
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_CONVERT_FP8_H_
