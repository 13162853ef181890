// Nomic's BERT: rotary positions and a gated MLP, norms after each half of a layer.
#ifndef INGOT_MODELS_NOMIC_BERT_H_
#define INGOT_MODELS_NOMIC_BERT_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "model/text_encoder.h"
#include "model/weights.h"

namespace ingot::models {

core::Result<std::unique_ptr<model::TextEncoder>> BuildNomicBert(const core::Json& config,
                                                                 model::Weights& weights);

}  // namespace ingot::models

#endif  // INGOT_MODELS_NOMIC_BERT_H_
