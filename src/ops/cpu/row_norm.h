// RMS norms of rows of fp32 numbers, for the operations that begin with one.
//
// Pure: any thread.
#ifndef INGOT_OPS_CPU_ROW_NORM_H_
#define INGOT_OPS_CPU_ROW_NORM_H_

#include <cstddef>
#include <span>
#include <vector>

#include "core/thread_pool.h"
#include "ops/cpu/rows.h"
#include "ops/fused.h"

namespace ingot::ops::cpu {

// row · factors / sqrt(mean(row²) + eps), in place; sums are taken in an order of their own that no
// compiler changes.
void NormRow(std::span<const float> factors, float eps, std::span<float> row);

// The numbers of a vector, as fp32.
std::vector<float> Factors(const Strided& vector, quant::FloatType type);

// A norm that an operation begins with.
struct RowNorm {
  Strided weight;
  quant::FloatType type;
  float eps;

  // Of rows of factors() numbers of `x_type`, into the same type and one row after the other.
  void Apply(const std::vector<const std::byte*>& rows, quant::FloatType x_type, std::byte* out,
             core::ThreadPool& pool) const;
};

// Whether RowNormOf takes the weights, for x [..., width].
bool IsRowNorm(const std::optional<NormWeights>& norm, const Array& x);
RowNorm RowNormOf(const Array& weight, float eps);

// sum += scale · part.
void AddScaled(std::span<const float> part, float scale, std::span<float> sum);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_ROW_NORM_H_
