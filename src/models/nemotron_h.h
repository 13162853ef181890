// Nemotron-H: Mamba-2, attention, MLP and expert layers in any order, one of them a layer.
#ifndef INGOT_MODELS_NEMOTRON_H_H_
#define INGOT_MODELS_NEMOTRON_H_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildNemotronH(const core::Json& config,
                                                                   model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_NEMOTRON_H_H_
