// Columns of keys and values in 8 bits, as kernels/pack.h lays them out: arrays of int8 whose last
// axis is a packed column. Caches keep them, cut them and copy them like any others; attention
// reads them as they lie.
//
// One thread builds graphs.
#ifndef INGOT_OPS_PACKED_COLUMNS_H_
#define INGOT_OPS_PACKED_COLUMNS_H_

#include <cstdint>
#include <optional>

#include "core/status.h"
#include "ops/array.h"
#include "ops/gpu/choice.h"

namespace ingot::ops {

// How a cache keeps its columns.
enum class ColumnForm : uint8_t { kComputed, kPacked };  // in the activations' type, or in 8 bits

// For activations of `type`: as computed, which `cache` may say by name, or packed for int8. An
// error for anything else, and for int8 on a GPU.
core::Result<ColumnForm> ColumnsFor(std::optional<mx::Dtype> cache, mx::Dtype type,
                                    gpu::BackEnd back_end = gpu::BackEndInUse());

inline bool IsPacked(const Array& columns) { return columns.dtype() == mx::int8; }
// Bytes of a packed column of `width` numbers, and the other way round.
int PackedWidth(int width);
int WidthOfPacked(const Array& packed);

// [.., D] → [.., PackedWidth(D)].
Array PackColumns(const Array& columns);
// The first `count` numbers of each column, in that type.
Array UnpackColumns(const Array& packed, int count, mx::Dtype type);

}  // namespace ingot::ops

#endif  // INGOT_OPS_PACKED_COLUMNS_H_
