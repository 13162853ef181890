// A model that makes vectors of texts, for any number of callers at once: each text is a job of its
// own on the engine thread, so that answers which run there wait for one text at most.
//
// Any thread; Embed blocks.
#ifndef INGOT_ENGINE_EMBEDDING_SERVICE_H_
#define INGOT_ENGINE_EMBEDDING_SERVICE_H_

#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/status.h"
#include "engine/embed_input.h"
#include "engine/embedder.h"
#include "engine/engine_thread.h"

namespace ingot::engine {

class EmbeddingService {
 public:
  EmbeddingService(std::shared_ptr<EngineThread> thread, std::unique_ptr<Embedder> embedder)
      : thread_(std::move(thread)), embedder_(std::move(embedder)) {}
  EmbeddingService(const EmbeddingService&) = delete;
  EmbeddingService& operator=(const EmbeddingService&) = delete;
  // Its arrays go where they were made.
  ~EmbeddingService() {
    thread_->Run([this] { embedder_.reset(); });
  }

  // truncate: whether an input that is too long is cut, or an error. cancelled, which may be empty,
  // is asked before each.
  core::Result<std::vector<Embedding>> Embed(std::span<const EmbedInput> inputs,
                                             const EmbedOptions& options, bool truncate,
                                             const std::function<bool()>& cancelled = {}) const;
  size_t width() const { return embedder_->width(); }

 private:
  const std::shared_ptr<EngineThread> thread_;
  std::unique_ptr<Embedder> embedder_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_EMBEDDING_SERVICE_H_
