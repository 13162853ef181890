// The product with a Linear's weights on the CPU as one MLX operation on our kernels; ops/linear.h
// asks here first.
//
// One thread builds graphs; MLX evaluates on threads of its own.
#ifndef INGOT_OPS_CPU_LINEAR_H_
#define INGOT_OPS_CPU_LINEAR_H_

#include "ops/array.h"
#include "ops/linear.h"

namespace ingot::ops::cpu {

// Whether the kernels are in use and take these types.
bool Serves(const Linear& linear, const Array& x);
// x [..., in] → [..., out] in x's type, bias and global scale included: sums in fp32, rounded once.
Array Apply(const Linear& linear, const Array& x);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_LINEAR_H_
