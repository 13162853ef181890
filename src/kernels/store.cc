#include "kernels/store.h"

#include "core/cpu.h"
#include "kernels/rows.h"

namespace ingot::kernels {

void StoreFloats(quant::FloatType type, std::span<const float> values, std::byte* out) {
  RowsHere().store(type, values.data(), out, values.size());
}

void LoadFloats(quant::FloatType type, const std::byte* from, std::span<float> values) {
  RowsHere().load(type, from, values.data(), values.size());
}

void AddFloats(quant::FloatType type, const std::byte* from, std::span<float> values) {
  RowsHere().add(type, from, values.data(), values.size());
}

}  // namespace ingot::kernels
