#include "model/mixture.h"

#include "ops/activation.h"

namespace ingot::model {

namespace mx = ops::mx;

Array Mixture::Routed(const Array& x) const {
  const Array logits = ops::Apply(router, wide_router ? ops::ToFloat32(x) : x);
  const Array rows = into_latent ? ops::Apply(*into_latent, x) : x;
  const Array y = ops::ApplyExperts(experts, rows, ops::Route(logits, spec));
  return from_latent ? ops::Apply(*from_latent, y) : y;
}

Array Mixture::operator()(const Array& x) const {
  const Array flat = mx::reshape(x, {x.shape(0) * x.shape(1), x.shape(2)});
  Array y = mx::reshape(Routed(flat), x.shape());
  if (!shared) return y;
  const Array common = (*shared)(x);
  return shared_gate ? ops::AddSigmoidGated(y, ops::Apply(*shared_gate, x), common) : y + common;
}

ops::RouterSpec ReadGroupedRouter(ConfigReader& config, int experts) {
  ops::RouterSpec router{.score = ops::RouterScore::kSigmoid,
                         .chosen = config.Size("num_experts_per_tok"),
                         .normalise = config.BoolOr("norm_topk_prob", true),
                         .floor = 1e-20F,
                         .scale = config.FloatOr("routed_scaling_factor", 1),
                         .correction = {},
                         .groups = config.SizeOr("n_group", 1),
                         .kept_groups = config.SizeOr("topk_group", 1)};
  config.Require(router.chosen <= experts,
                 "num_experts_per_tok: expected at most n_routed_experts");
  config.Require(experts % router.groups == 0 && router.kept_groups <= router.groups,
                 "n_group: expected to divide n_routed_experts, and at least topk_group");
  return router;
}

}  // namespace ingot::model
