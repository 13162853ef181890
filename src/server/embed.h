// Texts to vectors for the front ends, by a model of the pool.
#ifndef INGOT_SERVER_EMBED_H_
#define INGOT_SERVER_EMBED_H_

#include "core/status.h"
#include "engine/model_pool.h"
#include "server/embed_task.h"

namespace ingot::server {

// Any thread; blocks.
core::Result<EmbedResult> Embed(engine::ModelPool& models, const EmbedTask& task);

}  // namespace ingot::server

#endif  // INGOT_SERVER_EMBED_H_
