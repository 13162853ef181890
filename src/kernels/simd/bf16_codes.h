// Codes as bf16 numbers, which hold every code exactly, 64 at a time, in two registers in the order
// that OrderOf names. For AVX-512 with VBMI and BF16; include after the target is set. Each file
// that does has copies of its own.
//
// vdpbf16ps takes numbers below the smallest normal one (1.2e-38) for zero; codes have none, and no
// activation that small matters beside a larger one.
#ifndef INGOT_KERNELS_SIMD_BF16_CODES_H_
#define INGOT_KERNELS_SIMD_BF16_CODES_H_

#include <immintrin.h>

#include "kernels/form.h"
#include "kernels/simd/whole_codes.h"
#include "quant/fp8.h"

namespace ingot::kernels::bf16 {

inline Order OrderOf(const Matrix& matrix) {
  if (matrix.layout == Layout::kE4M3) return Order::kBytes64;
  return !matrix.dense() && matrix.format.bits == 4 ? Order::kSplit64 : Order::kNatural;
}

template <Order kOrder>
void PlaceBlock16(const uint16_t* from, uint16_t* to) {
  for (size_t i = 0; i < kBlock; ++i) to[PlaceOf(kOrder, i)] = from[i];
}
inline void PlaceIn(Order order, const uint16_t* from, uint16_t* to) {
  switch (order) {
    case Order::kNatural:
    case Order::kPlanes:
      return PlaceBlock16<Order::kNatural>(from, to);
    case Order::kSplit32:
      return PlaceBlock16<Order::kSplit32>(from, to);
    case Order::kSplit64:
      return PlaceBlock16<Order::kSplit64>(from, to);
    case Order::kBytes64:
      return PlaceBlock16<Order::kBytes64>(from, to);
  }
}

inline __m512 WidenBF16(const std::byte* p) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

struct Pair {
  __m512i a, b;  // 32 bf16 each
};

constexpr uint16_t BF16Bits(float exact) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(exact) >> 16);
}
constexpr float Whole(size_t code) { return static_cast<float>(code); }
constexpr float E2M1(size_t code) { return quant::kE2M1Values[code]; }

// By the low five bits of a lane, of which the fifth is no part of the code.
template <float (*kValue)(size_t)>
inline constexpr std::array<uint16_t, 32> kNibbles = [] {
  std::array<uint16_t, 32> table{};
  for (size_t i = 0; i < 32; ++i) table[i] = BF16Bits(kValue(i % 16));
  return table;
}();

template <float (*kValue)(size_t)>
struct Nibbles {
  static constexpr size_t kBytes = 32;  // of 64 codes
  // Spelled out, here and below: GCC compiles constructors that it makes itself for the plain
  // target.
  Nibbles() : table(_mm512_loadu_si512(kNibbles<kValue>.data())) {}

  Pair Load(const uint8_t* p) const {
    const __m512i lanes =
        _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return {_mm512_permutexvar_epi16(lanes, table),
            _mm512_permutexvar_epi16(_mm512_srli_epi16(lanes, 4), table)};
  }

  __m512i table;
};

// A code a byte: whole numbers up to 255.
struct Bytes {
  static constexpr size_t kBytes = 64;

  static __m512i Half(const uint8_t* p) {
    const __m512 low = _mm512_cvtepi32_ps(
        _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    const __m512 high = _mm512_cvtepi32_ps(
        _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16))));
    return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
  }
  Pair Load(const uint8_t* p) const { return {Half(p), Half(p + 32)}; }
};

// Of 2, 3, 5 or 6 bits.
template <int kBits>
struct BitCodes {
  static constexpr size_t kBytes = size_t{8} * kBits;
  Pair Load(const uint8_t* p) const {
    alignas(64) uint8_t codes[kBlock];
    _mm512_store_si512(codes, WholeCodes<kBits>(p));
    return Bytes().Load(codes);
  }
};

// The upper and the lower byte of an 8-bit float's value, by its seven bits without sign.
template <int kShift>
inline constexpr std::array<uint8_t, 128> kE4M3Bytes = [] {
  std::array<uint8_t, 128> table{};
  for (size_t i = 0; i < 128; ++i) {
    table[i] =
        static_cast<uint8_t>(BF16Bits(quant::F32FromE4M3(static_cast<uint8_t>(i))) >> kShift);
  }
  return table;
}();

struct Floats8 {
  static constexpr size_t kBytes = 64;
  Floats8()
      : high0(_mm512_loadu_si512(kE4M3Bytes<8>.data())),
        high1(_mm512_loadu_si512(kE4M3Bytes<8>.data() + 64)),
        low0(_mm512_loadu_si512(kE4M3Bytes<0>.data())),
        low1(_mm512_loadu_si512(kE4M3Bytes<0>.data() + 64)),
        sign(_mm512_set1_epi8(static_cast<char>(0x80))) {}

  Pair Load(const uint8_t* p) const {
    constexpr int kOrAnd = 0xf8;  // a | (b & c)
    const __m512i codes = _mm512_loadu_si512(p);
    const __m512i low = _mm512_permutex2var_epi8(low0, codes, low1);
    const __m512i high = _mm512_ternarylogic_epi32(_mm512_permutex2var_epi8(high0, codes, high1),
                                                   codes, sign, kOrAnd);
    return {_mm512_unpacklo_epi8(low, high), _mm512_unpackhi_epi8(low, high)};
  }

  __m512i high0, high1, low0, low1, sign;
};

// bf16 numbers themselves.
struct Numbers {
  static constexpr size_t kBytes = 128;
  Pair Load(const uint8_t* p) const { return {_mm512_loadu_si512(p), _mm512_loadu_si512(p + 64)}; }
};

inline __m512 Dot(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}

}  // namespace ingot::kernels::bf16

#endif  // INGOT_KERNELS_SIMD_BF16_CODES_H_
