// Which architectures can be run, and how each is built: the one place that knows them all.
#ifndef INGOT_MODELS_REGISTRY_H_
#define INGOT_MODELS_REGISTRY_H_

#include <memory>
#include <span>
#include <string_view>

#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/text_encoder.h"
#include "model/weights.h"

namespace ingot::models {

// Reads its fields from config, asks weights for its tensors. Fails with every complaint at once.
template <typename Model>
using Builder = core::Result<std::unique_ptr<Model>> (*)(const core::Json& config,
                                                         model::Weights& weights);

template <typename Model>
struct Architecture {
  std::string_view name;  // as config.json's "architectures" or "model_type" has it
  Builder<Model> build;
};

std::span<const Architecture<model::LanguageModel>> LanguageModels();
std::span<const Architecture<model::TextEncoder>> TextEncoders();

// Whether the config is one of the encoders': read whole, answered with rows, never continued.
bool IsTextEncoder(const core::Json& config);

// kUnsupported, with the names that are, when the config's architecture is none of them.
core::Result<std::unique_ptr<model::LanguageModel>> BuildLanguageModel(const core::Json& config,
                                                                       model::Weights& weights);
core::Result<std::unique_ptr<model::TextEncoder>> BuildTextEncoder(const core::Json& config,
                                                                   model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_REGISTRY_H_
