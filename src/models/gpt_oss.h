// gpt-oss: attention with sinks and windows in turn, experts with biases and a clamped activation.
#ifndef INGOT_MODELS_GPT_OSS_H_
#define INGOT_MODELS_GPT_OSS_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildGptOss(const core::Json& config,
                                                                model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_GPT_OSS_H_
