// Products with stacked weights: a mixture's experts, each applied to the rows that chose it.
#ifndef INGOT_OPS_EXPERTS_H_
#define INGOT_OPS_EXPERTS_H_

#include <cstdint>
#include <optional>

#include "ops/activation.h"
#include "ops/array.h"
#include "ops/fused.h"
#include "ops/linear.h"
#include "ops/router.h"

namespace ingot::ops {

// A stack of expert weights [E, out, in] with an optional bias [E, out].
struct ExpertStack {
  Weight weight;
  std::optional<Array> bias;
};

// How `up` holds the gate as well, if it does.
enum class GateUp : uint8_t {
  kApart,   // `gate` has it, or there is none
  kJoined,  // the first half of up's outputs is the gate's
  kInTurn,  // even outputs are the gate's, odd ones up's
};

// The projections of all experts, with the activation between: x [N, H], or its norm, → [N, H].
struct ExpertMlp {
  std::optional<ExpertStack> gate;
  ExpertStack up;
  ExpertStack down;
  GateUp form = GateUp::kApart;
  MlpActivation activation;
};
Array ApplyExperts(const ExpertMlp& mlp, const Array& x, const Routing& routing,
                   const std::optional<NormWeights>& norm = std::nullopt);

}  // namespace ingot::ops

#endif  // INGOT_OPS_EXPERTS_H_
