// Requests of the Ollama API that go to a model, read and checked. Pure; any thread.
#ifndef INGOT_SERVER_OLLAMA_REQUEST_H_
#define INGOT_SERVER_OLLAMA_REQUEST_H_

#include <string>
#include <string_view>

#include "core/status.h"
#include "server/chat_task.h"
#include "server/fields.h"

namespace ingot::server {

struct OllamaRequest {
  ChatTask task;
  bool stream = true;
  bool render_only = false;  // _debug_render_only
  bool empty = false;        // asks for nothing but that the model be loaded, or let go
  bool wants_context = false;
};

core::Result<OllamaRequest> ReadGenerate(std::string_view body);
core::Result<OllamaRequest> ReadChat(std::string_view body);

// Shared with embeddings: "options", by the names of Modelfiles. What only says how to load a model
// of the original's own kind changes no answer and is passed over.
core::Status ReadOptions(Fields& fields, ChatTask& task);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OLLAMA_REQUEST_H_
