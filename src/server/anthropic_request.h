// POST /v1/messages: from its JSON to a task. Pure.
#ifndef INGOT_SERVER_ANTHROPIC_REQUEST_H_
#define INGOT_SERVER_ANTHROPIC_REQUEST_H_

#include "core/json.h"
#include "core/status.h"
#include "server/chat_task.h"

namespace ingot::server {

struct AnthropicRequest {
  ChatTask task;
  bool stream = false;
};

// counting: for count_tokens, which needs no max_tokens and knows nothing of sampling.
core::Result<AnthropicRequest> ParseAnthropic(const core::Json& json, bool counting);

}  // namespace ingot::server

#endif  // INGOT_SERVER_ANTHROPIC_REQUEST_H_
