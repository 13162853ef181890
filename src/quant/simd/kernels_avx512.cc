#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 takes the deliberately undefined registers of its own intrinsics for mistakes.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

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
#pragma clang attribute push(                                                                   \
        __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi"))), \
            apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")
#endif

#include "quant/simd/vec_avx512.h"
// After the vector class.
#include "quant/simd/table.h"

namespace ingot::quant {

const Kernels kAvx512Kernels = TableFor<Avx512>(core::Isa::kAvx512);

}  // namespace ingot::quant

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
