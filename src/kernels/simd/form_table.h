// The form of one vector class. The file that includes this sets the compilation target first; each
// has a class of its own, so that no function here is shared between targets.
#ifndef INGOT_KERNELS_SIMD_FORM_TABLE_H_
#define INGOT_KERNELS_SIMD_FORM_TABLE_H_

#include "kernels/simd/arrange.h"
#include "kernels/simd/attend.h"
#include "kernels/simd/few.h"
#include "kernels/simd/many.h"
#include "kernels/simd/recur.h"
#include "kernels/simd/rows.h"

namespace ingot::kernels {

// V says how many rows and vectors of outputs its registers hold: kTileRows, kTileVectors; and from
// how many rows on expanding weights pays: kManyFrom.
template <class V>
struct FormOf {
  static bool Serves(const Matrix&) { return true; }
  static Order FewOrder(const Matrix& matrix) {
    return !matrix.dense() && matrix.format.bits == 4 ? Order::kSplit32 : Order::kNatural;
  }
  static Order ManyOrder(const Matrix&) { return Order::kNatural; }
  static void Many(const ProductRun& run) {
    kernels::Many<V, V::kTileVectors, V::kTileRows>(V::kIsa, run);
  }
  static constexpr Form Table(std::string_view name) {
    return {.name = name,
            .isa = V::kIsa,
            .bf16 = false,
            .serves = Serves,
            .sums = SumsOf,
            .few_order = FewOrder,
            .many_order = ManyOrder,
            .arrange = ArrangeFloats<V>,
            .few = Few<V>,
            .many = Many,
            .many_from = V::kManyFrom,
            .attend = Attend<V>,
            .rows = RowsOf<V>::Table(),
            .recur = RecurOf<V>::Table()};
  }
};

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_FORM_TABLE_H_
