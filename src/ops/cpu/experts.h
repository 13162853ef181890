// A mixture's experts on the CPU as one MLX operation on our kernels; ops/experts.h asks here
// first.
//
// One thread builds graphs; MLX evaluates on threads of its own.
#ifndef INGOT_OPS_CPU_EXPERTS_H_
#define INGOT_OPS_CPU_EXPERTS_H_

#include "ops/array.h"
#include "ops/experts.h"

namespace ingot::ops::cpu {

// Whether the kernels are in use and take these types.
bool Serves(const ExpertMlp& mlp, const Array& x, const Routing& routing,
            const std::optional<NormWeights>& norm);
// As ops::ApplyExperts. Rows are grouped by expert, so each chosen expert's weights are read once,
// and the others' are not touched. What the projections give stays in fp32 up to the activation,
// whose result is rounded to x's type, as the sum over experts is.
Array ApplyExperts(const ExpertMlp& mlp, const Array& x, const Routing& routing,
                   const std::optional<NormWeights>& norm);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_EXPERTS_H_
