#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 takes the deliberately undefined registers of its own intrinsics for mistakes.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include "kernels/byte_products.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/form.h"
#include "quant/float_types.h"
#include "quant/fp8.h"
#include "quant/simd/layout.h"

// What follows is compiled for these instructions; what came before is not, so that no function
// shared with other files can end up using them.
#if defined(__clang__)
#pragma clang attribute push(                                                                           \
        __attribute__((target(                                                                          \
                "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx512vnni"))), \
            apply_to = function)
#else
#pragma GCC target( \
        "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx512vnni")
#endif

#include "kernels/simd/vnni_few.h"

namespace ingot::kernels::vnni {

void Arrange(const ArrangeRun& run) { ArrangePlanes(run); }

void Few(const ProductRun& run) {
  bf16::InEightsAndFewer(run, {{8, DotRows<8>}, {4, DotRows<4>}, {2, DotRows<2>}, {1, DotRows<1>}});
}

}  // namespace ingot::kernels::vnni

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
