// Gemma 4 (text): dense, with experts, with per-layer embeddings, with layers that share keys.
#ifndef INGOT_MODELS_GEMMA4_H_
#define INGOT_MODELS_GEMMA4_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildGemma4(const core::Json& config,
                                                                model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_GEMMA4_H_
