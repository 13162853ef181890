#include "ops/router.h"

#include <algorithm>
#include <limits>

#include "ops/activation.h"
#include "ops/cpu/router.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/kernel.h"
#include "ops/gpu/router.h"

namespace ingot::ops {
namespace {

// The k largest of the last axis, by index, in no order.
Array Largest(const Array& x, int k) {
  return LastSlice(mx::argpartition(mx::negative(x), k - 1, -1), 0, k);
}

Array Scores(const Array& logits, RouterScore score) {
  switch (score) {
    case RouterScore::kSoftmax:
      return mx::softmax(logits, -1, /*precise=*/true);
    case RouterScore::kSigmoid:
      return mx::sigmoid(logits);
    case RouterScore::kRootSoftplus:
      return mx::sqrt(Softplus(logits));
  }
  return logits;
}

// wanted [N, E], -inf wherever an expert's group is not among the best.
Array KeepBestGroups(const Array& wanted, int groups, int kept) {
  const int rows = wanted.shape(0);
  const int size = wanted.shape(1) / groups;
  const Array grouped = mx::reshape(wanted, {rows, groups, size});
  const int best = std::min(2, size);
  const Array quality =
      mx::sum(mx::take_along_axis(grouped, Largest(grouped, best), -1), -1);  // [N, groups]
  const Array chosen = Largest(quality, kept);
  const Array keep =
      mx::put_along_axis(mx::zeros({rows, groups}, mx::bool_), chosen, Array(true), -1);
  const Array lost(-std::numeric_limits<float>::infinity());
  return mx::reshape(mx::where(mx::expand_dims(keep, -1), grouped, lost), wanted.shape());
}

Array Scaled(const Routing& routing, const Array& expert_scale) {
  return routing.weights * mx::take(expert_scale, routing.experts, 0);
}

}  // namespace

Routing Route(const Array& logits, const RouterSpec& spec) {
  if (gpu::KernelsInUse() && gpu::FitsRouter(logits, spec)) {
    Routing made = gpu::Route(gpu::LaunchOnDevice, logits, spec);
    if (spec.expert_scale) made.weights = Scaled(made, *spec.expert_scale);
    return made;
  }
  if (cpu::ServesRouter(logits, spec)) return cpu::Route(logits, spec);
  Array x = ToFloat32(logits);
  if (spec.softcap > 0) x = Softcap(x, spec.softcap);
  const Array scores = Scores(x, spec.score);
  Array wanted = spec.correction ? scores + *spec.correction : scores;
  if (spec.groups > 1) wanted = KeepBestGroups(wanted, spec.groups, spec.kept_groups);
  const Array experts = Largest(wanted, spec.chosen);
  Array weights = mx::take_along_axis(scores, experts, -1);
  if (spec.normalise) {
    weights = weights / (mx::sum(weights, -1, /*keepdims=*/true) + Array(spec.floor));
  }
  if (spec.scale != 1) weights = weights * Array(spec.scale);
  Routing made{mx::astype(experts, mx::uint32), weights};
  if (spec.expert_scale) made.weights = Scaled(made, *spec.expert_scale);
  return made;
}

}  // namespace ingot::ops
