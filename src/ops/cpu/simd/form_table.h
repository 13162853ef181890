// The form of one vector class. The file that includes this sets the compilation target first; each
// has a class of its own, so that no function here is shared between targets.
#ifndef INGOT_OPS_CPU_SIMD_FORM_TABLE_H_
#define INGOT_OPS_CPU_SIMD_FORM_TABLE_H_

#include "ops/cpu/simd/arrange.h"
#include "ops/cpu/simd/attend.h"
#include "ops/cpu/simd/few.h"
#include "ops/cpu/simd/many.h"

namespace ingot::ops::cpu {

// V says how many rows and vectors of outputs its registers hold: kTileRows, kTileVectors.
template <class V>
struct FormOf {
  static bool Serves(const Matrix&) { return true; }
  static Order FewOrder(const Matrix& matrix) {
    return !matrix.dense() && matrix.format.bits == 4 ? Order::kSplit32 : Order::kNatural;
  }
  static Order ManyOrder(const Matrix&) { return Order::kNatural; }
  static void Many(const ProductRun& run) {
    cpu::Many<V, V::kTileVectors, V::kTileRows>(V::kIsa, run);
  }
  static constexpr Form Table(std::string_view name) {
    return {.name = name,
            .isa = V::kIsa,
            .bf16 = false,
            .serves = Serves,
            .few_order = FewOrder,
            .many_order = ManyOrder,
            .arrange = ArrangeFloats<V>,
            .few = Few<V>,
            .many = Many,
            .attend = Attend<V>};
  }
};

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_SIMD_FORM_TABLE_H_
