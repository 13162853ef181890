// BERT: positions from a table, norms after each half of a layer.
#ifndef INGOT_MODELS_BERT_H_
#define INGOT_MODELS_BERT_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/text_encoder.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::TextEncoder>> BuildBert(const core::Json& config,
                                                            model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_BERT_H_
