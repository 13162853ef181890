// Weights as tiles of bf16 numbers, and activations packed to meet them, by AVX-512 with VBMI and
// BF16. Include after the target is set.
//
// Affine codes are whole numbers, which bf16 holds. Floats of 4 bits have two bits of precision and
// those of 8 bits four; times a scale of four bits (nvfp4) or a power of two (mxfp4, mxfp8) they
// still are bf16 numbers, exactly, unless below 1.2e-38, where the multiplication of tiles takes
// them for zero.
#ifndef INGOT_KERNELS_SIMD_TILE_CODES_AVX512_H_
#define INGOT_KERNELS_SIMD_TILE_CODES_AVX512_H_

#include "kernels/simd/bf16_codes.h"
#include "kernels/simd/bf16_few.h"
#include "kernels/simd/tile_many.h"
#include "kernels/simd/transpose_avx512.h"

namespace ingot::kernels::tiles {

using bf16::Pair;

inline Order OrderOf(const Matrix& matrix) {
  if (matrix.layout == Layout::kE4M3) return Order::kBytes64;
  return !matrix.dense() && matrix.format.bits == 4 ? Order::kSplit32 : Order::kNatural;
}

// Which code of 64 stands where, in an order.
template <Order kOrder>
inline constexpr std::array<uint16_t, kBlock> kTakenFrom = [] {
  std::array<uint16_t, kBlock> from{};
  for (size_t i = 0; i < kBlock; ++i) from[PlaceOf(kOrder, i)] = static_cast<uint16_t>(i);
  return from;
}();
inline const uint16_t* TakenFrom(Order order) {
  if (order == Order::kBytes64) return kTakenFrom<Order::kBytes64>.data();
  return order == Order::kSplit32 ? kTakenFrom<Order::kSplit32>.data()
                                  : kTakenFrom<Order::kNatural>.data();
}

// 64 codes of 4 bits, a lane each, in order kSplit32. The rest of a lane is not zero.
inline Pair Lanes4(const uint8_t* p) {
  const __m512i bytes =
      _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  const __m512i shifts = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(4), 1);
  return {_mm512_srlv_epi16(_mm512_shuffle_i64x2(bytes, bytes, 0x44), shifts),
          _mm512_srlv_epi16(_mm512_shuffle_i64x2(bytes, bytes, 0xee), shifts)};
}

struct Dense {
  static constexpr size_t kBits = 16;
  explicit Dense(const Matrix&) {}
  Pair Load(const uint8_t* p, const float*) const { return bf16::Numbers().Load(p); }
};

struct Affine4 {
  static constexpr size_t kBits = 4;
  explicit Affine4(const Matrix&) : table(_mm512_loadu_si512(bf16::kNibbles<bf16::Whole>.data())) {}
  Pair Load(const uint8_t* p, const float*) const {
    const Pair lanes = Lanes4(p);
    return {_mm512_permutexvar_epi16(lanes.a, table), _mm512_permutexvar_epi16(lanes.b, table)};
  }
  __m512i table;
};

struct Affine8 {
  static constexpr size_t kBits = 8;
  explicit Affine8(const Matrix&) {}
  Pair Load(const uint8_t* p, const float*) const { return bf16::Bytes().Load(p); }
};

// Of 2, 3, 5 or 6 bits.
template <int kOf>
struct AffineBits {
  static constexpr size_t kBits = kOf;
  explicit AffineBits(const Matrix&) {}
  Pair Load(const uint8_t* p, const float*) const { return bf16::BitCodes<kOf>().Load(p); }
};

// scales are those of 64 codes.
struct Floats4 {
  static constexpr size_t kBits = 4;
  explicit Floats4(const Matrix& matrix)
      : values(_mm512_loadu_ps(quant::kE2M1Values)), group(matrix.format.group_size) {}
  // Of 32 codes, every scaled value: the low half for the first 16 of them, the high for the rest.
  __m512i Table(float first, float second) const {
    return reinterpret_cast<__m512i>(
        _mm512_cvtne2ps_pbh(_mm512_mul_ps(values, _mm512_set1_ps(second)),
                            _mm512_mul_ps(values, _mm512_set1_ps(first))));
  }
  Pair Load(const uint8_t* p, const float* scales) const {
    constexpr int kAndOr = 0xea;  // (a & b) | c
    const __m512i low = _mm512_set1_epi16(15);
    const __m512i half = _mm512_set_epi64(0x0010001000100010, 0x0010001000100010, 0, 0,
                                          0x0010001000100010, 0x0010001000100010, 0, 0);
    const Pair lanes = Lanes4(p);
    const size_t each = kStep / group;  // scales of 32 codes
    const __m512i a = Table(scales[0], scales[each - 1]);
    const __m512i b = Table(scales[each], scales[2 * each - 1]);
    return {_mm512_permutexvar_epi16(_mm512_ternarylogic_epi32(lanes.a, low, half, kAndOr), a),
            _mm512_permutexvar_epi16(_mm512_ternarylogic_epi32(lanes.b, low, half, kAndOr), b)};
  }
  __m512 values;
  size_t group;
};

