#include "model/mixture.h"

#include "ops/activation.h"
#include "ops/norm.h"

namespace ingot::model {

namespace mx = ops::mx;

ops::MixtureWeights Mixture::Parts() const {
  ops::MixtureWeights parts{.router = &router,
                            .spec = &spec,
                            .experts = &experts,
                            .shared_gate = shared_gate ? &*shared_gate : nullptr,
                            .wide_router = wide_router};
  if (shared) parts.shared = shared->Parts();
  return parts;
}

Array Mixture::ThroughLatent(const Array& x) const {
  const Array flat = mx::reshape(x, {x.shape(0) * x.shape(1), x.shape(2)});
  const Array logits = ops::Apply(router, wide_router ? ops::ToFloat32(flat) : flat);
  const Array rows = ops::Apply(*into_latent, flat);
  const Array made =
      ops::Apply(*from_latent, ops::ApplyExperts(experts, rows, ops::Route(logits, spec)));
  Array y = mx::reshape(made, x.shape());
  if (!shared) return y;
  const Array common = (*shared)(x);
  return shared_gate ? ops::AddSigmoidGated(y, ops::Apply(*shared_gate, x), common) : y + common;
}

Array Mixture::operator()(const Array& x) const {
  return into_latent ? ThroughLatent(x) : ops::ApplyMixture(Parts(), x);
}

Array Mixture::Onto(const Array& x, const ops::NormWeights& norm) const {
  if (!into_latent) return ops::ApplyMixtureOnto(Parts(), x, norm);
  return x + ThroughLatent(ops::RmsNorm(x, norm.weight, norm.eps));
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
