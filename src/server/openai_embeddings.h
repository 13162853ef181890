// POST /v1/embeddings: from its JSON to a task, and from vectors to its JSON. Pure.
#ifndef INGOT_SERVER_OPENAI_EMBEDDINGS_H_
#define INGOT_SERVER_OPENAI_EMBEDDINGS_H_

#include "core/json.h"
#include "core/status.h"
#include "server/embed_task.h"

namespace ingot::server {

struct OpenAiEmbeddings {
  EmbedTask task;
  bool base64 = false;  // little-endian float32 instead of a list of numbers
};

core::Result<OpenAiEmbeddings> ParseOpenAiEmbeddings(const core::Json& json);
core::Json EmbeddingsJson(const OpenAiEmbeddings& request, const EmbedResult& result);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OPENAI_EMBEDDINGS_H_
