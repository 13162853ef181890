#include "ops/cpu/row_norm.h"

#include <algorithm>

#include "kernels/rows.h"
#include "kernels/scratch.h"
#include "kernels/store.h"

namespace ingot::ops::cpu {
namespace {

// Numbers that a thread takes at a time: some microseconds of work.
constexpr size_t kChunk = size_t{1} << 14;

}  // namespace

void NormRow(std::span<const float> factors, float eps, std::span<float> row) {
  kernels::RowsHere().norm(
      {.factors = factors.data(), .eps = eps, .row = row.data(), .count = row.size()});
}

std::vector<float> Factors(const Strided& vector, quant::FloatType type) {
  std::vector<float> factors(vector.count);
  kernels::LoadFloats(type, RowsOf(vector)[0], factors);
  return factors;
}

void RowNorm::Apply(const std::vector<const std::byte*>& rows, quant::FloatType x_type,
                    std::byte* out, core::ThreadPool& pool) const {
  const std::vector<float> factors = Factors(weight, type);
  const size_t width = factors.size();
  const size_t bytes = width * quant::SizeOf(x_type);
  pool.ParallelFor(rows.size(), std::max<size_t>(1, kChunk / width), [&](size_t begin, size_t end) {
    const kernels::Scratch scratch(width * sizeof(float));
    const std::span<float> row(reinterpret_cast<float*>(scratch.data()), width);
    for (size_t r = begin; r < end; ++r) {
      kernels::LoadFloats(x_type, rows[r], row);
      NormRow(factors, eps, row);
      kernels::StoreFloats(x_type, row, out + r * bytes);
    }
  });
}

bool IsRowNorm(const std::optional<NormWeights>& norm, const Array& x) {
  return !norm || (FloatTypeOf(norm->weight.dtype()) && norm->weight.ndim() == 1 &&
                   norm->weight.shape(0) == x.shape(-1));
}

RowNorm RowNormOf(const Array& weight, float eps) {
  return {.weight = Strided(weight), .type = *FloatTypeOf(weight.dtype()), .eps = eps};
}

void AddScaled(std::span<const float> part, float scale, std::span<float> sum) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += scale * part[i];
}

}  // namespace ingot::ops::cpu
