// The product of many rows by tiles, over what loads, multiplies and stores tiles (Tiles) and what
// reads weights and works on sums (Codes). Both are classes of the file that includes this, which
// sets the compilation target first.
//
// 32 outputs' weights at a time are expanded to bf16, a stretch of their inputs after the other,
// and all rows pass by while those lie in the first cache: 32 outputs times 32 rows, four tiles of
// sums. What bf16 holds exactly together with its scale (plain numbers, floats of 4 and 8 bits) is
// summed over the whole stretch within the tiles. Affine codes are summed a group at a time; scales
// and zero points are applied to those sums in fp32, so weights are nowhere rounded.
//
// Tiles: a Session, which sets the tiles up while it lives; Zero<i>(), Load<i>(p), Store<i>(p), all
// of 16 rows of 64 consecutive bytes; Dot<c, a, b>(): c += a times b in pairs of bf16.
// Codes: Expand, ExpandScales, AddScaled, Write, as they are called below.
#ifndef INGOT_KERNELS_SIMD_TILE_MANY_H_
#define INGOT_KERNELS_SIMD_TILE_MANY_H_

#include <algorithm>

#include "kernels/tiles.h"

namespace ingot::kernels::tiles {

inline constexpr size_t kStep = 32;     // inputs of a tile
inline constexpr size_t kInputs = 256;  // of a stretch: whole groups of every size
inline constexpr size_t kTileBytes = 1024;

// Of 32 outputs.
struct Stretch {
  alignas(64) uint16_t numbers[kInputs / kStep][2][kTileSide][kStep];
  alignas(64) float scales[kInputs / kStep][kTileOutputs];
  alignas(64) float biases[kInputs / kStep][kTileOutputs];
};

// Of 16 rows: 32 outputs' sums for each.
struct Sums {
  alignas(64) float of[kTileOutputs][kTileSide];
};

template <class Tiles, size_t kBlocks, size_t kHalf = 0>
void ZeroSums() {
  Tiles::template Zero<2 * kHalf>();
  if constexpr (kBlocks > 1) Tiles::template Zero<2 * kHalf + 1>();
  if constexpr (kHalf == 0) ZeroSums<Tiles, kBlocks, 1>();
}
template <class Tiles, size_t kBlocks, size_t kHalf = 0>
void LoadSums(const Sums* sums) {
  Tiles::template Load<2 * kHalf>(sums[0].of[kHalf * kTileSide]);
  if constexpr (kBlocks > 1) Tiles::template Load<2 * kHalf + 1>(sums[1].of[kHalf * kTileSide]);
  if constexpr (kHalf == 0) LoadSums<Tiles, kBlocks, 1>(sums);
}
template <class Tiles, size_t kBlocks, size_t kHalf = 0>
void StoreSums(Sums* sums) {
  Tiles::template Store<2 * kHalf>(sums[0].of[kHalf * kTileSide]);
  if constexpr (kBlocks > 1) Tiles::template Store<2 * kHalf + 1>(sums[1].of[kHalf * kTileSide]);
  if constexpr (kHalf == 0) StoreSums<Tiles, kBlocks, 1>(sums);
}

// Steps [begin, end) of the stretch: tiles 0 to 3 take up the sums, 4 and 5 are weights, 6 and 7
// activations.
template <class Tiles, size_t kBlocks>
void DotSteps(const Stretch& weights, size_t begin, size_t end, const std::byte* x,
              size_t block_bytes) {
  for (size_t k = begin; k < end; ++k) {
    Tiles::template Load<4>(weights.numbers[k][0]);
    Tiles::template Load<6>(x + k * kTileBytes);
    Tiles::template Dot<0, 4, 6>();
    Tiles::template Load<5>(weights.numbers[k][1]);
    Tiles::template Dot<2, 5, 6>();
    if constexpr (kBlocks > 1) {
      Tiles::template Load<7>(x + block_bytes + k * kTileBytes);
      Tiles::template Dot<1, 4, 7>();
      Tiles::template Dot<3, 5, 7>();
    }
  }
}

// What one or two blocks of 16 rows add to their sums; x and x_sums are where the stretch begins.
struct Pass {
  size_t steps;
  size_t groups;  // 0 where there is nothing to scale
  const std::byte* x;
  size_t block_bytes;
  const float* x_sums;  // or null
  size_t block_sums;    // floats
};

// kGroups groups from `first` on, which are read and written with the sums once.
template <class Tiles, class Codes, size_t kBlocks, size_t kGroups>
void AddGroups(const Stretch& weights, const Pass& pass, size_t first, Sums* sums) {
  const size_t steps = pass.steps / pass.groups;
  Sums of[kGroups][kBlocks];
  for (size_t g = 0; g < kGroups; ++g) {
    const size_t step = (first + g) * steps;
    ZeroSums<Tiles, kBlocks>();
    DotSteps<Tiles, kBlocks>(weights, step, step + steps, pass.x, pass.block_bytes);
    StoreSums<Tiles, kBlocks>(of[g]);
  }
  Codes::template AddScaled<kGroups, kBlocks>(of, weights.scales + first, weights.biases + first,
                                              pass.x_sums + first * kTileSide, pass.block_sums,
                                              sums);
}

template <class Tiles, class Codes, size_t kBlocks>
void AddBlocks(const Stretch& weights, const Pass& pass, Sums* sums) {
  if (pass.groups == 0) {
    LoadSums<Tiles, kBlocks>(sums);
    DotSteps<Tiles, kBlocks>(weights, 0, pass.steps, pass.x, pass.block_bytes);
    StoreSums<Tiles, kBlocks>(sums);
    return;
  }
  size_t g = 0;
  for (; g + 2 <= pass.groups; g += 2) AddGroups<Tiles, Codes, kBlocks, 2>(weights, pass, g, sums);
  if (g < pass.groups) AddGroups<Tiles, Codes, kBlocks, 1>(weights, pass, g, sums);
}

template <class Tiles, class Codes>
void Many(const ProductRun& run) {
  Stretch weights;
  Sums sums[kTileMostRows / kTileSide];
  const Matrix& matrix = *run.matrix;
  const bool scaled = matrix.layout == Layout::kAffine;
  const size_t blocks = (run.rows + kTileSide - 1) / kTileSide;
  const size_t block_bytes = kTileSide * run.x_stride;
  const typename Tiles::Session session;
  for (size_t n = 0; n < run.count; n += kTileOutputs) {
    const size_t outputs = std::min(kTileOutputs, run.count - n);
    std::fill_n(&sums[0].of[0][0], blocks * kTileOutputs * kTileSide, 0.0F);
    for (size_t at = 0; at < matrix.inputs; at += kInputs) {
      const size_t count = std::min(kInputs, matrix.inputs - at);
      Codes::Expand(matrix, run.first + n, outputs, at, count, weights);
      // Affine groups are whole steps, so no step of zeros is among theirs.
      Pass pass{.steps = scaled ? count / kStep : RoundUp(count, kBlock) / kStep,
                .groups = 0,
                .x = run.x + at / kStep * kTileBytes,
                .block_bytes = block_bytes,
                .x_sums = nullptr,
                .block_sums = kTileSide * run.sums_stride};
      if (scaled) {
        Codes::ExpandScales(matrix, run.first + n, outputs, at, count, weights);
        pass.groups = count / matrix.format.group_size;
        pass.x_sums = run.sums + at / matrix.format.group_size * kTileSide;
      }
      size_t b = 0;
      for (; b + 2 <= blocks; b += 2) {
        AddBlocks<Tiles, Codes, 2>(weights, pass, sums + b);
        pass.x += 2 * block_bytes;
        if (scaled) pass.x_sums += 2 * pass.block_sums;
      }
      if (b < blocks) AddBlocks<Tiles, Codes, 1>(weights, pass, sums + b);
    }
    for (size_t b = 0; b < blocks; ++b) {
      Codes::Write(sums[b], std::min(kTileSide, run.rows - b * kTileSide), outputs,
                   run.out + b * kTileSide * run.out_stride + n, run.out_stride);
    }
  }
}

}  // namespace ingot::kernels::tiles

#endif  // INGOT_KERNELS_SIMD_TILE_MANY_H_
