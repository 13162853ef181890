// A stretch of a row of weights as plain numbers, for the kernels that expand before they multiply.
//
// Pure: any thread.
#ifndef INGOT_KERNELS_EXPAND_H_
#define INGOT_KERNELS_EXPAND_H_

#include "core/cpu.h"
#include "kernels/matrix.h"

namespace ingot::kernels {

// Inputs of one stretch: whole groups of every size, and 32 outputs of it fit the first cache.
inline constexpr size_t kStretch = 256;

// Inputs [at, at + count) of row `output` in fp32: scale * code + bias, each step rounded once. at
// is a multiple of kStretch, count at most that and whole groups.
void Expand(core::Isa isa, const Matrix& matrix, size_t output, size_t at, size_t count,
            float* out);

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_EXPAND_H_
