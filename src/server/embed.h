// Texts to vectors for the front ends, by a model of the pool.
#ifndef INGOT_SERVER_EMBED_H_
#define INGOT_SERVER_EMBED_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/status.h"
#include "engine/embedding_service.h"
#include "engine/keep_alive.h"
#include "engine/model_pool.h"

namespace ingot::server {

struct EmbedTask {
  std::string model;
  std::vector<engine::EmbedInput> inputs;
  size_t dimensions = 0;  // 0: all
  bool truncate = true;   // a text that is too long is cut; otherwise it is refused
  std::optional<engine::KeepAlive> keep_alive;
  std::function<bool()> cancelled;  // asked between texts; may be empty
};

struct EmbedResult {
  std::vector<std::vector<float>> vectors;
  uint64_t prompt_tokens = 0;
  double load_seconds = 0;
  double total_seconds = 0;
};

// Any thread; blocks.
core::Result<EmbedResult> Embed(engine::ModelPool& models, const EmbedTask& task);

}  // namespace ingot::server

#endif  // INGOT_SERVER_EMBED_H_
