// What one step of decoding reads from memory: every weight once, of a mixture the experts that are
// chosen, of an embedding table a row. At batch 1 this and the memory's bandwidth bound the speed.
//
// Pure; any thread.
#ifndef INGOT_MODEL_TRAFFIC_H_
#define INGOT_MODEL_TRAFFIC_H_

#include <cstdint>
#include <optional>

#include "core/json.h"
#include "core/status.h"
#include "model/stored_tensors.h"
#include "ops/array.h"

namespace ingot::model {

// Bytes a token. type: what dense weights are brought to, where that is not what they are stored
// in.
core::Result<uint64_t> BytesPerToken(const StoredTensors& tensors, const core::Json& config,
                                     std::optional<ops::mx::Dtype> type);

}  // namespace ingot::model

#endif  // INGOT_MODEL_TRAFFIC_H_
