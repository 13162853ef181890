// The largest number of each row, without operations of MLX: rows have been computed.
//
// Any thread; the rows, and pieces of long ones, are shared out among those of the pool.
#ifndef INGOT_OPS_CPU_LIKELIEST_H_
#define INGOT_OPS_CPU_LIKELIEST_H_

#include <cstddef>
#include <vector>

#include "quant/float_types.h"

namespace ingot::ops::cpu {

// `count` rows of `width` numbers, one after the other. Of each row the first place of its largest
// number; what is not a number is passed over, and a row of nothing else gives 0.
std::vector<int> LikeliestOfRows(quant::FloatType type, const std::byte* rows, size_t count,
                                 size_t width);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_LIKELIEST_H_
