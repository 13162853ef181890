// One tile of a run, scalar by scalar: for tiles that the vector kernels' shortcuts do not cover.
#ifndef INGOT_QUANT_EXACT_TILE_H_
#define INGOT_QUANT_EXACT_TILE_H_

#include "quant/kernels.h"

namespace ingot::quant {

// Groups [first, first + count) of the run, count <= kTileGroups; first is a multiple of it.
void EncodeTileExactly(const EncodeRun& run, size_t first, size_t count);
// Encodes again the tiles of a block whose bit is set in `unusual`; the lowest is the tile that
// starts at group `first`.
void EncodeTilesExactly(const EncodeRun& run, size_t first, uint32_t unusual);
void DecodeTileExactly(const DecodeRun& run, size_t first, size_t count);

}  // namespace ingot::quant

#endif  // INGOT_QUANT_EXACT_TILE_H_
