// The product for many rows of bf16 activations: 32 outputs' codes at a time become bf16 numbers,
// a stretch of their inputs after the other, laid out so that a lane holds one output's pair of
// inputs; then all rows pass by while that lies in the cache. Scales are multiplied in where that
// is exact, else they and zero points are applied to the sums of each group: weights are nowhere
// rounded. Include after the target is set.
#ifndef INGOT_KERNELS_SIMD_BF16_MANY_H_
#define INGOT_KERNELS_SIMD_BF16_MANY_H_

#include "kernels/simd/bf16_codes.h"
#include "kernels/simd/bf16_few.h"
#include "kernels/simd/transpose_avx512.h"

namespace ingot::kernels::bf16 {

inline constexpr size_t kTileOutputs = 2 * kVector;
inline constexpr size_t kTileInputs = 256;  // whole groups of every size
inline constexpr size_t kTilePairs = kTileInputs / 2;
inline constexpr size_t kTileGroups = kTileInputs / 16;
inline constexpr size_t kPanelRows = 512;
inline constexpr size_t kTileRows = 12;

struct Tile {
  alignas(64) uint32_t pairs[kTilePairs][kTileOutputs];  // two bf16 each: inputs 2k and 2k + 1
  alignas(64) float scales[kTileGroups][kTileOutputs];
  alignas(64) float biases[kTileGroups][kTileOutputs];
  alignas(64) float sums[kPanelRows][kTileOutputs];
};

// Two registers of pairs in which eights of codes alternate.
inline Pair InEights(const Pair& codes, Order order) {
  if (order != Order::kSplit64) return codes;
  return {_mm512_unpacklo_epi16(codes.a, codes.b), _mm512_unpackhi_epi16(codes.a, codes.b)};
}

// Pairs of bf16 times a scale a lane, where the products are bf16 numbers again.
inline __m512i ScalePairs(__m512i pairs, __m512 scales) {
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xffff0000U));
  const __m512 second = _mm512_castsi512_ps(_mm512_and_si512(pairs, high));
  const __m512 first = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
  const __m512i a = _mm512_castps_si512(_mm512_mul_ps(first, scales));
  const __m512i b = _mm512_castps_si512(_mm512_mul_ps(second, scales));
  return _mm512_ternarylogic_epi32(high, b, _mm512_srli_epi32(a, 16), 0xca);  // high ? b : a
}

// Where a block of 64 inputs of 16 outputs goes, and the scales that it is multiplied by.
struct BlockPlace {
  uint32_t* to;
  Order order;
  const float* scales;  // of the block's first group; null: none
  size_t group_pairs;
};

// Transposes one of the two registers of 16 outputs.
template <bool kSecond>
__attribute__((always_inline)) inline void PlaceLanes(__m512i (&lanes)[kVector],
                                                      const BlockPlace& place) {
  TransposeLanes<Pair>(lanes);
  const bool eights = place.order != Order::kNatural;
#pragma GCC unroll 16
  for (size_t j = 0; j < kVector; ++j) {
    const size_t alternating = j / 4 * 8 + j % 4 + (kSecond ? 4 : 0);
    const size_t natural = j + (kSecond ? kVector : 0);
    const size_t pair = eights ? alternating : natural;
    __m512i out = lanes[j];
    if (place.scales != nullptr) {
      const float* scales = place.scales + pair / place.group_pairs * kTileOutputs;
      out = ScalePairs(out, _mm512_load_ps(scales));
    }
    _mm512_storeu_si512(place.to + pair * kTileOutputs, out);
  }
}

// A block of up to 64 inputs, which are so many bytes, of up to 16 outputs.
template <class Codes>
void ExpandBlock(const Codes& codes, const uint8_t* from, size_t row_bytes, size_t outputs,
                 size_t bytes, const BlockPlace& place) {
  __m512i a[kVector];
  __m512i b[kVector];
  const auto load = [&](size_t n, const uint8_t* row) __attribute__((always_inline)) {
    const Pair pair = InEights(codes.Load(row), place.order);
    a[n] = pair.a;
    b[n] = pair.b;
  };
  if (outputs == kVector && bytes == Codes::kBytes) {
#pragma GCC unroll 16
    for (size_t n = 0; n < kVector; ++n) load(n, from + n * row_bytes);
  } else {
    for (size_t n = 0; n < kVector; ++n) {
      uint8_t some[Codes::kBytes] = {};
      a[n] = b[n] = _mm512_setzero_si512();
      if (n >= outputs) continue;
      std::memcpy(some, from + n * row_bytes, bytes);
      load(n, some);
    }
  }
  PlaceLanes<false>(a, place);
  PlaceLanes<true>(b, place);
}

