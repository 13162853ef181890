// High effort: a run encoded as usual, then improved group by group where a search finds a scale
// (and bias) that brings its values back with less squared error. Pure; any thread.
#ifndef INGOT_QUANT_EFFORT_H_
#define INGOT_QUANT_EFFORT_H_

#include "quant/kernels.h"

namespace ingot::quant {

// run holds what kernels.encode made of it, marks included. Replaces the encoding of every group
// that the search improves, measured on the values as they are decoded (and, in affine mode, also
// without the decoder's rounding to the scales' type: both must agree). global_scale is the run's.
void ImproveRun(const Kernels& kernels, const EncodeRun& run, const float* global_scale);

}  // namespace ingot::quant

#endif  // INGOT_QUANT_EFFORT_H_
