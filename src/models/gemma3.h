// Gemma 3 (text): zero-centred norms around both halves of a layer, windows in most layers.
#ifndef INGOT_MODELS_GEMMA3_H_
#define INGOT_MODELS_GEMMA3_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildGemma3(const core::Json& config,
                                                                model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_GEMMA3_H_
