// ops/delta_layer.h as one operation on the CPU's kernels. What Serves… accepts, the function of
// the same name computes.
//
// One thread builds graphs.
#ifndef INGOT_OPS_CPU_DELTA_LAYER_H_
#define INGOT_OPS_CPU_DELTA_LAYER_H_

#include "ops/delta_layer.h"

namespace ingot::ops::cpu {

bool ServesDeltaLayer(const DeltaHeads& heads, const DeltaLayerWeights& weights,
                      const DeltaLayerInputs& in);
// A state that nobody else holds is changed in place.
DeltaLayerResult ApplyDeltaLayer(const DeltaHeads& heads, const DeltaLayerWeights& weights,
                                 const DeltaLayerInputs& in, float l2_eps);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_DELTA_LAYER_H_
