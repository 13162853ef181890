// Llama, and its relatives that differ by a field: Mistral and Ministral (windows, queries that
// grow), Qwen3 (norms of queries and keys), Qwen3-MoE (experts).
#ifndef INGOT_MODELS_LLAMA_H_
#define INGOT_MODELS_LLAMA_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::LanguageModel>> BuildLlama(const core::Json& config,
                                                               model::Weights& weights);
core::Result<std::unique_ptr<model::LanguageModel>> BuildQwen3(const core::Json& config,
                                                               model::Weights& weights);
core::Result<std::unique_ptr<model::LanguageModel>> BuildQwen3Moe(const core::Json& config,
                                                                  model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_LLAMA_H_
