// Texts to vectors for the front ends: embedders are loaded when they are asked for, kept for a
// while, and work on the engine's thread between its steps, a text at a time.
//
// Any thread. The store and the engine's thread outlive it.
#ifndef INGOT_SERVER_EMBED_SERVICE_H_
#define INGOT_SERVER_EMBED_SERVICE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/status.h"
#include "engine/embedder.h"
#include "engine/engine_thread.h"
#include "engine/model_pool.h"
#include "store/store.h"

namespace ingot::server {

struct EmbedTask {
  std::string model;
  // Texts, or tokens as they stand.
  std::vector<std::variant<std::string, std::vector<int>>> inputs;
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

class EmbedService {
 public:
  EmbedService(const store::Store& store, engine::EngineThread& thread,
               std::optional<ops::mx::Dtype> type, engine::KeepAlive keep_alive);
  ~EmbedService();
  EmbedService(const EmbedService&) = delete;
  EmbedService& operator=(const EmbedService&) = delete;

  core::Result<EmbedResult> Embed(const EmbedTask& task);

 private:
  struct Loaded;
  core::Result<std::shared_ptr<Loaded>> Load(const std::string& model);
  void Expire();
  void LetGo(std::shared_ptr<Loaded> loaded);

  const store::Store& store_;
  engine::EngineThread& thread_;
  const std::optional<ops::mx::Dtype> type_;
  const engine::KeepAlive keep_alive_;
  std::mutex loading_;  // one load at a time
  std::mutex lock_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Loaded>> loaded_;  // by digest
  bool ending_ = false;
  std::thread housekeeper_;  // last: it uses what stands above
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_EMBED_SERVICE_H_
