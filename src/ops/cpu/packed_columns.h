// ops/packed_columns.h on the CPU's kernels.
//
// One thread builds graphs.
#ifndef INGOT_OPS_CPU_PACKED_COLUMNS_H_
#define INGOT_OPS_CPU_PACKED_COLUMNS_H_

#include "ops/array.h"

namespace ingot::ops::cpu {

bool ServesPacking(const Array& columns);
bool ServesUnpacking(const Array& packed, mx::Dtype type);
Array PackColumns(const Array& columns);
Array UnpackColumns(const Array& packed, int count, mx::Dtype type);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_PACKED_COLUMNS_H_
