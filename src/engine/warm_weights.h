// Weights are mapped, not read: this brings them into memory before anyone waits for their first
// token, and says how far it is.
//
// Any thread.
#ifndef INGOT_ENGINE_WARM_WEIGHTS_H_
#define INGOT_ENGINE_WARM_WEIGHTS_H_

#include "core/status.h"
#include "engine/model_pool.h"
#include "model/stored_tensors.h"

namespace ingot::engine {

// kCancelled when the listener, which may be empty, gave it up.
core::Status WarmWeights(const model::StoredTensors& tensors, const LoadListener& progress);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_WARM_WEIGHTS_H_
