// The product for many rows of bf16 activations: 32 outputs' codes at a time become bf16 numbers,
// a stretch of their inputs after the other, laid out so that a lane holds one output's pair of
// inputs; then all rows pass by while that lies in the cache. Scales and zero points are applied to
// the sums of each group, so weights are nowhere rounded. Include after the target is set.
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

// A block of 64 inputs of up to 16 outputs.
template <class Codes>
void ExpandBlock(const Codes& codes, Order order, const uint8_t* from, size_t row_bytes,
                 size_t outputs, size_t bytes, uint32_t* to) {
  __m512i a[kVector];
  __m512i b[kVector];
  for (size_t n = 0; n < kVector; ++n) {
    if (n >= outputs) {
      a[n] = b[n] = _mm512_setzero_si512();
      continue;
    }
    const uint8_t* row = from + n * row_bytes;
    uint8_t last[Codes::kBytes] = {};
    if (bytes < Codes::kBytes) {
      std::memcpy(last, row, bytes);
      row = last;
    }
    const Pair pair = InEights(codes.Load(row), order);
    a[n] = pair.a;
    b[n] = pair.b;
  }
  TransposeLanes<Pair>(a);
  TransposeLanes<Pair>(b);
  const bool eights = order != Order::kNatural;
  for (size_t j = 0; j < kVector; ++j) {
    const size_t first = eights ? j / 4 * 8 + j % 4 : j;
    const size_t second = eights ? first + 4 : kVector + j;
    _mm512_storeu_si512(to + first * kTileOutputs, a[j]);
    _mm512_storeu_si512(to + second * kTileOutputs, b[j]);
  }
}

template <class Codes>
void ExpandPairs(const Matrix& matrix, size_t output, size_t outputs, size_t at, size_t count,
                 Tile& tile) {
  const Codes codes;
  const Order order = OrderOf(matrix);
  const size_t value_bits = Codes::kBytes * 8 / kBlock;
  for (size_t half = 0; half < kTileOutputs; half += kVector) {
    const size_t some = outputs > half ? std::min(kVector, outputs - half) : 0;
    const auto* from =
        reinterpret_cast<const uint8_t*>(matrix.row(output + (some > 0 ? half : 0))) +
        at * value_bits / 8;
    for (size_t k = 0; k < count; k += kBlock) {
      const size_t bytes = std::min(kBlock, count - k) * value_bits / 8;
      ExpandBlock(codes, order, from + k * value_bits / 8, matrix.row_bytes(), some, bytes,
                  &tile.pairs[k / 2][half]);
    }
  }
}

inline void ExpandInto(const Matrix& matrix, size_t output, size_t outputs, size_t at, size_t count,
                       Tile& tile) {
  switch (matrix.layout) {
    case Layout::kDense:
      return ExpandPairs<Numbers>(matrix, output, outputs, at, count, tile);
    case Layout::kE2M1:
      return ExpandPairs<Nibbles<E2M1>>(matrix, output, outputs, at, count, tile);
    case Layout::kE4M3:
      return ExpandPairs<Floats8>(matrix, output, outputs, at, count, tile);
    case Layout::kAffine:
      break;
  }
  switch (matrix.format.bits) {
    case 2:
      return ExpandPairs<BitCodes<2>>(matrix, output, outputs, at, count, tile);
    case 3:
      return ExpandPairs<BitCodes<3>>(matrix, output, outputs, at, count, tile);
    case 4:
      return ExpandPairs<Nibbles<Whole>>(matrix, output, outputs, at, count, tile);
    case 5:
      return ExpandPairs<BitCodes<5>>(matrix, output, outputs, at, count, tile);
    case 6:
      return ExpandPairs<BitCodes<6>>(matrix, output, outputs, at, count, tile);
    default:
      return ExpandPairs<Bytes>(matrix, output, outputs, at, count, tile);
  }
}

