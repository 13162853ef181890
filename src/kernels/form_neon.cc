#if defined(__aarch64__)

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "quant/simd/vec_neon.h"
// After the vector class.
#include "kernels/simd/form_table.h"

namespace ingot::kernels {
namespace {

struct NeonLanes : quant::Neon {
  static constexpr core::Isa kIsa = core::Isa::kNeon;
  static constexpr size_t kTileRows = 5;
  static constexpr size_t kTileVectors = 1;
  static constexpr size_t kManyFrom = 16;
  static F MulAdd(F a, F b, F c) {
    F sum;
    for (size_t i = 0; i < 4; ++i) sum.v[i] = vfmaq_f32(c.v[i], a.v[i], b.v[i]);
    return sum;
  }
};

}  // namespace

const Form kNeonForm = FormOf<NeonLanes>::Table("neon");

}  // namespace ingot::kernels

#endif
