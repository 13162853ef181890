// Who takes which row in a mixture of experts, and how much each counts. Everything is computed in
// fp32: two experts that bf16 cannot tell apart are not the same expert.
#ifndef INGOT_OPS_ROUTER_H_
#define INGOT_OPS_ROUTER_H_

#include <cstdint>
#include <optional>

#include "ops/array.h"

namespace ingot::ops {

// For each row the chosen experts and how much each counts.
struct Routing {
  Array experts;  // [N, k] uint32, in no order
  Array weights;  // [N, k] float32
};

enum class RouterScore : uint8_t {
  kSoftmax,       // over all experts
  kSigmoid,       // each by itself
  kRootSoftplus,  // each by itself, √softplus
};

struct RouterSpec {
  RouterScore score = RouterScore::kSoftmax;
  int chosen = 1;
  bool normalise = true;  // the chosen weights are brought to a sum of one
  float floor = 0;        // added to that sum before dividing by it
  float scale = 1;        // multiplies the weights, last
  float softcap = 0;      // over 0: logits are bent to stay within it first
  // [E] float32, added to the scores for the choice and not in the weights.
  std::optional<Array> correction = {};
  // Over 1: only experts of the best groups can be chosen; a group is as good as its two best.
  int groups = 1;
  int kept_groups = 1;
  // [E] float32, multiplies a chosen expert's weight, last of all.
  std::optional<Array> expert_scale = {};
};

// logits [N, E]
Routing Route(const Array& logits, const RouterSpec& spec);

}  // namespace ingot::ops

#endif  // INGOT_OPS_ROUTER_H_
