#include "ops/mixture.h"

#include "ops/cpu/mixture.h"
#include "ops/norm.h"

namespace ingot::ops {
namespace {

Array Together(const MixtureWeights& mixture, const Array& x) {
  const Array rows = mx::reshape(x, {x.shape(0) * x.shape(1), x.shape(2)});
  const Array logits = Apply(*mixture.router, mixture.wide_router ? ToFloat32(rows) : rows);
  Array y =
      mx::reshape(ApplyExperts(*mixture.experts, rows, Route(logits, *mixture.spec)), x.shape());
  if (!mixture.shared) return y;
  const Array common = ApplyMlp(*mixture.shared, x);
  return mixture.shared_gate != nullptr ? AddSigmoidGated(y, Apply(*mixture.shared_gate, x), common)
                                        : y + common;
}

}  // namespace

Array ApplyMixture(const MixtureWeights& mixture, const Array& x,
                   const std::optional<NormWeights>& norm) {
  if (cpu::ServesMixture(mixture, x, norm)) return cpu::ApplyMixture(mixture, x, norm);
  if (!norm) return Together(mixture, x);
  return x + Together(mixture, RmsNorm(x, norm->weight, norm->eps));
}

}  // namespace ingot::ops
