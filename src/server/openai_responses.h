// POST /v1/responses: from its JSON to a task. Pure.
#ifndef INGOT_SERVER_OPENAI_RESPONSES_H_
#define INGOT_SERVER_OPENAI_RESPONSES_H_

#include <optional>
#include <string>

#include "core/json.h"
#include "core/status.h"
#include "server/chat_task.h"

namespace ingot::server {

struct OpenAiResponses {
  ChatTask task;
  core::Json items = core::Json::array();  // this request's input, each with its type and an id
  core::Json said = core::Json::object();  // what the response repeats of the request
  bool stream = false;
  bool store = true;
};

// The response that this one goes on from, or nullopt.
core::Result<std::optional<std::string>> PreviousResponseId(const core::Json& json);
// earlier: the items of the conversation before this request, oldest first.
core::Result<OpenAiResponses> ParseOpenAiResponses(const core::Json& json,
                                                   const core::Json& earlier);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OPENAI_RESPONSES_H_
