#include "model/mixture.h"

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
  return shared_gate ? y + mx::sigmoid(ops::Apply(*shared_gate, x)) * common : y + common;
}

}  // namespace ingot::model