// Each register has the first group's codes in its lower half, the second's in its upper.
struct Floats8 {
  static constexpr size_t kBits = 8;
  explicit Floats8(const Matrix&) {}
  static __m512i Scale(__m512i numbers, __m512 scales) {
    const __m512i odd = _mm512_and_si512(numbers, _mm512_set1_epi32(static_cast<int>(0xffff0000U)));
    const __m512 a = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_slli_epi32(numbers, 16)), scales);
    const __m512 b = _mm512_mul_ps(_mm512_castsi512_ps(odd), scales);
    return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(_mm512_castps_si512(a), 16),
                                   _mm512_castps_si512(b));
  }
  Pair Load(const uint8_t* p, const float* scales) const {
    const Pair numbers = codes.Load(p);
    const __m512 both =
        _mm512_mask_mov_ps(_mm512_set1_ps(scales[0]), 0xff00, _mm512_set1_ps(scales[1]));
    return {Scale(numbers.a, both), Scale(numbers.b, both)};
  }
  bf16::Floats8 codes;
};

// Inputs [at, at + count) of up to 32 outputs; zeros stand for what is not there.
template <class Codes>
void ExpandRows(const Matrix& matrix, size_t output, size_t outputs, size_t at, size_t count,
                Stretch& to) {
  constexpr size_t kBytes = kBlock * Codes::kBits / 8;
  const Codes codes(matrix);
  const bool folded = matrix.layout == Layout::kE2M1 || matrix.layout == Layout::kE4M3;
  const size_t group = folded ? matrix.format.group_size : kBlock;
  const size_t block_scales = folded ? kBlock / group : 0;
  alignas(64) float scales[kVector] = {};
  for (size_t n = 0; n < kTileOutputs; ++n) {
    const size_t half = n / kTileSide;
    const size_t row = n % kTileSide;
    const size_t of = output + (n < outputs ? n : 0);
    const auto* from = reinterpret_cast<const uint8_t*>(matrix.row(of)) + at * Codes::kBits / 8;
    if (folded) {
      _mm512_store_ps(scales,
                      bf16::ScalesOf(matrix, of * matrix.groups() + at / group, count / group));
    }
    const float* scale = scales;
    for (size_t k = 0; k < count; k += kBlock, scale += block_scales) {
      Pair numbers{_mm512_setzero_si512(), _mm512_setzero_si512()};
      const uint8_t* p = from + k * Codes::kBits / 8;
      uint8_t last[kBytes];
      if (count - k < kBlock) {
        std::fill_n(last, kBytes, uint8_t{0});
        std::memcpy(last, p, (count - k) * Codes::kBits / 8);
        p = last;
      }
      if (n < outputs) numbers = codes.Load(p, scale);
      _mm512_store_si512(to.numbers[k / kStep][half][row], numbers.a);
      _mm512_store_si512(to.numbers[k / kStep + 1][half][row], numbers.b);
    }
  }
}

struct Avx512Codes {
  static void Expand(const Matrix& matrix, size_t output, size_t outputs, size_t at, size_t count,
                     Stretch& to) {
    using Call = void (*)(const Matrix&, size_t, size_t, size_t, size_t, Stretch&);
    static constexpr Call kAffine[] = {ExpandRows<AffineBits<2>>, ExpandRows<AffineBits<3>>,
                                       ExpandRows<Affine4>,       ExpandRows<AffineBits<5>>,
                                       ExpandRows<AffineBits<6>>, nullptr,
                                       ExpandRows<Affine8>};
    switch (matrix.layout) {
      case Layout::kDense:
        return ExpandRows<Dense>(matrix, output, outputs, at, count, to);
      case Layout::kE2M1:
        return ExpandRows<Floats4>(matrix, output, outputs, at, count, to);
      case Layout::kE4M3:
        return ExpandRows<Floats8>(matrix, output, outputs, at, count, to);
      case Layout::kAffine:
        break;
    }
    kAffine[matrix.format.bits - 2](matrix, output, outputs, at, count, to);
  }

  static void ExpandScales(const Matrix& matrix, size_t output, size_t outputs, size_t at,
                           size_t count, Stretch& to) {
    const size_t groups = count / matrix.format.group_size;
    alignas(64) float scales[kVector];
    alignas(64) float biases[kVector];
    for (size_t n = 0; n < kTileOutputs; ++n) {
      const size_t group =
          (output + (n < outputs ? n : 0)) * matrix.groups() + at / matrix.format.group_size;
      const size_t offset = group * quant::SizeOf(matrix.type);
      _mm512_store_ps(scales, bf16::LoadSixteen(matrix.type, matrix.scales + offset, groups));
      _mm512_store_ps(biases, bf16::LoadSixteen(matrix.type, matrix.biases + offset, groups));
      for (size_t g = 0; g < groups; ++g) {
        to.scales[g][n] = n < outputs ? scales[g] : 0;
        to.biases[g][n] = n < outputs ? biases[g] : 0;
      }
    }
  }

