// ops/mixture.h as one operation on the CPU's kernels. Threads are called together three times: for
// the router and the shared expert's inner rows, for the chosen experts' inner rows, and for all of
// their results; sums are fp32, and rounded once.
//
// One thread builds graphs; MLX evaluates on threads of its own.
#ifndef INGOT_OPS_CPU_MIXTURE_H_
#define INGOT_OPS_CPU_MIXTURE_H_

#include <optional>

#include "ops/mixture.h"

namespace ingot::ops::cpu {

bool ServesMixture(const MixtureWeights& mixture, const Array& x,
                   const std::optional<NormWeights>& norm);
// With `onto`, x is added.
Array ApplyMixture(const MixtureWeights& mixture, const Array& x,
                   const std::optional<NormWeights>& norm, bool onto);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_MIXTURE_H_