// The part of a matrix that is in the tile.
struct Stretch {
  size_t output, outputs;  // the first, and how many
  size_t at, count;        // the first input, and how many
  bool scaled;             // whether scales are multiplied in
};

template <class Codes>
void ExpandPairs(const Matrix& matrix, const Stretch& part, Tile& tile) {
  const Codes codes;
  const size_t value_bits = Codes::kBytes * 8 / kBlock;
  BlockPlace place{.to = nullptr, .order = OrderOf(matrix), .scales = nullptr, .group_pairs = 1};
  if (part.scaled) place.group_pairs = matrix.format.group_size / 2;
  for (size_t half = 0; half < kTileOutputs; half += kVector) {
    const size_t some = part.outputs > half ? std::min(kVector, part.outputs - half) : 0;
    const auto* from =
        reinterpret_cast<const uint8_t*>(matrix.row(part.output + (some > 0 ? half : 0))) +
        part.at * value_bits / 8;
    for (size_t k = 0; k < part.count; k += kBlock) {
      const size_t bytes = std::min(kBlock, part.count - k) * value_bits / 8;
      place.to = &tile.pairs[k / 2][half];
      if (part.scaled) place.scales = &tile.scales[k / matrix.format.group_size][half];
      ExpandBlock(codes, from + k * value_bits / 8, matrix.row_bytes(), some, bytes, place);
    }
  }
}

inline void ExpandInto(const Matrix& matrix, const Stretch& part, Tile& tile) {
  switch (matrix.layout) {
    case Layout::kDense:
      return ExpandPairs<Numbers>(matrix, part, tile);
    case Layout::kE2M1:
      return ExpandPairs<Nibbles<E2M1>>(matrix, part, tile);
    case Layout::kE4M3:
      return ExpandPairs<Floats8>(matrix, part, tile);
    case Layout::kAffine:
      break;
  }
  switch (matrix.format.bits) {
    case 2:
      return ExpandPairs<BitCodes<2>>(matrix, part, tile);
    case 3:
      return ExpandPairs<BitCodes<3>>(matrix, part, tile);
    case 4:
      return ExpandPairs<Nibbles<Whole>>(matrix, part, tile);
    case 5:
      return ExpandPairs<BitCodes<5>>(matrix, part, tile);
    case 6:
      return ExpandPairs<BitCodes<6>>(matrix, part, tile);
    default:
      return ExpandPairs<Bytes>(matrix, part, tile);
  }
}

inline void ExpandScales(const Matrix& matrix, const Stretch& part, Tile& tile) {
  const size_t groups = part.count / matrix.format.group_size;
  alignas(64) float row[kVector];
  for (size_t n = 0; n < kTileOutputs; ++n) {
    const size_t group = (part.output + (n < part.outputs ? n : 0)) * matrix.groups() +
                         part.at / matrix.format.group_size;
    _mm512_store_ps(row, ScalesOf(matrix, group, groups));
    for (size_t g = 0; g < groups; ++g) tile.scales[g][n] = n < part.outputs ? row[g] : 0;
    if (matrix.biases == nullptr) continue;
    const size_t bytes = quant::SizeOf(matrix.type);
    _mm512_store_ps(row, LoadSixteen(matrix.type, matrix.biases + group * bytes, groups));
    for (size_t g = 0; g < groups; ++g) tile.biases[g][n] = n < part.outputs ? row[g] : 0;
  }
}

// Whether codes times scales are bf16 numbers: 4- and 8-bit floats have up to four significant bits
// and so have the scales of nvfp4, those of the others are powers of two; products must be neither
// too large nor too small.
inline bool ScalesFold(const Matrix& matrix, const Stretch& part, const Tile& tile) {
  if (matrix.layout != Layout::kE2M1 && matrix.layout != Layout::kE4M3) return false;
  const size_t groups = part.count / matrix.format.group_size;
  const __m512 least = _mm512_set1_ps(0x1p-100F);
  const __m512 most = _mm512_set1_ps(0x1p100F);
  for (size_t g = 0; g < groups; ++g) {
    for (size_t n = 0; n < kTileOutputs; n += kVector) {
      const __m512 scale = _mm512_load_ps(tile.scales[g] + n);
      const __mmask16 fits = _mm512_cmp_ps_mask(scale, most, _CMP_LE_OQ) &
                             (_mm512_cmp_ps_mask(scale, least, _CMP_GE_OQ) |
                              _mm512_cmp_ps_mask(scale, _mm512_setzero_ps(), _CMP_EQ_OQ));
      if (fits != 0xffff) return false;
    }
  }
  return true;
}

