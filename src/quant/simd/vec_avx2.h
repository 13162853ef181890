// Sixteen lanes as two AVX2 registers (with FMA and F16C). Include after the target is set; see
// vec.h for what the operations promise.
#ifndef INGOT_QUANT_SIMD_VEC_AVX2_H_
#define INGOT_QUANT_SIMD_VEC_AVX2_H_

#include "quant/simd/layout.h"
#include "quant/simd/vec.h"

namespace ingot::quant {

struct Avx2 {
  struct F {
    __m256 lo, hi;
  };
  struct I {
    __m256i lo, hi;
  };
  using M = F;  // all bits of a lane
  using W = I;

  static F Set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static I SetInt(uint32_t x) {
    const __m256i v = _mm256_set1_epi32(static_cast<int>(x));
    return {v, v};
  }
  static F Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static void Store(float* p, F x) {
    _mm256_storeu_ps(p, x.lo);
    _mm256_storeu_ps(p + 8, x.hi);
  }
  template <typename Byte>
  static __m128i Load128(const Byte* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  template <typename Byte>
  static __m256i Load256(const Byte* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  template <typename Byte>
  static void Store128(Byte* p, __m128i x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), x);
  }
  template <typename Byte>
  static void Store256(Byte* p, __m256i x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
  }

  template <FloatType kType>
  static F LoadAs(const std::byte* p) {
    if constexpr (kType == FloatType::kF32) {
      return Load(reinterpret_cast<const float*>(p));
    } else if constexpr (kType == FloatType::kF16) {
      return {_mm256_cvtph_ps(Load128(p)), _mm256_cvtph_ps(Load128(p + 16))};
    } else {
      const I wide = {_mm256_cvtepu16_epi32(Load128(p)), _mm256_cvtepu16_epi32(Load128(p + 16))};
      return FloatOf(ShiftLeft<16>(wide));
    }
  }
  // The low 16 bits of each lane; the high ones are zero.
  static __m256i Narrow(I x) {
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(x.lo, x.hi), 0xd8);
  }
  static __m128i ToHalf(__m256 x) {
    return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  template <FloatType kType>
  static void StoreAs(std::byte* p, F x) {
    if constexpr (kType == FloatType::kF32) {
      Store(reinterpret_cast<float*>(p), x);
    } else if constexpr (kType == FloatType::kF16) {
      Store128(p, ToHalf(x.lo));
      Store128(p + 16, ToHalf(x.hi));
    } else {
      Store256(p, Narrow(ShiftRight<16>(BitsOf(x))));
    }
  }
  static F ThroughF16(F x) {
    return {_mm256_cvtph_ps(ToHalf(x.lo)), _mm256_cvtph_ps(ToHalf(x.hi))};
  }
  static F FromF16Bits(I halves) {
    const __m256i all = Narrow(halves);
    return {_mm256_cvtph_ps(_mm256_castsi256_si128(all)),
            _mm256_cvtph_ps(_mm256_extracti128_si256(all, 1))};
  }

  static F LoadE4M3(const uint8_t* p) {
    // The seven bits become the upper ones of a half's exponent and mantissa; the sign, extended,
    // is there twice.
    const __m256i halves = _mm256_slli_epi16(_mm256_cvtepi8_epi16(Load128(p)), 7);
    const __m256i all = _mm256_and_si256(halves, _mm256_set1_epi16(static_cast<short>(0xbfff)));
    return {_mm256_cvtph_ps(_mm256_castsi256_si128(all)),
            _mm256_cvtph_ps(_mm256_extracti128_si256(all, 1))};
  }
  static I LoadBytes(const uint8_t* p) {
    const __m128i bytes = Load128(p);
    return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
  }
  static I LoadSigned(const uint8_t* p) {
    const __m128i bytes = Load128(p);
    return {_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))};
  }
  static void StoreBytes(uint8_t* p, I x) { StoreClamped(p, And(x, SetInt(0xff))); }
  static void StoreClamped(uint8_t* p, I x) {
    const __m256i halves = Narrow(x);
    Store128(p,
             _mm_packus_epi16(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
  }

  static F Add(F a, F b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
  static F Sub(F a, F b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
  static F Mul(F a, F b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
  static F Div(F a, F b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
  static F Min(F a, F b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
  static F Max(F a, F b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
  static F Abs(F a) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
  }
  static F SubProduct(F c, F a, F b) {
    return {_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
  }
  static F RoundEven(F a) {
    constexpr int kMode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.lo, kMode), _mm256_round_ps(a.hi, kMode)};
  }
  static __m256 Quotient(__m256 a, __m256 b, __m256 reciprocal) {
    const __m256 first = _mm256_mul_ps(a, reciprocal);
    return _mm256_fmadd_ps(_mm256_fnmadd_ps(first, b, a), reciprocal, first);
  }
  static F Quotient(F a, F b, F reciprocal) {
    return {Quotient(a.lo, b.lo, reciprocal.lo), Quotient(a.hi, b.hi, reciprocal.hi)};
  }
  static F Taint(F sum, F x) {
    const __m256 zero = _mm256_setzero_ps();
    return {_mm256_fmadd_ps(x.lo, zero, sum.lo), _mm256_fmadd_ps(x.hi, zero, sum.hi)};
  }

  static I RoundToInt(F a) { return {_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)}; }
  static I Truncate(F a) { return {_mm256_cvttps_epi32(a.lo), _mm256_cvttps_epi32(a.hi)}; }
  static F FromInt(I a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
  static I BitsOf(F a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }
  static F FloatOf(I a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
  static I AddInt(I a, I b) { return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)}; }
  static I SubInt(I a, I b) { return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)}; }
  static I MinInt(I a, I b) { return {_mm256_min_epi32(a.lo, b.lo), _mm256_min_epi32(a.hi, b.hi)}; }
  static I MaxInt(I a, I b) { return {_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)}; }
  static I And(I a, I b) { return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)}; }
  static I Or(I a, I b) { return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)}; }
  static I Xor(I a, I b) { return {_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)}; }
  template <int kBits>
  static I ShiftLeft(I a) {
    return {_mm256_slli_epi32(a.lo, kBits), _mm256_slli_epi32(a.hi, kBits)};
  }
  template <int kBits>
  static I ShiftRight(I a) {
    return {_mm256_srli_epi32(a.lo, kBits), _mm256_srli_epi32(a.hi, kBits)};
  }

  static M Less(F a, F b) {
    return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
  }
  static M Equal(F a, F b) {
    return {_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)};
  }
  static M LessInt(I a, I b) {
    return FloatOf({_mm256_cmpgt_epi32(b.lo, a.lo), _mm256_cmpgt_epi32(b.hi, a.hi)});
  }
  static M EqualInt(I a, I b) {
    return FloatOf({_mm256_cmpeq_epi32(a.lo, b.lo), _mm256_cmpeq_epi32(a.hi, b.hi)});
  }
  static F Select(M m, F yes, F no) {
    return {_mm256_blendv_ps(no.lo, yes.lo, m.lo), _mm256_blendv_ps(no.hi, yes.hi, m.hi)};
  }
  static I SelectInt(M m, I yes, I no) { return BitsOf(Select(m, FloatOf(yes), FloatOf(no))); }
  static uint32_t Mask(M m) {
    return static_cast<uint32_t>(_mm256_movemask_ps(m.lo)) |
           static_cast<uint32_t>(_mm256_movemask_ps(m.hi)) << 8;
  }

  static __m256 Lookup(F table, __m256i index) {
    // Bit 3 of the index, moved to the sign, chooses the half.
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(table.lo, index),
                            _mm256_permutevar8x32_ps(table.hi, index), upper);
  }
  static F Lookup(F table, I index) { return {Lookup(table, index.lo), Lookup(table, index.hi)}; }

  // Op over single registers, of either type.
  template <typename Op>
  static __m256 Apply(__m256 a, __m256 b) {
    return Op::template Apply<Avx2>(F{a, a}, F{b, b}).lo;
  }
  template <typename Op>
  static __m256i Apply(__m256i a, __m256i b) {
    return Op::template Apply<Avx2>(W{a, a}, W{b, b}).lo;
  }
  // Shuffles of floats, for either type.
  template <int kControl>
  static __m256 Shuffle(__m256 a, __m256 b) {
    return _mm256_shuffle_ps(a, b, kControl);
  }
  template <int kControl>
  static __m256i Shuffle(__m256i a, __m256i b) {
    return _mm256_castps_si256(Shuffle<kControl>(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)));
  }
  template <int kControl>
  static __m256 Halves(__m256 a, __m256 b) {
    return _mm256_permute2f128_ps(a, b, kControl);
  }
  template <int kControl>
  static __m256i Halves(__m256i a, __m256i b) {
    return _mm256_permute2x128_si256(a, b, kControl);
  }
  // Eight rows of a register each to one lane of 32 bits a row.
  template <typename Op, typename X>
  static X ReduceEight(const X* rows) {
    X four[4];
    for (int i = 0; i < 4; ++i) {  // halves: rows i and i + 4
      four[i] = Apply<Op>(Halves<0x20>(rows[i], rows[i + 4]), Halves<0x31>(rows[i], rows[i + 4]));
    }
    X two[2];
    for (int i = 0; i < 2; ++i) {  // in each half rows i and i + 2, two lanes each
      two[i] = Apply<Op>(Shuffle<0x44>(four[i], four[i + 2]), Shuffle<0xee>(four[i], four[i + 2]));
    }
    const X one = Apply<Op>(Shuffle<0x88>(two[0], two[1]), Shuffle<0xdd>(two[0], two[1]));
    return Shuffle<0xd8>(one, one);  // was rows 0 2 1 3 in each half
  }
  template <typename Op>
  static F ReduceTile(const F* rows) {
    __m256 halves[kLanes];
    for (size_t i = 0; i < kLanes; ++i) halves[i] = Apply<Op>(rows[i].lo, rows[i].hi);
    return {ReduceEight<Op>(halves), ReduceEight<Op>(halves + 8)};
  }

  static W LoadWide(const std::byte* p) { return {Load256(p), Load256(p + 32)}; }
  static W LoadPair(const std::byte* p, const std::byte* q) { return {Load256(p), Load256(q)}; }
  static W MinWide(W a, W b) {
    return {_mm256_min_epi16(a.lo, b.lo), _mm256_min_epi16(a.hi, b.hi)};
  }
  static W MaxWide(W a, W b) {
    return {_mm256_max_epi16(a.lo, b.lo), _mm256_max_epi16(a.hi, b.hi)};
  }
  static W MagnitudeWide(W x) { return And(x, SetInt(0x7fff7fff)); }
  static __m256i OrderedWide(__m256i x) {
    return _mm256_xor_si256(x, _mm256_srli_epi16(_mm256_srai_epi16(x, 15), 1));
  }
  static W OrderedWide(W x) { return {OrderedWide(x.lo), OrderedWide(x.hi)}; }
  template <typename Op>
  static W HalveWide(W a, W b) {
    return {Apply<Op>(a.lo, a.hi), Apply<Op>(b.lo, b.hi)};
  }
  template <typename Op>
  static I ReducePairs(const W* rows) {
    __m256i low[8];
    __m256i high[8];
    for (int i = 0; i < 8; ++i) {
      low[i] = rows[i].lo;
      high[i] = rows[i].hi;
    }
    return {ReduceEight<Op>(low), ReduceEight<Op>(high)};
  }
  static I LowInt(I x) { return HighInt(ShiftLeft<16>(x)); }
  static I HighInt(I x) { return {_mm256_srai_epi32(x.lo, 16), _mm256_srai_epi32(x.hi, 16)}; }

  template <int kBits>
  static void Pack64(const uint8_t* codes, uint8_t* out) {
    static constexpr auto kFrom = CompactBytes<kBits, 16>();
    const __m256i compact = _mm256_broadcastsi128_si256(Load128(kFrom.data()));
    constexpr int kGap = 32 - 4 * kBits;
    constexpr size_t kQuarter = size_t{2} * kBits;  // bytes
    for (int half = 0; half < 2; ++half, codes += 32, out += 2 * kQuarter) {
      // Neighbours join: two codes in 16 bits, four in 32, eight in 64, then bytes close ranks.
      const __m256i bytes = _mm256_min_epu8(Load256(codes), _mm256_set1_epi8((1 << kBits) - 1));
      const __m256i twos = _mm256_maddubs_epi16(bytes, _mm256_set1_epi16(1 | (1 << (8 + kBits))));
      const __m256i fours = _mm256_madd_epi16(twos, _mm256_set1_epi32(1 | (1 << (16 + 2 * kBits))));
      const __m256i eights =
          _mm256_srli_epi64(_mm256_sllv_epi32(fours, _mm256_set1_epi64x(kGap)), kGap);
      const __m256i packed = _mm256_shuffle_epi8(eights, compact);
      Store128(out, _mm256_castsi256_si128(packed));
      Store128(out + kQuarter, _mm256_extracti128_si256(packed, 1));
    }
  }
  template <int kBits>
  static void Unpack64(const uint8_t* in, uint8_t* codes) {
    static constexpr auto kFrom = SpreadBytes<kBits, 16>();
    const __m256i spread = _mm256_broadcastsi128_si256(Load128(kFrom.data()));
    const __m256i low_half = _mm256_set1_epi32((1 << 2 * kBits) - 1);
    const __m256i low_byte = _mm256_set1_epi16((1 << kBits) - 1);
    constexpr size_t kQuarter = size_t{2} * kBits;  // bytes
    for (int half = 0; half < 2; ++half, in += 2 * kQuarter, codes += 32) {
      const __m256i bytes = _mm256_setr_m128i(Load128(in), Load128(in + kQuarter));
      // The reverse of Pack64: eight codes in 64 bits part into fours, twos and single bytes.
      const __m256i eights = _mm256_shuffle_epi8(bytes, spread);
      const __m256i fours = _mm256_blend_epi32(
          eights, _mm256_slli_epi64(_mm256_srli_epi64(eights, 4 * kBits), 32), 0xaa);
      const __m256i twos = _mm256_or_si256(
          _mm256_and_si256(fours, low_half),
          _mm256_slli_epi32(_mm256_and_si256(_mm256_srli_epi32(fours, 2 * kBits), low_half), 16));
      const __m256i ones = _mm256_or_si256(
          _mm256_and_si256(twos, low_byte),
          _mm256_slli_epi16(_mm256_and_si256(_mm256_srli_epi16(twos, kBits), low_byte), 8));
      Store256(codes, ones);
    }
  }

  static bool AnyE4M3Nan(const uint8_t* p) {
    const __m256i magnitude = _mm256_set1_epi8(0x7f);
    const __m256i low = _mm256_cmpeq_epi8(_mm256_and_si256(Load256(p), magnitude), magnitude);
    const __m256i high = _mm256_cmpeq_epi8(_mm256_and_si256(Load256(p + 32), magnitude), magnitude);
    return _mm256_movemask_epi8(_mm256_or_si256(low, high)) != 0;
  }
  static void E2M1FromQuarters(uint8_t* p) {
    // By magnitude: below 16 from one table, the rest are 6 or 7.
    alignas(16) static constexpr std::array<uint8_t, 16> kSmall = [] {
      std::array<uint8_t, 16> table{};
      for (int q = 0; q < 16; ++q) table[static_cast<size_t>(q)] = E2M1FromQuarter(q);
      return table;
    }();
    const __m256i small = _mm256_broadcastsi128_si256(Load128(kSmall.data()));
    for (int half = 0; half < 2; ++half, p += 32) {
      const __m256i quarters = Load256(p);
      const __m256i size = _mm256_abs_epi8(quarters);
      const __m256i seven = _mm256_cmpgt_epi8(size, _mm256_set1_epi8(19));
      const __m256i large = _mm256_sub_epi8(_mm256_set1_epi8(6), seven);
      const __m256i code = _mm256_blendv_epi8(_mm256_shuffle_epi8(small, size), large,
                                              _mm256_cmpgt_epi8(size, _mm256_set1_epi8(15)));
      const __m256i negative = _mm256_and_si256(_mm256_cmpgt_epi8(_mm256_setzero_si256(), quarters),
                                                _mm256_set1_epi8(8));
      Store256(p, _mm256_or_si256(code, negative));
    }
  }

  static void StreamOut(std::byte* to, const std::byte* from, size_t bytes) {
    size_t done = std::min(bytes, (32 - (reinterpret_cast<uintptr_t>(to) & 31)) & 31);
    std::memcpy(to, from, done);
    for (; done + 32 <= bytes; done += 32) {
      _mm256_stream_si256(reinterpret_cast<__m256i*>(to + done), Load256(from + done));
    }
    std::memcpy(to + done, from + done, bytes - done);
  }
};

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_VEC_AVX2_H_
