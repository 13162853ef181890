// The models that are loaded now. A model is loaded when it is first asked for, kept for a while
// after its last use, and gives way to others when memory asks, least recently used first.
//
// Any thread. Acquire blocks while the model is loaded; callers that ask for the same one meanwhile
// wait for the same load.
#ifndef INGOT_ENGINE_MODEL_POOL_H_
#define INGOT_ENGINE_MODEL_POOL_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/status.h"
#include "engine/embedding_service.h"
#include "engine/engine_thread.h"
#include "engine/keep_alive.h"
#include "engine/model_files.h"
#include "engine/scheduler.h"
#include "ops/array.h"

namespace ingot::engine {

struct LoadProgress {
  uint64_t done = 0;  // bytes of weights that are in memory
  uint64_t total = 0;
};
// Called by the thread that called Acquire; false gives the load up.
using LoadListener = std::function<bool(const LoadProgress&)>;

// What a name stands for. The digest tells whether a name means what it meant before; it names the
// model in listings and on disk.
struct FoundModel {
  std::unique_ptr<ModelFiles> files;
  std::string name;    // as it is spelled in the store
  std::string digest;  // of its manifest, in hex; empty for a folder
};

struct LoadingModel {
  std::string name;
  LoadProgress progress;
};

struct PoolOptions {
  // Called without a lock held, by the thread that calls Acquire.
  std::function<core::Result<FoundModel>(const std::string& name)> find = {};
  std::optional<ops::mx::Dtype> type = {};   // of activations; absent: as checkpoints were written
  std::optional<ops::mx::Dtype> cache = {};  // of keys and values: int8, or absent: as computed
  // Where cache_bytes is 0, caches may take what weights leave. Prefixes go to the folder in
  // INGOT_CACHE_DIR where none is given.
  SchedulerOptions scheduler = {};
  uint64_t memory_bytes = 0;  // for weights, caches and work together; 0: most of the machine's
  size_t max_models = 0;      // loaded at once; 0: as many as fit
  KeepAlive keep_alive{300};  // for those who do not say
};

struct RunningModel {
  std::string name;
  std::string digest;
  uint64_t bytes = 0;  // of its weights and of what its sequences hold now
  int context = 0;
  bool in_use = false;
  std::optional<std::chrono::seconds> expires_in;  // absent: never, or in use
  std::shared_ptr<const LoadedModel> model;        // null where it only makes vectors
  ServiceStats stats;
};

class ModelPool {
 public:
  explicit ModelPool(PoolOptions options);
  // Nothing acquired may be in use any more. Waits until the engine thread has let all models go.
  ~ModelPool();
  ModelPool(const ModelPool&) = delete;
  ModelPool& operator=(const ModelPool&) = delete;

  // The result keeps the model loaded; letting it go is the end of a use, from which keep_alive
  // counts. Names what would be needed when the model cannot fit: kBusy beside those in use,
  // kExhausted at all.
  core::Result<std::shared_ptr<ModelService>> Acquire(const std::string& name,
                                                      std::optional<KeepAlive> keep_alive = {},
                                                      const LoadListener& progress = {});
  // The same for vectors of texts. A model may be loaded for both: its weights are mapped once.
  core::Result<std::shared_ptr<EmbeddingService>> AcquireEmbedder(
      const std::string& name, std::optional<KeepAlive> keep_alive = {},
      const LoadListener& progress = {});
  std::vector<RunningModel> Running() const;  // each model once
  std::vector<LoadingModel> Loading() const;
  // Unloads it once its requests are done; false when it is not loaded. A later Acquire loads anew.
  bool Stop(const std::string& name);
  // The same for all.
  void StopAll();

  EngineThread& thread() { return *thread_; }

 private:
  struct Entry;
  enum class Use : uint8_t { kAnswers, kVectors };
  core::Result<std::shared_ptr<Entry>> Find(const std::string& name, Use use,
                                            std::optional<KeepAlive> keep_alive,
                                            const LoadListener& progress);
  // What each of the models that answer may have beside its weights.
  struct Share {
    uint64_t caches = 0;
    uint64_t prefixes = 0;
  };
  Share ShareNow() const;  // with the lock held
  void GiveShares();
  SchedulerOptions OptionsFor(const Entry& entry);
  void Housekeeping();
  core::Status MakeRoom(std::unique_lock<std::mutex>& lock, uint64_t bytes);
  // Counts a use, which ends with the result.
  template <typename Service>
  std::shared_ptr<Service> Lend(const std::shared_ptr<Entry>& entry, Service* service);
  void GiveBack(const std::shared_ptr<Entry>& entry);
  core::Status Load(Entry& entry, const LoadListener& progress);

  const PoolOptions options_;
  const std::shared_ptr<EngineThread> thread_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;  // by name as found, and use
  bool ending_ = false;
  std::thread housekeeper_;  // last: it uses what stands above
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_MODEL_POOL_H_
