// Loads a mixture's experts from any form that checkpoints have them in:
//   <group>.switch_mlp.{gate,up,down}_proj      stacked, one a projection (the canonical form)
//   <group>.experts.{gate_up,down}_proj         stacked, gate over up in one
//   <group>.experts.{gate,up,down}_proj         stacked, as some importers wrote it
//   <group>.experts.<e>.{gate,up,down}_proj     one an expert
#ifndef INGOT_MODEL_EXPERT_WEIGHTS_H_
#define INGOT_MODEL_EXPERT_WEIGHTS_H_

#include <string_view>

#include "model/weights.h"
#include "ops/experts.h"

namespace ingot::model {

// group: "layers.3.mlp". hidden is the width of the layer, inner the width of an expert.
ops::ExpertMlp LoadExperts(Weights& weights, std::string_view group, int experts, int hidden,
                           int inner);

}  // namespace ingot::model

#endif  // INGOT_MODEL_EXPERT_WEIGHTS_H_
