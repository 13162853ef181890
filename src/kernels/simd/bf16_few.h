// The product for few rows of bf16 activations with bf16 weights and with 8-bit floats, by dot
// products of bf16 pairs, which add in fp32: weights and activations are both exact in bf16, so
// nothing is rounded but sums. Scales are applied to the sums of groups. Include after the target
// is set.
#ifndef INGOT_KERNELS_SIMD_BF16_FEW_H_
#define INGOT_KERNELS_SIMD_BF16_FEW_H_

#include "kernels/simd/bf16_codes.h"

namespace ingot::kernels::bf16 {

// Each half of the result is that of one of them added to its other half.
inline __m512 AddHalves(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
}

// The sums of four vectors' lanes, each in the first lane of its quarter. Halves are added to
// halves until one number is left, as _mm512_reduce_add_ps does.
inline __m512 SumsOfFour(const __m512* v) {
  const __m512 a = AddHalves(v[0], v[1]);
  const __m512 b = AddHalves(v[2], v[3]);
  __m512 sums = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  sums = _mm512_add_ps(sums, _mm512_shuffle_ps(sums, sums, 0x4e));
  return _mm512_add_ps(sums, _mm512_shuffle_ps(sums, sums, 0xb1));
}

// The sums of kCount vectors' lanes, `stride` floats apart.
template <size_t kCount>
__attribute__((always_inline)) inline void StoreSums(const __m512 (&v)[kCount], float* out,
                                                     size_t stride) {
  if constexpr (kCount % 4 == 0) {
    for (size_t i = 0; i < kCount; i += 4) {
      const __m512 sums = SumsOfFour(v + i);
      const auto store = [&](size_t r, __m128 sum) __attribute__((always_inline)) {
        _mm_store_ss(out + (i + r) * stride, sum);
      };
      store(0, _mm512_castps512_ps128(sums));
      store(1, _mm512_extractf32x4_ps(sums, 1));
      store(2, _mm512_extractf32x4_ps(sums, 2));
      store(3, _mm512_extractf32x4_ps(sums, 3));
    }
  } else {
    for (size_t i = 0; i < kCount; ++i) out[i * stride] = _mm512_reduce_add_ps(v[i]);
  }
}

// How far ahead the weights of a row are asked for. Rows are read kOuts at a time, side by side:
// where a row's end is near, what comes next is the beginning of the one kOuts further on. With
// kRows of activations to compute with, a processor looks less far ahead itself, and more is on the
// way than the nearest cache should hold.
template <size_t kRows>
class Ahead {
 public:
  Ahead(size_t row_bytes, size_t outs)
      : row_bytes_(row_bytes), skipped_((outs - 1) * row_bytes), at_(kBytes) {
    Wrap();
  }
  __attribute__((always_inline)) static void Ask(const void* weights) {
    __builtin_prefetch(weights, 0, kNear ? 3 : 2);
  }
  // From where the next `bytes` of each row are, to what is to be asked for.
  __attribute__((always_inline)) size_t Next(size_t bytes) {
    const size_t distance = distance_;
    at_ += bytes;
    Wrap();
    return distance;
  }

 private:
  static constexpr bool kNear = kRows < 4;
  static constexpr size_t kBytes = kNear ? 1024 : 8192;

