// A layer's whole mixture in one operation on the CPU: router, choice, experts, the expert that
// every row goes through, and the sum of all of it.
//
// One thread builds graphs.
#ifndef INGOT_OPS_MIXTURE_H_
#define INGOT_OPS_MIXTURE_H_

#include <optional>

#include "ops/array.h"
#include "ops/experts.h"
#include "ops/fused.h"
#include "ops/linear.h"
#include "ops/router.h"

namespace ingot::ops {

struct MixtureWeights {
  const Linear* router = nullptr;
  const RouterSpec* spec = nullptr;
  const ExpertMlp* experts = nullptr;
  std::optional<MlpWeights> shared = {};
  const Linear* shared_gate = nullptr;  // its sigmoid multiplies what `shared` gives; or null
  bool wide_router = false;             // logits are computed in fp32
  // The router reads this norm of x, whatever the experts read.
  std::optional<NormWeights> router_norm = {};
};

// x [B, L, H]: what the experts make of x, or of its norm.
Array ApplyMixture(const MixtureWeights& mixture, const Array& x,
                   const std::optional<NormWeights>& norm = std::nullopt);
// x + what they make of x's norm.
Array ApplyMixtureOnto(const MixtureWeights& mixture, const Array& x, const NormWeights& norm);

}  // namespace ingot::ops

#endif  // INGOT_OPS_MIXTURE_H_
