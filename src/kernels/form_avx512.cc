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
#include <cmath>
#include <cstring>

#include "kernels/expand.h"
#include "kernels/form.h"
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
#include "kernels/simd/form_table.h"
#include "kernels/simd/transpose_avx512.h"

namespace ingot::kernels {
namespace {

struct Avx512Lanes : quant::Avx512 {
  static constexpr core::Isa kIsa = core::Isa::kAvx512;
  static constexpr size_t kTileRows = 12;
  static constexpr size_t kTileVectors = 2;
  static constexpr size_t kManyFrom = 24;
  static F MulAdd(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  // 16 rows of 16 floats, from_stride apart, become columns.
  static void Transpose(const float* from, size_t from_stride, float* to, size_t to_stride) {
    __m512i rows[16];
    for (size_t i = 0; i < 16; ++i) rows[i] = _mm512_loadu_si512(from + i * from_stride);
    TransposeLanes<Avx512Lanes>(rows);
    for (size_t i = 0; i < 16; ++i) _mm512_storeu_si512(to + i * to_stride, rows[i]);
  }
};

}  // namespace

const Form kAvx512Form = FormOf<Avx512Lanes>::Table("avx512");

}  // namespace ingot::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
