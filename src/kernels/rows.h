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

// A layer norm of a row.
struct CentreRun {
  const float* factors;
  const float* shifts;  // or null
  float eps;
  float* row;
  size_t count;
};

// An MLP's activation. exp is within 2 units in the last place, and what is built on it within a
// few; NaN passes through.
enum class BendKind : uint8_t {
  kSilu,         // g · sigmoid(g)
  kGeluTanh,     // g · (1 + tanh(sqrt(2/π) (g + 0.044715 g³))) / 2
  kGelu,         // g · (1 + erf(g / sqrt 2)) / 2, erf being within 5e-7
  kReluSquared,  // max(g, 0)²
  kSigmoid,      // sigmoid(g)
  kSoftcap,      // limit · tanh(g / limit), within 3e-7 of the limit
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

// What logits weigh: weights = exp((row - largest) / temperature), and 0 where that is below
// `least`. The largest is that of the row, so that no weight is above 1; NaN stays.
struct WeighRun {
  const float* row;
  float* weights;  // may be row
  size_t count;
  float largest;
  float temperature;
  float least;
};

struct RowForm {
  void (*load)(quant::FloatType type, const std::byte* from, float* to, size_t count);
  void (*store)(quant::FloatType type, const float* from, std::byte* to, size_t count);
  void (*add)(quant::FloatType type, const std::byte* from, float* to, size_t count);
  void (*norm)(const NormRun& run);
  void (*bend)(const BendRun& run);
  // (row - mean) / sqrt(variance + eps) · factors + shifts, in place.
  void (*centre)(const CentreRun& run);
  // Puts -infinity for NaN and gives the largest.
  float (*tidy)(float* row, size_t count);
  // Gives the sum of the weights.
  double (*weigh)(const WeighRun& run);
  // A column to PackedBytes(count) bytes, and the first `count` numbers of a packed column of
  // `width`: kernels/pack.h.
  void (*pack)(const float* from, size_t count, std::byte* to);
  void (*unpack)(const std::byte* from, size_t width, size_t count, float* to);
};

// With what this process uses.
const RowForm& RowsHere();

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_ROWS_H_
