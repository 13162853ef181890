// Products of many rows on processors that multiply tiles: 16 rows of 64 bytes at a time (AMX). Not
// a Form of its own: rows that are few are left to the best of those.
//
// Weights stay in their order, 16 outputs a tile; rows of activations are packed for it, 16 rows at
// a time, once for all weights that they meet: of each 32 inputs, as OrderOf has them, 16 pairs,
// each of all 16 rows.
//
// Kernels are pure: any thread. Which form there is, is found out once.
#ifndef INGOT_KERNELS_TILES_H_
#define INGOT_KERNELS_TILES_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "core/cpu.h"
#include "core/status.h"
#include "kernels/form.h"
#include "kernels/matrix.h"

namespace ingot::kernels {

inline constexpr size_t kTileSide = 16;       // rows that are packed together
inline constexpr size_t kTileOutputs = 32;    // that weights are expanded for at once
inline constexpr size_t kTileMostRows = 512;  // of one call

// Up to kTileSide rows of bf16 numbers; those that are not there are zeros.
struct PackRun {
  const Matrix* matrix;
  std::span<const std::byte* const> x;
  std::byte* out;  // kTileSide * PackedBytes, aligned to 64
  float* sums;     // kTileSide a group, where there are zero points
};
// Of one row.
inline size_t PackedBytes(const Matrix& matrix) { return 2 * RoundUp(matrix.inputs, kBlock); }
inline size_t PackedSums(const Matrix& matrix) {
  return matrix.biases == nullptr ? 0 : matrix.groups();
}

struct TileForm {
  std::string_view name;
  bool (*serves)(const Matrix& matrix);
  void (*pack)(const PackRun& run);
  // x and sums are packed ones, from a multiple of kTileSide on, and their strides what a row has
  // on average; up to kTileMostRows rows.
  void (*many)(const ProductRun& run);
};

// How many rows meet the weights while those are expanded: as many as the second cache keeps.
size_t TileRows(const Matrix& matrix);

// Whether the form gives what sums of plain numbers give, by a small product of each kind of
// matrix, or which it gets wrong.
core::Status CheckTiles(const TileForm& form);

// Whether it passes that check; if not, that is logged.
bool IsTrusted(const TileForm& form);

// The form for this matrix and activations of `type`, or null. It is checked at the first call on a
// processor that has tiles, and not used there if it errs.
const TileForm* TilesFor(core::Isa isa, const Matrix& matrix, FloatType type);

#if defined(__x86_64__)
extern const TileForm kAmxTiles;
#endif

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_TILES_H_