  void Wrap() {
    while (at_ >= row_bytes_) {
      at_ -= row_bytes_;
      distance_ += skipped_;
    }
  }
  size_t row_bytes_;
  size_t skipped_;
  size_t at_;  // in its row
  size_t distance_ = kBytes;
};

// The first `count` <= 16 of a vector's lanes.
inline __mmask16 First(size_t count) { return static_cast<__mmask16>((1U << count) - 1); }

// count <= 16 numbers of `type`; zeros after them. Loads of fewer bytes by a mask cost some
// processors a fifth of a whole row's time: only ends are loaded so.
inline __m512 LoadSixteen(FloatType type, const std::byte* p, size_t count) {
  if (count == kVector) {
    if (type == FloatType::kF32) return _mm512_loadu_ps(p);
    if (type == FloatType::kBF16) return WidenBF16(p);
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  if (type == FloatType::kF32) return _mm512_maskz_loadu_ps(First(count), p);
  const __m256i halves = _mm256_maskz_loadu_epi16(First(count), p);
  if (type == FloatType::kF16) return _mm512_cvtph_ps(halves);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// The scales of `count` <= 16 groups from `group` (counted over the whole matrix) on.
inline __m512 ScalesOf(const Matrix& matrix, size_t group, size_t count) {
  if (matrix.layout == Layout::kAffine) {
    return LoadSixteen(matrix.type, matrix.scales + group * quant::SizeOf(matrix.type), count);
  }
  const std::byte* bytes = matrix.scales + group;
  const __m512i codes = _mm512_cvtepu8_epi32(
      count == kVector ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes))
                       : _mm_maskz_loadu_epi8(First(count), bytes));
  if (matrix.format.mode != quant::Mode::kNvfp4) {
    // 2^(code - 127); the smallest is not a normal number.
    const __m512 normal = _mm512_castsi512_ps(_mm512_slli_epi32(codes, 23));
    const __mmask16 least = _mm512_cmpeq_epi32_mask(codes, _mm512_setzero_si512());
    return _mm512_mask_mov_ps(normal, least, _mm512_set1_ps(0x1p-127F));
  }
  const Floats8 table;
  const __m512i low = _mm512_permutex2var_epi8(table.low0, codes, table.low1);
  const __m512i high = _mm512_permutex2var_epi8(table.high0, codes, table.high1);
  const __m512i sign = _mm512_slli_epi32(_mm512_srli_epi32(codes, 7), 31);
  return _mm512_castsi512_ps(_mm512_or_si512(
      sign, _mm512_or_si512(_mm512_slli_epi32(high, 24), _mm512_slli_epi32(low, 16))));
}

// 8-bit floats come in groups of 32, so each register of a block of 64 has the first group's codes
// in its lower half, the second's in its upper.
inline constexpr size_t kFloats8Group = 32;

// The 16 scales of a batch of groups, as a block of 64 codes wants them.
class BlockScales {
 public:
  void Set(__m512 scales) {
    scales_ = scales;
    halves_ = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(1), 1);
  }
  // sum holds, lane by lane, what belongs to these groups; `block` counts within the batch.
  __m512 Add(__m512 total, __m512i a, __m512i b, __m512i xa, __m512i xb, size_t block) const {
    const __m512 sum = Dot(Dot(_mm512_setzero_ps(), a, xa), b, xb);
    const __m512i from = _mm512_add_epi32(halves_, _mm512_set1_epi32(static_cast<int>(2 * block)));
    return _mm512_fmadd_ps(sum, _mm512_permutexvar_ps(from, scales_), total);
  }

 private:
  __m512 scales_;
  __m512i halves_;
};

// kOuts rows of weights at once: they share what is read of the activations, and no sum waits for
// the one before it.
template <size_t kRows, size_t kOuts>
void DotFloats8(const ProductRun& run, size_t first) {
  using Codes = Floats8;
  constexpr size_t kGroup = kFloats8Group;
  const Matrix& matrix = *run.matrix;
  constexpr size_t kBatch = kVector * kGroup;  // values of 16 groups
  const size_t groups = matrix.inputs / kGroup;
  const Codes codes;
  Ahead<kRows> ahead(matrix.row_bytes(), kOuts);
  __m512 totals[kOuts][kRows];
  for (size_t o = 0; o < kOuts; ++o) {
    for (size_t r = 0; r < kRows; ++r) totals[o][r] = _mm512_setzero_ps();
  }
  for (size_t g = 0; g < groups; g += kVector) {
    const size_t count = std::min(kVector, groups - g);
    BlockScales scales[kOuts];
    const uint8_t* rows[kOuts];
    for (size_t o = 0; o < kOuts; ++o) {
      const size_t n = first + o;
      rows[o] =
          reinterpret_cast<const uint8_t*>(matrix.row(n)) + g * kGroup / kBlock * Codes::kBytes;
      scales[o].Set(ScalesOf(matrix, n * groups + g, count));
    }
    const std::byte* x = run.x + g * kGroup * 2;
    const size_t values = std::min(kBatch, matrix.inputs - g * kGroup);
    const size_t whole = values / kBlock;
    for (size_t b = 0; b < whole; ++b, x += 2 * kBlock) {
      const size_t distance = ahead.Next(Codes::kBytes);
      for (size_t o = 0; o < kOuts; ++o) {
        const uint8_t* from = rows[o] + b * Codes::kBytes;
        ahead.Ask(from + distance);
        const Pair w = codes.Load(from);
        for (size_t r = 0; r < kRows; ++r) {
          const std::byte* at = x + r * run.x_stride;
          totals[o][r] = scales[o].Add(totals[o][r], w.a, w.b, _mm512_loadu_si512(at),
                                       _mm512_loadu_si512(at + kBlock), b);
        }
      }
    }
    if (const size_t left = values % kBlock; left > 0) {
      for (size_t o = 0; o < kOuts; ++o) {
        uint8_t last[Codes::kBytes] = {};
        std::memcpy(last, rows[o] + whole * Codes::kBytes, left * Codes::kBytes / kBlock);
        const Pair w = codes.Load(last);
        for (size_t r = 0; r < kRows; ++r) {
          const std::byte* at = x + r * run.x_stride;
          totals[o][r] = scales[o].Add(totals[o][r], w.a, w.b, _mm512_loadu_si512(at),
                                       _mm512_loadu_si512(at + kBlock), whole);
        }
      }
    }
  }
  for (size_t o = 0; o < kOuts; ++o) {
    StoreSums(totals[o], run.out + first + o - run.first, run.out_stride);
  }
}

