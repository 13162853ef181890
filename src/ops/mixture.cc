#include "ops/mixture.h"

#include "ops/cpu/mixture.h"
#include "ops/norm.h"

namespace ingot::ops {
namespace {

// x is what the router reads, `in` what the experts do.
Array Together(const MixtureWeights& mixture, const Array& x, const Array& in) {
  const mx::Shape flat = {x.shape(0) * x.shape(1), x.shape(2)};
  const Array rows = mx::reshape(x, flat);
  const Array logits = Apply(*mixture.router, mixture.wide_router ? ToFloat32(rows) : rows);
  Array y = mx::reshape(
      ApplyExperts(*mixture.experts, mx::reshape(in, flat), Route(logits, *mixture.spec)),
      x.shape());
  if (!mixture.shared) return y;
  const Array common = ApplyMlp(*mixture.shared, in);
  return mixture.shared_gate != nullptr
             ? AddSigmoidGated(y, Apply(*mixture.shared_gate, in), common)
             : y + common;
}

Array Plain(const MixtureWeights& mixture, const Array& x, const std::optional<NormWeights>& norm) {
  const auto normed = [&](const std::optional<NormWeights>& one) {
    return one ? RmsNorm(x, one->weight, one->eps) : x;
  };
  const Array in = normed(norm);
  return Together(mixture, mixture.router_norm ? normed(mixture.router_norm) : in, in);
}

}  // namespace

Array ApplyMixture(const MixtureWeights& mixture, const Array& x,
                   const std::optional<NormWeights>& norm) {
  if (cpu::ServesMixture(mixture, x, norm)) {
    return cpu::ApplyMixture(mixture, x, norm, /*onto=*/false);
  }
  return Plain(mixture, x, norm);
}

Array ApplyMixtureOnto(const MixtureWeights& mixture, const Array& x, const NormWeights& norm) {
  if (cpu::ServesMixture(mixture, x, norm)) {
    return cpu::ApplyMixture(mixture, x, norm, /*onto=*/true);
  }
  return x + Plain(mixture, x, norm);
}

}  // namespace ingot::ops
