// Activations brought into the order and type that a form's kernels want, and the sums that zero
// points are multiplied with.
#ifndef INGOT_KERNELS_SIMD_ARRANGE_H_
#define INGOT_KERNELS_SIMD_ARRANGE_H_

#include "kernels/simd/lanes.h"

namespace ingot::kernels {

template <class V, typename T, Order kOrder>
void PlaceBlock(const T* from, T* to) {
  for (size_t i = 0; i < kBlock; ++i) to[PlaceOf(kOrder, i)] = from[i];
}

// V is there so that each form has a copy of its own.
template <class V, typename T>
void Place(Order order, const T* from, T* to) {
  switch (order) {
    case Order::kNatural:
    case Order::kPlanes:
      return PlaceBlock<V, T, Order::kNatural>(from, to);
    case Order::kSplit32:
      return PlaceBlock<V, T, Order::kSplit32>(from, to);
    case Order::kSplit64:
      return PlaceBlock<V, T, Order::kSplit64>(from, to);
    case Order::kBytes64:
      return PlaceBlock<V, T, Order::kBytes64>(from, to);
  }
}

// Groups of 32 or more alone have sums, and those are of 32, 64 or 128.
template <class V>
void SumGroups(const ArrangeRun& run) {
  const size_t groups = run.matrix->groups();
  const size_t size = run.matrix->format.group_size;
  const size_t element = quant::SizeOf(run.type);
  for (size_t g = 0; g < groups; ++g) {
    F<V> sum = V::Set(0);
    for (size_t i = 0; i < size; i += kVector) {
      sum = V::Add(sum, LoadFloats<V>(run.type, run.x + (g * size + i) * element, kVector));
    }
    run.sums[g] = Sum<V>(sum);
  }
  for (size_t g = groups; g < RoundUp(groups, kVector); ++g) run.sums[g] = 0;
}

// Into fp32.
template <class V>
void ArrangeFloats(const ArrangeRun& run) {
  const size_t inputs = run.matrix->inputs;
  const size_t element = quant::SizeOf(run.type);
  auto* out = reinterpret_cast<float*>(run.out);
  for (size_t at = 0; at < inputs; at += kBlock, out += kBlock) {
    alignas(64) float block[kBlock];
    for (size_t i = 0; i < kBlock; i += kVector) {
      const size_t left = at + i < inputs ? inputs - at - i : 0;
      const std::byte* from = run.x + (left > 0 ? at + i : 0) * element;
      V::Store(block + i, LoadFloats<V>(run.type, from, left < kVector ? left : kVector));
    }
    Place<V>(run.order, block, out);
  }
  if (run.sums != nullptr) SumGroups<V>(run);
}

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SIMD_ARRANGE_H_
