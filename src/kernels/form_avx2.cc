#if defined(__x86_64__)

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
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#include "quant/simd/vec_avx2.h"
// After the vector class.
#include "kernels/simd/form_table.h"

namespace ingot::kernels {
namespace {

struct Avx2Lanes : quant::Avx2 {
  static constexpr core::Isa kIsa = core::Isa::kAvx2;
  static constexpr size_t kTileRows = 6;
  static constexpr size_t kTileVectors = 1;
  static constexpr size_t kManyFrom = 16;
  static F MulAdd(F a, F b, F c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
  }
};

}  // namespace

const Form kAvx2Form = FormOf<Avx2Lanes>::Table("avx2");

}  // namespace ingot::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