template <size_t kRows, size_t kOuts>
void DotNumbers(const ProductRun& run, size_t first) {
  const Matrix& matrix = *run.matrix;
  __m512 even[kOuts][kRows];
  __m512 odd[kOuts][kRows];
  for (auto& row : even) std::fill_n(row, kRows, _mm512_setzero_ps());
  for (auto& row : odd) std::fill_n(row, kRows, _mm512_setzero_ps());
  const auto add = [&](const std::byte* w, size_t k, size_t o) __attribute__((always_inline)) {
    const Pair pair = Numbers().Load(reinterpret_cast<const uint8_t*>(w));
    for (size_t r = 0; r < kRows; ++r) {
      const std::byte* x = run.x + r * run.x_stride + 2 * k;
      even[o][r] = Dot(even[o][r], pair.a, _mm512_loadu_si512(x));
      odd[o][r] = Dot(odd[o][r], pair.b, _mm512_loadu_si512(x + 64));
    }
  };
  const size_t whole = matrix.inputs / kBlock * kBlock;
  const std::byte* rows[kOuts];
  for (size_t o = 0; o < kOuts; ++o) rows[o] = matrix.row(first + o);
  Ahead<kRows> ahead(matrix.row_bytes(), kOuts);
  for (size_t k = 0; k < whole; k += kBlock) {
    const size_t distance = ahead.Next(2 * kBlock);
    for (size_t o = 0; o < kOuts; ++o) {
      if constexpr (kRows > 1) {
        ahead.Ask(rows[o] + 2 * k + distance);
        ahead.Ask(rows[o] + 2 * k + distance + 64);
      }
      add(rows[o] + 2 * k, k, o);
    }
  }
  if (whole < matrix.inputs) {
    for (size_t o = 0; o < kOuts; ++o) {
      std::byte last[2 * kBlock] = {};
      std::memcpy(last, rows[o] + 2 * whole, 2 * (matrix.inputs - whole));
      add(last, whole, o);
    }
  }
  for (size_t o = 0; o < kOuts; ++o) {
    for (size_t r = 0; r < kRows; ++r) even[o][r] = _mm512_add_ps(even[o][r], odd[o][r]);
    StoreSums(even[o], run.out + first + o - run.first, run.out_stride);
  }
}

// Other codes are multiplied as bytes: vnni_few.h.
template <size_t kRows, size_t kOuts>
void DotOutputs(const ProductRun& run, size_t first) {
  if (!run.matrix->dense()) return DotFloats8<kRows, kOuts>(run, first);
  if constexpr (kRows > 1) return DotNumbers<kRows, kOuts>(run, first);
  // Nothing but memory is waited for, which is fastest in one stream that processors see coming:
  // asking for it, or four rows side by side, costs a tenth.
  for (size_t o = 0; o < kOuts; ++o) DotNumbers<1, 1>(run, first + o);
}

template <size_t kRows>
void DotAll(const ProductRun& run) {
  constexpr size_t kOuts = kRows < 4 ? 4 / kRows : kRows == 4 ? 2 : 1;
  size_t n = 0;
  for (; n + kOuts <= run.count; n += kOuts) DotOutputs<kRows, kOuts>(run, run.first + n);
  for (; n < run.count; ++n) DotOutputs<kRows, 1>(run, run.first + n);
}

// So many bytes of activations stay in the cache next to the processor while weights pass by.
inline constexpr size_t kNear = size_t{32} << 10;

struct ByRows {
  size_t rows;
  void (*call)(const ProductRun&);
};

// Any number of rows by a table of what takes eight, four, two and one.
inline void InEightsAndFewer(const ProductRun& run, const ByRows (&table)[4]) {
  ProductRun part = run;
  size_t done = 0;
  for (const ByRows& by : table) {
    if (by.rows == 8 && by.rows * run.x_stride > kNear) continue;
    for (; run.rows - done >= by.rows; done += by.rows) {
      part.rows = by.rows;
      part.x = run.x + done * run.x_stride;
      part.sums = run.sums + done * run.sums_stride;
      part.out = run.out + done * run.out_stride;
      by.call(part);
    }
  }
}

inline void Few(const ProductRun& run) {
  InEightsAndFewer(run, {{8, DotAll<8>}, {4, DotAll<4>}, {2, DotAll<2>}, {1, DotAll<1>}});
}

}  // namespace ingot::kernels::bf16

#endif  // INGOT_KERNELS_SIMD_BF16_FEW_H_
