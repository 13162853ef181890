// The fused operations of ops/fused.h on the CPU's kernels. What Serves… accepts, the function of
// the same name computes.
//
// One thread builds graphs.
#ifndef INGOT_OPS_CPU_FUSED_H_
#define INGOT_OPS_CPU_FUSED_H_

#include <optional>
#include <span>
#include <vector>

#include "ops/fused.h"

namespace ingot::ops::cpu {

bool ServesEach(std::span<const Linear* const> linears, const Array& x,
                const std::optional<NormWeights>& norm);
std::vector<Array> ApplyEach(std::span<const Linear* const> linears, const Array& x,
                             const std::optional<NormWeights>& norm);

bool ServesOnto(const Array& addend, const Linear& linear, const Array& x);
Array ApplyOnto(const Array& addend, const Linear& linear, const Array& x);

bool ServesMlp(const MlpWeights& mlp, const Array& x, const std::optional<NormWeights>& norm);
// With `onto`, x is added.
Array ApplyMlp(const MlpWeights& mlp, const Array& x, const std::optional<NormWeights>& norm,
               bool onto);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_FUSED_H_
