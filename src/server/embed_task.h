// What a front end asks for when it asks for vectors, and what it gets. Values.
#ifndef INGOT_SERVER_EMBED_TASK_H_
#define INGOT_SERVER_EMBED_TASK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/embed_input.h"
#include "engine/keep_alive.h"

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

}  // namespace ingot::server

#endif  // INGOT_SERVER_EMBED_TASK_H_
