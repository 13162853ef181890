#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "quant/exact_tile.h"
#include "quant/fp8.h"
#include "quant/kernels.h"
#include "quant/simd/layout.h"

// What follows is compiled for these instructions; what came before is not, so that no function
// shared with other files can end up using them.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#include "quant/simd/vec_avx2.h"
// After the vector class.
#include "quant/simd/table.h"

namespace ingot::quant {

const Kernels kAvx2Kernels = TableFor<Avx2>(core::Isa::kAvx2);

}  // namespace ingot::quant

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
