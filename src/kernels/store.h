// Rows of fp32 numbers from and to the type that they are kept in: exactly, and rounded to nearest,
// ties to even.
//
// Pure: any thread.
#ifndef INGOT_KERNELS_STORE_H_
#define INGOT_KERNELS_STORE_H_

#include <cstddef>
#include <span>

#include "quant/float_types.h"

namespace ingot::kernels {

// out need not be aligned.
void StoreFloats(quant::FloatType type, std::span<const float> values, std::byte* out);

void LoadFloats(quant::FloatType type, const std::byte* from, std::span<float> values);

// values[i] += what stands there.
void AddFloats(quant::FloatType type, const std::byte* from, std::span<float> values);

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_STORE_H_
