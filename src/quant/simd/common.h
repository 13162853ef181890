// Steps that several kernels share, written once over the lanes of vec.h.
#ifndef INGOT_QUANT_SIMD_COMMON_H_
#define INGOT_QUANT_SIMD_COMMON_H_

#include "quant/kernels.h"
#include "quant/simd/vec.h"

namespace ingot::quant {

// The largest tile, in values: 16 groups of 128.
inline constexpr size_t kMaxTileValues = kTileGroups * 128;
// Encoders take this many values through one step after the other, so that the long chains of
// operations behind a tile's scales overlap with those of the next: one tile alone would wait for
// them. All of it stays in the first cache.
inline constexpr size_t kBlockValues = 2 * kMaxTileValues;
inline constexpr size_t kMaxBlockGroups = kBlockValues / 16;
// What Pack64 and Unpack64 may touch beyond.
inline constexpr size_t kSlack = 64;

// Consecutive groups of a run: a tile, or a block of whole tiles.
struct GroupRange {
  size_t first;
  size_t groups;
};
constexpr GroupRange RangeAt(size_t first, size_t total, size_t most) {
  return {first, total - first < most ? total - first : most};
}
// A bit for each group of a tile.
constexpr uint32_t UsedLanes(size_t groups) { return (1u << groups) - 1; }

// Asks for what an encoder that is at p reads later, a block or two ahead: between the passes over
// a block the processor sees no further by itself. Asking beyond the end of the source is harmless.
template <class V>
void PrefetchAhead(const std::byte* p) {
  constexpr size_t kAhead = size_t{16} << 10;  // bytes; a third of the first cache
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) + kAhead));
}

// Finite x rounded to kType.
template <class V, FloatType kType>
typename V::F RoundLanes(typename V::F x) {
  if constexpr (kType == FloatType::kF32) {
    return x;
  } else if constexpr (kType == FloatType::kF16) {
    return V::ThroughF16(x);
  } else {
    const auto bits = V::BitsOf(x);
    const auto odd = V::And(V::template ShiftRight<16>(bits), V::SetInt(1));
    const auto rounded = V::AddInt(V::AddInt(bits, V::SetInt(0x7fff)), odd);
    return V::FloatOf(V::And(rounded, V::SetInt(0xffff0000)));
  }
}

template <class V>
typename V::I Magnitude(typename V::F x) {
  return V::And(V::BitsOf(x), V::SetInt(0x7fffffff));
}

// Any x as E4M3 in the low byte of each lane, as E4M3FromF32 has it: infinities and NaN saturate at
// ±448 too. The other bytes are not zero.
template <class V>
typename V::I ToE4M3(typename V::F x) {
  using I = typename V::I;
  constexpr uint32_t kMost = 0x43e00000;  // 448
  const I magnitude = V::MinInt(Magnitude<V>(x), V::SetInt(kMost));
  // Adding 2^(e+20), e the exponent and at least -6, leaves a whole number of eighths of 2^e in the
  // low bits, rounded to even. The constants 56 and 1 << 3 wrap away the exponent's bias.
  const I exponent =
      V::MaxInt(V::And(magnitude, V::SetInt(0x7f800000)), V::SetInt((127 - 6) << 23));
  const I adder = V::AddInt(exponent, V::SetInt((20 << 23) + 56));
  const I eighths = V::BitsOf(V::Add(V::FloatOf(magnitude), V::FloatOf(adder)));
  const I code = V::AddInt(eighths, V::template ShiftRight<20>(exponent));
  const I sign = V::And(V::template ShiftRight<24>(V::BitsOf(x)), V::SetInt(0x80));
  return V::Or(code, sign);
}

// E4M3 codes in the low bytes (the rest zero) as floats.
template <class V>
typename V::F FromE4M3(typename V::I codes) {
  const auto magnitude = V::And(codes, V::SetInt(0x7f));
  const auto sign = V::template ShiftLeft<8>(V::And(codes, V::SetInt(0x80)));
  const auto halves = V::Or(V::template ShiftLeft<7>(magnitude), sign);
  const auto value = V::Mul(V::FromF16Bits(halves), V::Set(256.0f));
  const auto nan = V::FloatOf(V::SetInt(0x7fc00000));
  return V::Select(V::EqualInt(magnitude, V::SetInt(0x7f)), nan, value);
}

// Writes exactly the bytes of the packed codes; reads whole chunks of 64.
template <class V, int kBits>
void PackCodes(const uint8_t* codes, size_t count, uint8_t* packed) {
  constexpr size_t kChunk = size_t{8} * kBits;  // bytes that 64 codes become
  size_t left = count * kBits / 8;
  for (; left >= kSlack; left -= kChunk, codes += 64, packed += kChunk) {
    V::template Pack64<kBits>(codes, packed);
  }
  while (left > 0) {
    uint8_t last[kSlack];
    V::template Pack64<kBits>(codes, last);
    const size_t some = left < kChunk ? left : kChunk;
    std::memcpy(packed, last, some);
    left -= some;
    codes += 64;
    packed += some;
  }
}
template <class V>
void PackCodes(int bits, const uint8_t* codes, size_t count, uint8_t* packed) {
  switch (bits) {
    case 2:
      return PackCodes<V, 2>(codes, count, packed);
    case 3:
      return PackCodes<V, 3>(codes, count, packed);
    case 4:
      return PackCodes<V, 4>(codes, count, packed);
    case 5:
      return PackCodes<V, 5>(codes, count, packed);
    default:
      return PackCodes<V, 6>(codes, count, packed);
  }
}

template <class V, int kBits>
void UnpackCodes(const uint8_t* packed, size_t count, uint8_t* codes) {
  for (size_t i = 0; i < count; i += 64) {
    V::template Unpack64<kBits>(packed + i / 8 * kBits, codes + i);
  }
}
template <class V>
void UnpackCodes(int bits, const uint8_t* packed, size_t count, uint8_t* codes) {
  switch (bits) {
    case 2:
      return UnpackCodes<V, 2>(packed, count, codes);
    case 3:
      return UnpackCodes<V, 3>(packed, count, codes);
    case 4:
      return UnpackCodes<V, 4>(packed, count, codes);
    case 5:
      return UnpackCodes<V, 5>(packed, count, codes);
    default:
      return UnpackCodes<V, 6>(packed, count, codes);
  }
}

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_COMMON_H_
