// The gated delta rule and the causal convolution on a GPU; ops/delta.h asks here first. State and
// decay are fp32 whatever the inputs are.
//
// One thread builds graphs.
#ifndef INGOT_OPS_GPU_DELTA_H_
#define INGOT_OPS_GPU_DELTA_H_

#include "ops/array.h"
#include "ops/delta.h"
#include "ops/gpu/kernel.h"

namespace ingot::ops::gpu {

// The chunked form brings 16 steps at once into the state, from this many steps on, where its
// shared memory fits and no states between are asked for. The recurrent form takes one by one.
constexpr int kChunkedFrom = 32;

DeltaResult GatedDelta(const Launch& launch, const DeltaInputs& in, const Array& state,
                       int keep_every);
ConvResult CausalConv(const Launch& launch, const Array& u, const Array& weight, const Array& tail);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_DELTA_H_
