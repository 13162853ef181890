// ops/latent.h on the CPU's kernels. What Serves… accepts, the function of the same name computes.
//
// One thread builds graphs; MLX evaluates on threads of its own.
#ifndef INGOT_OPS_CPU_LATENT_H_
#define INGOT_OPS_CPU_LATENT_H_

#include <optional>

#include "ops/latent.h"

namespace ingot::ops::cpu {

bool ServesNormAndTurn(const Array& x, const std::optional<NormWeights>& norm,
                       const RopeSpec& rope);
Array NormAndTurn(const Array& x, const std::optional<NormWeights>& norm, const RopeSpec& rope,
                  int offset);

bool ReadsStack(const Weight& stack);
bool ServesHeads(const Weight& stack, const Array& x, const std::optional<Array>& tail);
Array ApplyHeads(const Weight& stack, const Array& x, const std::optional<Array>& tail);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_LATENT_H_
