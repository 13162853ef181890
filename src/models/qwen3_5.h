// Qwen3.5 and Qwen3-Next: layers of gated delta recurrence with full attention every few, over
// dense or mixture-of-experts MLPs. The language part of the vision-language form as well.
#ifndef INGOT_MODELS_QWEN3_5_H_
#define INGOT_MODELS_QWEN3_5_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildQwen35(const core::Json& config,
                                                                model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_QWEN3_5_H_
