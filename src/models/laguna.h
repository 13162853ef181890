// Laguna: attention with gated heads, their number and positions by layer; experts behind dense
// layers.
#ifndef INGOT_MODELS_LAGUNA_H_
#define INGOT_MODELS_LAGUNA_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildLaguna(const core::Json& config,
                                                                model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_LAGUNA_H_
