// A draw from logits as one operation on a GPU: temperature, top-k, top-p, min-p and the draw,
// without sorting the vocabulary.
//
// One thread builds graphs.
#ifndef INGOT_OPS_GPU_SAMPLE_H_
#define INGOT_OPS_GPU_SAMPLE_H_

#include "ops/array.h"
#include "ops/gpu/kernel.h"
#include "ops/sample.h"

namespace ingot::ops::gpu {

Array Draw(const Launch& launch, const Array& logits, const DrawSpec& spec);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_SAMPLE_H_
