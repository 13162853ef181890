// The activations of an MLP on plain floats, in loops that compilers turn into vectors. NaN passes
// through. exp is within 2 units in the last place, and what is built on it within a few.
//
// Pure functions.
#ifndef INGOT_OPS_CPU_BEND_H_
#define INGOT_OPS_CPU_BEND_H_

#include <span>

#include "ops/activation.h"

namespace ingot::ops::cpu {

// out = the activation of gate, times up; of up alone when gate is empty. All of one length.
void BendRow(const MlpActivation& activation, std::span<const float> gate,
             std::span<const float> up, std::span<float> out);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_BEND_H_
