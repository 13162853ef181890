// The steps of recurrent layers, one after the other, for rows of a state that do not need each
// other: a thread takes some rows through all steps while they lie in its first cache. All in fp32.
// What a row comes to does not depend on which rows are taken together.
//
// Pure: any thread.
#ifndef INGOT_KERNELS_RECUR_H_
#define INGOT_KERNELS_RECUR_H_

#include <cstddef>

#include "kernels/chunk.h"
#include "quant/float_types.h"

namespace ingot::kernels {

// out[c] = the sum over taps i of weights[i][c] · rows[i][c]: one step of a causal convolution.
struct ConvRun {
  quant::FloatType type;
  size_t taps;
  const std::byte* const* rows;  // oldest first
  const float* weights;          // [taps][weight_stride]
  size_t weight_stride;
  float* out;
  size_t count;
};

// Rows of a state that are taken together.
inline constexpr size_t kStateRows = 16;

// The gated delta rule for up to kStateRows rows s of a head's state, step by step:
//   s ← decay · s;  s ← s + beta (v − s·k) k;  y = s·q
struct DeltaRun {
  size_t steps;
  size_t rows;
  size_t width;    // of a row
  const float* q;  // [steps] rows of `width`
  const float* k;
  ptrdiff_t q_stride;  // floats
  ptrdiff_t k_stride;
  const float* v;  // [steps], one number a row of the state
  ptrdiff_t v_stride;
  const float* decay;  // [steps]
  const float* beta;
  ptrdiff_t decay_stride;
  ptrdiff_t beta_stride;
  float* state;  // rows one after the other
  float* y;      // as v
  ptrdiff_t y_stride;
  // Where not null: the state after every keep_every steps, kept_stride apart.
  float* kept = nullptr;
  size_t keep_every = 0;
  ptrdiff_t kept_stride = 0;
};

// Mamba-2's scan for up to kStateRows rows s of a head's state, step by step:
//   s ← exp(−step · rate) · s + (step · x) input;  y = s·output + direct · x
struct ScanRun {
  size_t steps;
  size_t rows;
  size_t width;        // of a row
  const float* x;      // [steps], one number a row of the state
  ptrdiff_t x_stride;  // floats
  const float* step;   // [steps]
  ptrdiff_t step_stride;
  float rate;
  float direct;
  const float* input;  // [steps] rows of `width`
  const float* output;
  ptrdiff_t input_stride;
  ptrdiff_t output_stride;
  float* state;
  float* y;  // as x
  ptrdiff_t y_stride;
};

struct RecurForm {
  void (*conv)(const ConvRun& run);
  void (*delta)(const DeltaRun& run);
  void (*scan)(const ScanRun& run);
  ChunkForm chunk;  // of the two, for many steps
};

// With what this process uses.
const RecurForm& RecurHere();

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_RECUR_H_