  template <size_t kGroups, size_t kBlocks>
  static void AddScaled(const Sums (&groups)[kGroups][kBlocks], const float (*scales)[kTileOutputs],
                        const float (*biases)[kTileOutputs], const float* x_sums, size_t block_sums,
                        Sums* sums) {
    __m512 x[kGroups][kBlocks];
    for (size_t g = 0; g < kGroups; ++g) {
      for (size_t b = 0; b < kBlocks; ++b) {
        x[g][b] = _mm512_loadu_ps(x_sums + b * block_sums + g * kTileSide);
      }
    }
    for (size_t n = 0; n < kTileOutputs; ++n) {
      __m512 sum[kBlocks];
      for (size_t b = 0; b < kBlocks; ++b) sum[b] = _mm512_load_ps(sums[b].of[n]);
      for (size_t g = 0; g < kGroups; ++g) {
        const __m512 scale = _mm512_set1_ps(scales[g][n]);
        const __m512 bias = _mm512_set1_ps(biases[g][n]);
        for (size_t b = 0; b < kBlocks; ++b) {
          sum[b] = _mm512_fmadd_ps(_mm512_load_ps(groups[g][b].of[n]), scale, sum[b]);
          sum[b] = _mm512_fmadd_ps(x[g][b], bias, sum[b]);
        }
      }
      for (size_t b = 0; b < kBlocks; ++b) _mm512_store_ps(sums[b].of[n], sum[b]);
    }
  }

  static void Write(const Sums& sums, size_t rows, size_t outputs, float* out, size_t out_stride) {
    for (size_t half = 0; half < outputs; half += kTileSide) {
      __m512i columns[kTileSide];
      for (size_t n = 0; n < kTileSide; ++n) columns[n] = _mm512_load_si512(sums.of[half + n]);
      TransposeLanes<Avx512Codes>(columns);
      const auto some = static_cast<__mmask16>((1U << std::min(kTileSide, outputs - half)) - 1);
      for (size_t r = 0; r < rows; ++r) {
        _mm512_mask_storeu_epi32(out + r * out_stride + half, some, columns[r]);
      }
    }
  }
};

// A block of 64 inputs of each row, two tiles; and the sums of groups, which are whole steps.
inline void Pack(const PackRun& run) {
  const size_t inputs = run.matrix->inputs;
  const bool summed = run.matrix->biases != nullptr;
  const size_t group = summed ? run.matrix->format.group_size : kBlock;
  const uint16_t* from = TakenFrom(OrderOf(*run.matrix));
  const __m512i first = _mm512_loadu_si512(from);
  const __m512i second = _mm512_loadu_si512(from + kStep);
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000U));
  std::byte* out = run.out;
  __m512 even = _mm512_setzero_ps();
  __m512 odd = _mm512_setzero_ps();
  for (size_t at = 0; at < inputs; at += kBlock) {
    const size_t left = std::min(kBlock, inputs - at);
    const __mmask32 low = left >= kStep ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
    const __mmask32 high = left <= kStep    ? 0
                           : left == kBlock ? ~__mmask32{0}
                                            : (__mmask32{1} << (left - kStep)) - 1;
    __m512i tiles[2][kTileSide];
    for (size_t r = 0; r < kTileSide; ++r) {
      __m512i a = _mm512_setzero_si512();
      __m512i b = _mm512_setzero_si512();
      if (r < run.x.size()) {
        a = _mm512_maskz_loadu_epi16(low, run.x[r] + 2 * at);
        b = _mm512_maskz_loadu_epi16(high, run.x[r] + 2 * at + 2 * kStep);
      }
      tiles[0][r] = _mm512_permutex2var_epi16(a, first, b);
      tiles[1][r] = _mm512_permutex2var_epi16(a, second, b);
    }
    for (size_t t = 0; t < 2; ++t) {
      TransposeLanes<Pair>(tiles[t]);
      for (size_t k = 0; k < kTileSide; ++k, out += 64) {
        _mm512_store_si512(out, tiles[t][k]);
        if (!summed) continue;
        even = _mm512_add_ps(even, _mm512_castsi512_ps(_mm512_slli_epi32(tiles[t][k], 16)));
        odd = _mm512_add_ps(odd, _mm512_castsi512_ps(_mm512_and_si512(tiles[t][k], upper)));
      }
      const size_t end = at + (t + 1) * kStep;
      if (!summed || end % group != 0 || end > inputs) continue;
      _mm512_storeu_ps(run.sums + (end / group - 1) * kTileSide, _mm512_add_ps(even, odd));
      even = odd = _mm512_setzero_ps();
    }
  }
}

}  // namespace ingot::kernels::tiles

#endif  // INGOT_KERNELS_SIMD_TILE_CODES_AVX512_H_
