// Loads a mixture's experts from any form that checkpoints have them in. Where a family keeps its
// experts, and how it joins gate and up, its table says (family/experts.h); <group> is a layer and
// one of the table's markers:
//   <group>gate_proj, up_proj, down_proj          stacked, one a projection (the canonical form)
//   <group>gate_up_proj, down_proj                stacked, gate and up in one
//   <group>gate_up_proj_blocks, …_scales, …       the same in packed blocks of four-bit floats
//   <group><e>.gate_proj, up_proj, down_proj      one an expert
#ifndef INGOT_MODEL_EXPERT_WEIGHTS_H_
#define INGOT_MODEL_EXPERT_WEIGHTS_H_

#include <string_view>

#include "family/experts.h"
#include "model/weights.h"
#include "ops/experts.h"

namespace ingot::model {

struct ExpertShape {
  int experts = 0;
  int hidden = 0;  // the width of the layer
  int inner = 0;   // the width of one expert
  ops::MlpActivation activation;
};

// layer: "layers.3".
ops::ExpertMlp LoadExperts(Weights& weights, const family::ExpertTable& table,
                           std::string_view layer, const ExpertShape& shape);

}  // namespace ingot::model

#endif  // INGOT_MODEL_EXPERT_WEIGHTS_H_
