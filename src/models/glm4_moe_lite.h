// GLM-4.7-Flash: attention over latent columns, experts behind dense layers.
#ifndef INGOT_MODELS_GLM4_MOE_LITE_H_
#define INGOT_MODELS_GLM4_MOE_LITE_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildGlm4MoeLite(const core::Json& config,
                                                                     model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_GLM4_MOE_LITE_H_
