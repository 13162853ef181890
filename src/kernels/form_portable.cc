#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "quant/simd/vec_portable.h"
// After the vector class.
#include "kernels/simd/form_table.h"

namespace ingot::kernels {
namespace {

struct PortableLanes : quant::Portable {
  static constexpr core::Isa kIsa = core::Isa::kPortable;
  static constexpr size_t kTileRows = 2;
  static constexpr size_t kTileVectors = 1;
  static constexpr size_t kManyFrom = 16;
  static F MulAdd(const F& a, const F& b, const F& c) { return Add(Mul(a, b), c); }
};

}  // namespace

const Form kPortableForm = FormOf<PortableLanes>::Table("portable");

}  // namespace ingot::kernels
