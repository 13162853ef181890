#if defined(__aarch64__)

#include <algorithm>
#include <cstring>

#include "quant/simd/vec_neon.h"
// After the vector class.
#include "quant/simd/table.h"

namespace ingot::quant {

const Kernels kNeonKernels = TableFor<Neon>(core::Isa::kNeon);

}  // namespace ingot::quant

#endif