inline void ExpandScales(const Matrix& matrix, size_t output, size_t outputs, size_t at,
                         size_t count, Tile& tile) {
  const size_t groups = count / matrix.format.group_size;
  alignas(64) float row[kVector];
  for (size_t n = 0; n < kTileOutputs; ++n) {
    const size_t group =
        (output + (n < outputs ? n : 0)) * matrix.groups() + at / matrix.format.group_size;
    _mm512_store_ps(row, ScalesOf(matrix, group, groups));
    for (size_t g = 0; g < groups; ++g) tile.scales[g][n] = n < outputs ? row[g] : 0;
    if (matrix.biases == nullptr) continue;
    const size_t bytes = quant::SizeOf(matrix.type);
    _mm512_store_ps(row, LoadSixteen(matrix.type, matrix.biases + group * bytes, groups));
    for (size_t g = 0; g < groups; ++g) tile.biases[g][n] = n < outputs ? row[g] : 0;
  }
}

template <size_t kRows>
using Sums = __m512[kRows][2];

template <size_t kRows>
__attribute__((always_inline)) inline void DotPairs(const Tile& tile, size_t first, size_t end,
                                                    const std::byte* x, size_t x_stride,
                                                    Sums<kRows>& acc) {
  for (size_t k = first; k < end; ++k) {
    const __m512i w0 = _mm512_load_si512(tile.pairs[k]);
    const __m512i w1 = _mm512_load_si512(tile.pairs[k] + kVector);
    for (size_t r = 0; r < kRows; ++r) {
      // Not a number that is then spread out: Clang 16 ends in a fault over that.
      const __m512i value = _mm512_broadcastd_epi32(_mm_loadu_si32(x + r * x_stride + 4 * k));
      acc[r][0] = Dot(acc[r][0], value, w0);
      acc[r][1] = Dot(acc[r][1], value, w1);
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
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t v = 0; v < 2; ++v) acc[r][v] = _mm512_load_ps(sums[r] + v * kVector);
    }
    DotPairs<kRows>(tile, 0, (count + 1) / 2, x, x_stride, acc);
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t v = 0; v < 2; ++v) _mm512_store_ps(sums[r] + v * kVector, acc[r][v]);
    }
    return;
  }
  const size_t pairs = count / 2 / groups;
  for (size_t g = 0; g < groups; ++g) {
    Sums<kRows> acc;
    for (size_t r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm512_setzero_ps();
    DotPairs<kRows>(tile, g * pairs, (g + 1) * pairs, x, x_stride, acc);
    for (size_t v = 0; v < 2; ++v) {
      const __m512 scale = _mm512_load_ps(tile.scales[g] + v * kVector);
      for (size_t r = 0; r < kRows; ++r) {
        float* at = sums[r] + v * kVector;
        __m512 sum = _mm512_fmadd_ps(acc[r][v], scale, _mm512_load_ps(at));
        if (biased) {
          sum = _mm512_fmadd_ps(_mm512_set1_ps(x_sums[r * sums_stride + g]),
                                _mm512_load_ps(tile.biases[g] + v * kVector), sum);
        }
        _mm512_store_ps(at, sum);
      }
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

inline void ManyPanel(const ProductRun& run) {
  Tile tile;
  const Matrix& matrix = *run.matrix;
  const bool biased = matrix.biases != nullptr;
  for (size_t n = 0; n < run.count; n += kTileOutputs) {
    const size_t outputs = std::min(kTileOutputs, run.count - n);
    std::fill_n(tile.sums[0], run.rows * kTileOutputs, 0.0F);
    for (size_t at = 0; at < matrix.inputs; at += kTileInputs) {
      const size_t count = std::min(kTileInputs, matrix.inputs - at);
      const size_t groups = matrix.dense() ? 0 : count / matrix.format.group_size;
      ExpandInto(matrix, run.first + n, outputs, at, count, tile);
      if (groups > 0) ExpandScales(matrix, run.first + n, outputs, at, count, tile);
      const float* x_sums = biased ? run.sums + at / matrix.format.group_size : nullptr;
      const size_t sums_stride = biased ? run.sums_stride : 0;
      const std::byte* x = run.x + 2 * at;
      size_t r = 0;
      for (const auto& [rows, add] : kAddRows) {
        for (; r + rows <= run.rows; r += rows) {
          add(tile, count, groups, biased, x + r * run.x_stride, run.x_stride,
              x_sums + r * sums_stride, sums_stride, tile.sums + r);
        }
      }
    }
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
