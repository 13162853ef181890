// The product for many rows, over the lanes of a vector class: 16 or 32 outputs at a time are
// expanded to fp32, a stretch of their inputs after the other, and laid out so that a vector holds
// one input's weights of 16 outputs; then all rows pass by while that lies in the cache.
//
// A weight here is what it stands for in fp32: scale * code + bias, each step rounded once.
#ifndef INGOT_KERNELS_SIMD_MANY_H_
#define INGOT_KERNELS_SIMD_MANY_H_

#include <algorithm>

#include "kernels/expand.h"
#include "kernels/simd/lanes.h"

namespace ingot::kernels {

// kVectors * 16 outputs from `output` on, transposed: tile[k][n]. Outputs beyond the last are 0.
template <class V, size_t kVectors>
void ExpandTile(core::Isa isa, const Matrix& matrix, size_t output, size_t outputs, size_t at,
                size_t count, float* tile) {
  constexpr size_t kOutputs = kVectors * kVector;
  alignas(64) float rows[kVector][kStretch];
  for (size_t block = 0; block < kOutputs; block += kVector) {
    for (size_t n = 0; n < kVector; ++n) {
      if (block + n < outputs) {
        Expand(isa, matrix, output + block + n, at, count, rows[n]);
      } else {
        std::fill_n(rows[n], count, 0.0F);
      }
    }
    size_t k = 0;
    if constexpr (requires(float* p) { V::Transpose(p, size_t{1}, p, size_t{1}); }) {
      for (; k + kVector <= count; k += kVector) {
        V::Transpose(&rows[0][k], kStretch, tile + k * kOutputs + block, kOutputs);
      }
    }
    for (; k < count; ++k) {
      for (size_t n = 0; n < kVector; ++n) tile[k * kOutputs + block + n] = rows[n][k];
    }
  }
}

// kRows rows times a tile of `count` inputs, added to sums[row][kVectors * 16].
template <class V, size_t kVectors, size_t kRows>
void AddTile(const float* tile, size_t count, const std::byte* x, size_t x_stride, float* sums) {
  constexpr size_t kOutputs = kVectors * kVector;
  const float* rows[kRows];
  F<V> acc[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    rows[r] = reinterpret_cast<const float*>(x + r * x_stride);
    for (size_t v = 0; v < kVectors; ++v) acc[r][v] = V::Load(sums + r * kOutputs + v * kVector);
  }
  for (size_t k = 0; k < count; ++k) {
    F<V> w[kVectors];
    for (size_t v = 0; v < kVectors; ++v) w[v] = V::Load(tile + k * kOutputs + v * kVector);
    for (size_t r = 0; r < kRows; ++r) {
      const F<V> value = V::Set(rows[r][k]);
      for (size_t v = 0; v < kVectors; ++v) acc[r][v] = V::MulAdd(value, w[v], acc[r][v]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) V::Store(sums + r * kOutputs + v * kVector, acc[r][v]);
  }
}

// Rows of activations that pass by while sums of one tile are kept.
inline constexpr size_t kPanel = 128;

template <class V, size_t kVectors, size_t kRows>
void ManyPanel(core::Isa isa, const ProductRun& run) {
  constexpr size_t kOutputs = kVectors * kVector;
  alignas(64) float tile[kStretch * kOutputs];
  alignas(64) float sums[kPanel * kOutputs];
  const Matrix& matrix = *run.matrix;
  for (size_t n = 0; n < run.count; n += kOutputs) {
    const size_t outputs = std::min(kOutputs, run.count - n);
    std::fill_n(sums, run.rows * kOutputs, 0.0F);
    for (size_t at = 0; at < matrix.inputs; at += kStretch) {
      const size_t count = std::min(kStretch, matrix.inputs - at);
      ExpandTile<V, kVectors>(isa, matrix, run.first + n, outputs, at, count, tile);
      const std::byte* x = run.x + at * sizeof(float);
      size_t r = 0;
      const auto add = [&]<size_t kSome>() {
        for (; r + kSome <= run.rows; r += kSome) {
          AddTile<V, kVectors, kSome>(tile, count, x + r * run.x_stride, run.x_stride,
                                      sums + r * kOutputs);
        }
      };
      add.template operator()<kRows>();
      if constexpr (kRows > 4) add.template operator()<4>();
      add.template operator()<1>();
    }
    for (size_t r = 0; r < run.rows; ++r) {
      std::copy_n(sums + r * kOutputs, outputs, run.out + r * run.out_stride + n);
    }
  }
}

template <class V, size_t kVectors, size_t kRows>
void Many(core::Isa isa, const ProductRun& run) {
  ProductRun part = run;
  for (size_t done = 0; done < run.rows; done += part.rows) {
    part.rows = std::min(kPanel, run.rows - done);
    part.x = run.x + done * run.x_stride;
    part.out = run.out + done * run.out_stride;
    ManyPanel<V, kVectors, kRows>(isa, part);
  }
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_MANY_H_
