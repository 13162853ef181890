// Mixtures of experts: who takes which row, and the products with stacked weights.
#ifndef INGOT_OPS_EXPERTS_H_
#define INGOT_OPS_EXPERTS_H_

#include <optional>

#include "ops/array.h"
#include "ops/linear.h"

namespace ingot::ops {

// For each row the chosen experts and how much each counts.
struct Routing {
  Array experts;  // [N, k] uint32
  Array weights;  // [N, k] float32
};

// Softmax over all experts in fp32, the k largest; normalised to a sum of one if asked.
Routing RouteBySoftmax(const Array& logits, int k, bool normalise);

// A stack of expert weights [E, out, in] with an optional bias [E, out].
struct ExpertStack {
  Weight weight;
  std::optional<Array> bias;
};

// Gate, up and down projections of all experts, with SwiGLU between: x [N, H] → [N, H].
struct ExpertMlp {
  ExpertStack gate;
  ExpertStack up;
  ExpertStack down;
};
Array ApplyExperts(const ExpertMlp& mlp, const Array& x, const Routing& routing);

}  // namespace ingot::ops

#endif  // INGOT_OPS_EXPERTS_H_
