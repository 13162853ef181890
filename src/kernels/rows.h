// What is done to rows of numbers between products, with the widest vectors there are: all in fp32.
// Up to their last bits, results are the same with every instruction set; sums are taken in the
// same order by all.
//
// Pure: any thread.
#ifndef INGOT_KERNELS_ROWS_H_
#define INGOT_KERNELS_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "quant/float_types.h"

namespace ingot::kernels {

// row · factors / sqrt(mean(row²) + eps), in place.
struct NormRun {
  const float* factors;
  float eps;
  float* row;
  size_t count;
};

// An MLP's activation. exp is within 2 units in the last place, and what is built on it within a
// few; NaN passes through.
enum class BendKind : uint8_t {
  kSilu,         // g · sigmoid(g)
  kGeluTanh,     // g · (1 + tanh(sqrt(2/π) (g + 0.044715 g³))) / 2
  kReluSquared,  // max(g, 0)²
  kClampedSilu,  // g' · sigmoid(alpha · g') · (u' + 1), g' at most limit, u' within ±limit
};
struct BendRun {
  BendKind kind;
  const float* gate;  // or null: what `up` holds is bent, and multiplied with nothing
  const float* up;
  float* out;  // may be either
  size_t count;
  float limit = 0;
  float alpha = 0;
};

struct RowForm {
  void (*load)(quant::FloatType type, const std::byte* from, float* to, size_t count);
  void (*store)(quant::FloatType type, const float* from, std::byte* to, size_t count);
  void (*add)(quant::FloatType type, const std::byte* from, float* to, size_t count);
  void (*norm)(const NormRun& run);
  void (*bend)(const BendRun& run);
};

// With what this process uses.
const RowForm& RowsHere();

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_ROWS_H_
