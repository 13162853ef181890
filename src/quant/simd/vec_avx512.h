// Sixteen lanes on AVX-512 (F, BW, DQ, VL, VBMI). Include after the target is set; see vec.h for
// what the operations promise.
#ifndef INGOT_QUANT_SIMD_VEC_AVX512_H_
#define INGOT_QUANT_SIMD_VEC_AVX512_H_

#include "quant/simd/layout.h"
#include "quant/simd/vec.h"

namespace ingot::quant {

struct Avx512 {
  using F = __m512;
  using I = __m512i;
  using M = __mmask16;
  using W = __m512i;

  static F Set(float x) { return _mm512_set1_ps(x); }
  static I SetInt(uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static __m256i Load16(const std::byte* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void Store16(std::byte* p, __m256i x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
  }

  template <FloatType kType>
  static F LoadAs(const std::byte* p) {
    if constexpr (kType == FloatType::kF32) {
      return _mm512_loadu_ps(p);
    } else if constexpr (kType == FloatType::kF16) {
      return _mm512_cvtph_ps(Load16(p));
    } else {
      return FloatOf(ShiftLeft<16>(_mm512_cvtepu16_epi32(Load16(p))));
    }
  }
  template <FloatType kType>
  static void StoreAs(std::byte* p, F x) {
    if constexpr (kType == FloatType::kF32) {
      _mm512_storeu_ps(p, x);
    } else if constexpr (kType == FloatType::kF16) {
      Store16(p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    } else {
      Store16(p, _mm512_cvtepi32_epi16(ShiftRight<16>(BitsOf(x))));
    }
  }
  // Both at once: the upper halves of 32 lanes close ranks in one step.
  static void StorePairBF16(std::byte* p, F x, F y) {
    static constexpr auto kUpper = [] {
      std::array<uint16_t, 32> from{};
      for (size_t i = 0; i < 32; ++i) from[i] = static_cast<uint16_t>(2 * i + 1);
      return from;
    }();
    const I upper = _mm512_loadu_si512(kUpper.data());
    _mm512_storeu_si512(p, _mm512_permutex2var_epi16(BitsOf(x), upper, BitsOf(y)));
  }
  static F ThroughF16(F x) {
    return _mm512_cvtph_ps(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static F FromF16Bits(I halves) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(halves)); }

  static F LoadE4M3(const uint8_t* p) {
    // The seven bits become the upper ones of a half's exponent and mantissa; the sign, extended,
    // is there twice.
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m256i halves = _mm256_slli_epi16(_mm256_cvtepi8_epi16(bytes), 7);
    const __m256i once = _mm256_set1_epi16(static_cast<short>(0xbfff));
    return _mm512_cvtph_ps(_mm256_and_si256(halves, once));
  }
  static I LoadBytes(const uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static I LoadSigned(const uint8_t* p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void StoreBytes(uint8_t* p, I x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
  }

  static void StoreClamped(uint8_t* p, I x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtusepi32_epi8(x));
  }

  static F Add(F a, F b) { return _mm512_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm512_div_ps(a, b); }
  static F Min(F a, F b) { return _mm512_min_ps(a, b); }
  static F Max(F a, F b) { return _mm512_max_ps(a, b); }
  static F Abs(F a) { return _mm512_abs_ps(a); }
  static F SubProduct(F c, F a, F b) { return _mm512_fnmadd_ps(a, b, c); }
  static F RoundEven(F a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static F Quotient(F a, F b, F reciprocal) {
    const F first = _mm512_mul_ps(a, reciprocal);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(first, b, a), reciprocal, first);
  }
  static F Taint(F sum, F x) { return _mm512_fmadd_ps(x, _mm512_setzero_ps(), sum); }

  static I RoundToInt(F a) { return _mm512_cvtps_epi32(a); }
  static I Truncate(F a) { return _mm512_cvttps_epi32(a); }
  static F FromInt(I a) { return _mm512_cvtepi32_ps(a); }
  static I BitsOf(F a) { return _mm512_castps_si512(a); }
  static F FloatOf(I a) { return _mm512_castsi512_ps(a); }
  static I AddInt(I a, I b) { return _mm512_add_epi32(a, b); }
  static I SubInt(I a, I b) { return _mm512_sub_epi32(a, b); }
  static I MinInt(I a, I b) { return _mm512_min_epi32(a, b); }
  static I MaxInt(I a, I b) { return _mm512_max_epi32(a, b); }
  static I And(I a, I b) { return _mm512_and_si512(a, b); }
  static I Or(I a, I b) { return _mm512_or_si512(a, b); }
  static I Xor(I a, I b) { return _mm512_xor_si512(a, b); }
  template <int kBits>
  static I ShiftLeft(I a) {
    return _mm512_slli_epi32(a, kBits);
  }
  template <int kBits>
  static I ShiftRight(I a) {
    return _mm512_srli_epi32(a, kBits);
  }

  static M Less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static M Equal(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
  static M LessInt(I a, I b) { return _mm512_cmplt_epi32_mask(a, b); }
  static M EqualInt(I a, I b) { return _mm512_cmpeq_epi32_mask(a, b); }
  static F Select(M m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
  static I SelectInt(M m, I yes, I no) { return _mm512_mask_blend_epi32(m, no, yes); }
  static uint32_t Mask(M m) { return m; }

  static F Lookup(F table, I index) { return _mm512_permutexvar_ps(index, table); }

  // Shuffles of floats, for either type.
  template <int kControl>
  static F Shuffle(F a, F b) {
    return _mm512_shuffle_ps(a, b, kControl);
  }
  template <int kControl>
  static I Shuffle(I a, I b) {
    return BitsOf(Shuffle<kControl>(FloatOf(a), FloatOf(b)));
  }
  template <int kControl>
  static F Quarters(F a, F b) {
    return _mm512_shuffle_f32x4(a, b, kControl);
  }
  template <int kControl>
  static I Quarters(I a, I b) {
    return _mm512_shuffle_i32x4(a, b, kControl);
  }
  static F Order(I order, F x) { return _mm512_permutexvar_ps(order, x); }
  static I Order(I order, I x) { return _mm512_permutexvar_epi32(order, x); }
  // The 256-bit halves of a, then of b.
  template <typename Op, typename X>
  static X Halve(X a, X b) {
    return Op::template Apply<Avx512>(Quarters<0x44>(a, b), Quarters<0xee>(a, b));
  }
  // Eight registers of two rows each, i and i + 8, to one lane of 32 bits a row.
  template <typename Op, typename X>
  static X ReduceHalves(const X* rows) {
    X four[4];
    for (int i = 0; i < 4; ++i) {  // blocks of 128 bits: rows i, i + 8, i + 4, i + 12
      four[i] = Op::template Apply<Avx512>(Quarters<0x88>(rows[i], rows[i + 4]),
                                           Quarters<0xdd>(rows[i], rows[i + 4]));
    }
    X two[2];
    for (int i = 0; i < 2; ++i) {
      two[i] = Op::template Apply<Avx512>(Shuffle<0x44>(four[i], four[i + 2]),
                                          Shuffle<0xee>(four[i], four[i + 2]));
    }
    const X one =
        Op::template Apply<Avx512>(Shuffle<0x88>(two[0], two[1]), Shuffle<0xdd>(two[0], two[1]));
    // Lanes now belong to rows 0 2 1 3 | 8 10 9 11 | 4 6 5 7 | 12 14 13 15.
    return Order(_mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15), one);
  }
  template <typename Op>
  static F ReduceTile(const F* rows) {
    F halves[8];
    for (int i = 0; i < 8; ++i) halves[i] = Halve<Op>(rows[i], rows[i + 8]);
    return ReduceHalves<Op>(halves);
  }

  static W LoadWide(const std::byte* p) { return _mm512_loadu_si512(p); }
  static W LoadPair(const std::byte* p, const std::byte* q) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(Load16(p)), Load16(q), 1);
  }
  static W MinWide(W a, W b) { return _mm512_min_epi16(a, b); }
  static W MaxWide(W a, W b) { return _mm512_max_epi16(a, b); }
  static W MagnitudeWide(W x) { return _mm512_and_si512(x, _mm512_set1_epi16(0x7fff)); }
  static W OrderedWide(W x) {
    constexpr int kXorWithAnd = 0x78;  // x ^ (sign & mask)
    return _mm512_ternarylogic_epi32(x, _mm512_srai_epi16(x, 15), _mm512_set1_epi16(0x7fff),
                                     kXorWithAnd);
  }
  template <typename Op>
  static W HalveWide(W a, W b) {
    return Halve<Op>(a, b);
  }
  template <typename Op>
  static I ReducePairs(const W* rows) {
    return ReduceHalves<Op>(rows);
  }
  static I LowInt(I x) { return _mm512_srai_epi32(_mm512_slli_epi32(x, 16), 16); }
  static I HighInt(I x) { return _mm512_srai_epi32(x, 16); }

  // The first 16, 24, 40 or 48 bytes. Storing all 64, again and again, would be slower.
  template <size_t kBytes>
  static void StoreFirst(uint8_t* out, I x) {
    const auto at = [&](size_t offset) { return reinterpret_cast<__m128i*>(out + offset); };
    _mm_storeu_si128(at(0), _mm512_castsi512_si128(x));
    if constexpr (kBytes == 24) _mm_storel_epi64(at(16), _mm512_extracti32x4_epi32(x, 1));
    if constexpr (kBytes > 24) _mm_storeu_si128(at(16), _mm512_extracti32x4_epi32(x, 1));
    if constexpr (kBytes == 40) _mm_storel_epi64(at(32), _mm512_extracti32x4_epi32(x, 2));
    if constexpr (kBytes == 48) _mm_storeu_si128(at(32), _mm512_extracti32x4_epi32(x, 2));
  }
  template <int kBits>
  static void Pack64(const uint8_t* codes, uint8_t* out) {
    const I bytes = _mm512_min_epu8(_mm512_loadu_si512(codes), _mm512_set1_epi8((1 << kBits) - 1));
    // Neighbours join: two codes in 16 bits, four in 32, eight in 64, then the bytes close ranks.
    const I twos = _mm512_maddubs_epi16(bytes, _mm512_set1_epi16(1 | (1 << (8 + kBits))));
    if constexpr (kBits == 4) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi16_epi8(twos));
      return;
    }
    const I fours = _mm512_madd_epi16(twos, _mm512_set1_epi32(1 | (1 << (16 + 2 * kBits))));
    constexpr int kGap = 32 - 4 * kBits;
    const I eights = _mm512_srli_epi64(_mm512_sllv_epi32(fours, _mm512_set1_epi64(kGap)), kGap);
    static constexpr auto kFrom = CompactBytes<kBits, 64>();
    StoreFirst<8 * kBits>(out, _mm512_permutexvar_epi8(_mm512_loadu_si512(kFrom.data()), eights));
  }
  template <int kBits>
  static void Unpack64(const uint8_t* in, uint8_t* codes) {
    static constexpr auto kFrom = SpreadBytes<kBits, 64>();
    const I spread =
        _mm512_permutexvar_epi8(_mm512_loadu_si512(kFrom.data()), _mm512_loadu_si512(in));
    constexpr uint64_t kShifts = 0x0706050403020100ull * kBits;
    const I shifted =
        _mm512_multishift_epi64_epi8(_mm512_set1_epi64(static_cast<int64_t>(kShifts)), spread);
    _mm512_storeu_si512(codes, _mm512_and_si512(shifted, _mm512_set1_epi8((1 << kBits) - 1)));
  }

  static bool AnyE4M3Nan(const uint8_t* p) {
    const I magnitude = _mm512_set1_epi8(0x7f);
    return _mm512_cmpeq_epi8_mask(_mm512_and_si512(_mm512_loadu_si512(p), magnitude), magnitude) !=
           0;
  }
  static void E2M1FromQuarters(uint8_t* p) {
    const I quarters =
        _mm512_max_epi8(_mm512_min_epi8(_mm512_loadu_si512(p), _mm512_set1_epi8(kMaxQuarters)),
                        _mm512_set1_epi8(-kMaxQuarters));
    const I table = _mm512_loadu_si512(kE2M1ByQuarters.data());
    _mm512_storeu_si512(p, _mm512_permutexvar_epi8(quarters, table));
  }

  static void StreamOut(std::byte* to, const std::byte* from, size_t bytes) {
    size_t done = std::min(bytes, (64 - (reinterpret_cast<uintptr_t>(to) & 63)) & 63);
    std::memcpy(to, from, done);
    for (; done + 64 <= bytes; done += 64) {
      _mm512_stream_si512(reinterpret_cast<I*>(to + done), _mm512_loadu_si512(from + done));
    }
    std::memcpy(to + done, from + done, bytes - done);
  }
};

}  // namespace ingot::quant

#endif  // INGOT_QUANT_SIMD_VEC_AVX512_H_
