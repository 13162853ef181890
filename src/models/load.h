// From a folder or a store to a model that can be run.
#ifndef INGOT_MODELS_LOAD_H_
#define INGOT_MODELS_LOAD_H_

#include <memory>
#include <optional>
#include <string_view>

#include "core/env.h"
#include "core/json.h"
#include "core/status.h"
#include "model/language_model.h"
#include "model/stored_tensors.h"
#include "model/text_encoder.h"
#include "ops/array.h"

namespace ingot::models {

// "float32", "bfloat16", "float16" and their short forms; nullopt for anything else.
std::optional<ops::mx::Dtype> ParseComputeType(std::string_view name);

// A folder with a checkpoint. Activations are of `type`, or of the type that the checkpoint was
// written in. Keys and values are kept in `cache`, as ops::ColumnsFor says.
core::Result<std::unique_ptr<model::LanguageModel>> LoadFolder(
    core::Env& env, const core::Path& folder, std::optional<ops::mx::Dtype> type,
    std::optional<ops::mx::Dtype> cache = {});

// The same from tensors and a config wherever they came from. The arrays keep the tensors' bytes.
core::Result<std::unique_ptr<model::LanguageModel>> LoadTensors(
    const core::Json& config, const model::StoredTensors& tensors,
    std::optional<ops::mx::Dtype> type, std::optional<ops::mx::Dtype> cache = {});

core::Result<std::unique_ptr<model::TextEncoder>> LoadEncoderTensors(
    const core::Json& config, const model::StoredTensors& tensors,
    std::optional<ops::mx::Dtype> type);

}  // namespace ingot::models

#endif  // INGOT_MODELS_LOAD_H_