template <size_t kRows>
using Sums = __m512[kRows][2];

// Pairs from `first` to `end` of kRows rows. What the next rows will read there is asked for
// meanwhile, as rows lie too far apart for processors to see it coming.
template <size_t kRows>
__attribute__((always_inline)) inline void DotPairs(const Tile& tile, size_t first, size_t end,
                                                    const std::byte* x, size_t x_stride,
                                                    Sums<kRows>& acc) {
  constexpr size_t kLinePairs = 16;
  // A pointer for every three rows: the others are one and two strides on, which a load's address
  // can say, so that all of them stay in registers.
  constexpr size_t kFar = 3;
  constexpr size_t kPointers = (kRows + kFar - 1) / kFar;
  const std::byte* from[kPointers];
#pragma GCC unroll 16
  for (size_t i = 0; i < kPointers; ++i) {
    from[i] = x + kFar * i * x_stride + 4 * first;
    asm("" : "+r"(from[i]));
  }
  for (size_t k = first; k < end;) {
    const size_t stop = std::min(end, (k / kLinePairs + 1) * kLinePairs);
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      __builtin_prefetch(from[r / kFar] + (kRows + r % kFar) * x_stride);
    }
    for (; k < stop; ++k) {
      const __m512i w0 = _mm512_load_si512(tile.pairs[k]);
      const __m512i w1 = _mm512_load_si512(tile.pairs[k] + kVector);
#pragma GCC unroll 16
      for (size_t r = 0; r < kRows; ++r) {
        // Not a number that is then spread out: Clang 16 ends in a fault over that.
        const __m512i value =
            _mm512_broadcastd_epi32(_mm_loadu_si32(from[r / kFar] + r % kFar * x_stride));
        acc[r][0] = Dot(acc[r][0], value, w0);
        acc[r][1] = Dot(acc[r][1], value, w1);
      }
#pragma GCC unroll 16
      for (size_t i = 0; i < kPointers; ++i) from[i] += 4;
    }
  }
}

// Adds kRows rows times the tile to sums; `groups` is 0 for plain numbers.
template <size_t kRows>
void AddRows(const Tile& tile, size_t count, size_t groups, bool biased, const std::byte* x,
             size_t x_stride, const float* x_sums, size_t sums_stride,
             float (*sums)[kTileOutputs]) {
  if (groups == 0) {
    Sums<kRows> acc;
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      acc[r][0] = _mm512_loadu_ps(sums[r]);
      acc[r][1] = _mm512_loadu_ps(sums[r] + kVector);
    }
    DotPairs<kRows>(tile, 0, (count + 1) / 2, x, x_stride, acc);
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      _mm512_storeu_ps(sums[r], acc[r][0]);
      _mm512_storeu_ps(sums[r] + kVector, acc[r][1]);
    }
    return;
  }
  const size_t pairs = count / 2 / groups;
  for (size_t g = 0; g < groups; ++g) {
    Sums<kRows> acc;
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm512_setzero_ps();
    DotPairs<kRows>(tile, g * pairs, (g + 1) * pairs, x, x_stride, acc);
    const __m512 scale0 = _mm512_load_ps(tile.scales[g]);
    const __m512 scale1 = _mm512_load_ps(tile.scales[g] + kVector);
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      acc[r][0] = _mm512_fmadd_ps(acc[r][0], scale0, _mm512_loadu_ps(sums[r]));
      acc[r][1] = _mm512_fmadd_ps(acc[r][1], scale1, _mm512_loadu_ps(sums[r] + kVector));
    }
    if (biased) {
      const __m512 bias0 = _mm512_load_ps(tile.biases[g]);
      const __m512 bias1 = _mm512_load_ps(tile.biases[g] + kVector);
#pragma GCC unroll 16
      for (size_t r = 0; r < kRows; ++r) {
        const __m512 sum = _mm512_set1_ps(x_sums[r * sums_stride + g]);
        acc[r][0] = _mm512_fmadd_ps(sum, bias0, acc[r][0]);
        acc[r][1] = _mm512_fmadd_ps(sum, bias1, acc[r][1]);
      }
    }
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      _mm512_storeu_ps(sums[r], acc[r][0]);
      _mm512_storeu_ps(sums[r] + kVector, acc[r][1]);
    }
  }
}

