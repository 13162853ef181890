#include <algorithm>
#include <cstring>

#include "quant/simd/vec_portable.h"
// After the vector class.
#include "quant/simd/table.h"

namespace ingot::quant {

const Kernels kPortableKernels = TableFor<Portable>(core::Isa::kPortable);

}  // namespace ingot::quant
