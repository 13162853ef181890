// Rows of a table of embeddings, decoded where they are asked for; ops/linear.h asks here first.
//
// One thread builds graphs; MLX evaluates on threads of its own.
#ifndef INGOT_OPS_CPU_TABLE_H_
#define INGOT_OPS_CPU_TABLE_H_

#include "ops/array.h"
#include "ops/linear.h"

namespace ingot::ops::cpu {

bool ServesRows(const Linear& table, const Array& ids, mx::Dtype type);
// ids [...] int32 → [..., in] in `type`, rounded once. A row that is not there is NaN.
Array Rows(const Linear& table, const Array& ids, mx::Dtype type);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_TABLE_H_
