// Cohere 2 with experts: attention and MLP beside each other, positions in windowed layers only.
#ifndef INGOT_MODELS_COHERE2_MOE_H_
#define INGOT_MODELS_COHERE2_MOE_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildCohere2Moe(const core::Json& config,
                                                                    model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_COHERE2_MOE_H_
