// A layer's mixture of experts: router, experts, and the expert that every row goes through if
// there is one. Plain values, immutable once loaded.
#ifndef INGOT_MODEL_MIXTURE_H_
#define INGOT_MODEL_MIXTURE_H_

#include <optional>

#include "model/config_reader.h"
#include "model/dense_layers.h"
#include "ops/experts.h"
#include "ops/linear.h"
#include "ops/mixture.h"
#include "ops/router.h"

namespace ingot::model {

struct Mixture {
  ops::Linear router;
  ops::RouterSpec spec;
  ops::ExpertMlp experts;
  std::optional<Mlp> shared = {};
  std::optional<ops::Linear> shared_gate = {};  // its sigmoid multiplies what `shared` gives
  // Around the experts, where they work in a narrower space than the layer.
  std::optional<ops::Linear> into_latent = {};
  std::optional<ops::Linear> from_latent = {};
  bool wide_router = false;  // logits are computed in fp32 as well

  Array operator()(const Array& x) const;  // [B, L, H]
  // x + the mixture of its norm.
  Array Onto(const Array& x, const ops::NormWeights& norm) const;

 private:
  ops::MixtureWeights Parts() const;
  // The same where the experts have a space of their own.
  Array ThroughLatent(const Array& x) const;
};

// "num_experts_per_tok", "norm_topk_prob", "routed_scaling_factor", "n_group" and "topk_group": how
// DeepSeek's routers and those after it score one expert at a time and choose within groups. The
// correction comes with the weights.
ops::RouterSpec ReadGroupedRouter(ConfigReader& config, int experts);

}  // namespace ingot::model

#endif  // INGOT_MODEL_MIXTURE_H_
