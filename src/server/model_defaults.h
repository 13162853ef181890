// What a stored model brings beside its weights: sampling parameters, a conversation that it begins
// with. Pure reading; any thread.
#ifndef INGOT_SERVER_MODEL_DEFAULTS_H_
#define INGOT_SERVER_MODEL_DEFAULTS_H_

#include <string>
#include <vector>

#include "core/status.h"
#include "engine/request_options.h"
#include "store/store.h"
#include "text/chat/message.h"

namespace ingot::server {

// Sets what the model's PARAMETERs say. Those that mean nothing here were meant for another
// program: they are passed over, with a word in the log.
core::Status ApplyParameters(const store::Store& store, const store::StoredModel& model,
                             engine::RequestOptions& options);

// The MESSAGEs of the model.
core::Result<std::vector<text::Message>> ModelMessages(const store::Store& store,
                                                       const store::StoredModel& model);

}  // namespace ingot::server

#endif  // INGOT_SERVER_MODEL_DEFAULTS_H_