// What takes how many rows at once, the most first.
struct RowsAdder {
  size_t rows;
  decltype(&AddRows<1>) add;
};
inline constexpr RowsAdder kAddRows[] = {
    {kTileRows, AddRows<kTileRows>}, {8, AddRows<8>}, {4, AddRows<4>}, {1, AddRows<1>}};
// Sixteen are twice eight rather than twelve and four, which leave half of the registers empty.
inline constexpr bool TakesNow(size_t rows, size_t left) {
  return rows <= left && !(rows == kTileRows && left == 16);
}

// Asks for the codes of the next stretch of inputs, some outputs at a time between the rows that
// pass the present one: what reads them waits for memory otherwise.
class Upcoming {
 public:
  Upcoming(const Matrix& matrix, size_t output, size_t outputs, size_t at, size_t rows)
      : matrix_(matrix), output_(output), end_(output + outputs) {
    const size_t begin = matrix.row_bytes() * at / matrix.inputs;
    const size_t most = matrix.row_bytes() * kTileInputs / matrix.inputs;
    begin_ = begin;
    bytes_ = at >= matrix.inputs ? 0 : std::min(most, matrix.row_bytes() - begin);
    each_ = (outputs + rows / kTileRows) / (rows / kTileRows + 1);
  }
  void Ask() {
    for (size_t i = 0; i < each_ && output_ < end_; ++i, ++output_) {
      const std::byte* from = matrix_.row(output_) + begin_;
      for (size_t b = 0; b < bytes_; b += kLine) __builtin_prefetch(from + b, 0, 2);
    }
  }

 private:
  static constexpr size_t kLine = 64;
  const Matrix& matrix_;
  size_t output_, end_;
  size_t begin_, bytes_, each_;
};

inline void ManyPanel(const ProductRun& run) {
  Tile tile;
  const Matrix& matrix = *run.matrix;
  const bool biased = matrix.biases != nullptr;
  for (size_t n = 0; n < run.count; n += kTileOutputs) {
    const size_t outputs = std::min(kTileOutputs, run.count - n);
    // Sums that lie as the results shall are the results.
    const bool in_place = run.out_stride == kTileOutputs && outputs == kTileOutputs;
    auto* const sums = in_place ? reinterpret_cast<float(*)[kTileOutputs]>(run.out) : tile.sums;
    std::fill_n(sums[0], run.rows * kTileOutputs, 0.0F);
    for (size_t at = 0; at < matrix.inputs; at += kTileInputs) {
      const size_t count = std::min(kTileInputs, matrix.inputs - at);
      Stretch part{
          .output = run.first + n, .outputs = outputs, .at = at, .count = count, .scaled = false};
      if (!matrix.dense()) {
        ExpandScales(matrix, part, tile);
        part.scaled = ScalesFold(matrix, part, tile);
      }
      ExpandInto(matrix, part, tile);
      // Numbers, and codes that have become numbers, have no groups.
      const bool plain = matrix.dense() || part.scaled;
      const size_t groups = plain ? 0 : count / matrix.format.group_size;
      const float* x_sums = biased ? run.sums + at / matrix.format.group_size : nullptr;
      const size_t sums_stride = biased ? run.sums_stride : 0;
      const std::byte* x = run.x + 2 * at;
      Upcoming upcoming(matrix, run.first + n, outputs, at + kTileInputs, run.rows);
      size_t r = 0;
      for (const auto& [rows, add] : kAddRows) {
        for (; TakesNow(rows, run.rows - r); r += rows) {
          upcoming.Ask();
          add(tile, count, groups, biased, x + r * run.x_stride, run.x_stride,
              x_sums + r * sums_stride, sums_stride, sums + r);
        }
      }
    }
    if (in_place) continue;
    for (size_t r = 0; r < run.rows; ++r) {
      std::copy_n(tile.sums[r], outputs, run.out + r * run.out_stride + n);
    }
  }
}

inline void Many(const ProductRun& run) {
  ProductRun part = run;
  for (size_t done = 0; done < run.rows; done += part.rows) {
    part.rows = std::min(kPanelRows, run.rows - done);
    part.x = run.x + done * run.x_stride;
    part.sums = run.sums + done * run.sums_stride;
    part.out = run.out + done * run.out_stride;
    ManyPanel(part);
  }
}

}  // namespace ingot::kernels::bf16

#endif  // INGOT_KERNELS_SIMD_BF16_MANY_H_
