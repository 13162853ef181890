#include "engine/model_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/clock.h"
#include "core/env.h"
#include "core/heap.h"
#include "core/memory.h"
#include "core/strings.h"
#include "engine/warm_weights.h"
#include "ops/backend.h"
#include "ops/gpu/choice.h"

namespace ingot::engine {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

int64_t NowNs() { return core::Clock::System().MonotonicNs(); }

constexpr int64_t kForGood = -1;
// How often memory that is free goes back to the system while models are loaded, and how soon after
// one is not: its engine has let it go by then.
constexpr int64_t kSweepNs = int64_t{20} * 1'000'000'000;
constexpr int64_t kSoonNs = int64_t{1} * 1'000'000'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

int64_t ExpiryOf(KeepAlive keep_alive) {
  if (keep_alive.count() < 0) return kForGood;
  // Far beyond any life of a process, and far from overflow.
  const auto seconds = std::min<int64_t>(keep_alive.count(), int64_t{1} << 31);
  return NowNs() + seconds * 1'000'000'000;
}

uint64_t MachineBudget() {
  if (const auto memory = ops::MemoryOfGpu()) return *memory / 10 * 9;
  const auto memory = core::ReadMemoryInfo(core::Env::Posix());
  return memory.ok() ? memory->total / 10 * 9 : uint64_t{8} << 30;
}

PoolOptions WithDefaults(PoolOptions options) {
  if (options.memory_bytes == 0) options.memory_bytes = MachineBudget();
  const char* folder = std::getenv("INGOT_CACHE_DIR");
  PrefixDiskOptions& disk = options.scheduler.prefix_disk;
  if (disk.folder.empty() && folder != nullptr) disk.folder = folder;
  return options;
}

// What two loads of one model are together.
void Merge(RunningModel from, RunningModel& into) {
  into.bytes += from.bytes;
  into.context = std::max(into.context, from.context);
  into.in_use |= from.in_use;
  if (into.in_use || !into.expires_in || !from.expires_in) {
    into.expires_in.reset();
  } else {
    into.expires_in = std::max(*into.expires_in, *from.expires_in);
  }
  if (from.model != nullptr) {
    into.model = std::move(from.model);
    into.stats = from.stats;
  }
}

}  // namespace

struct ModelPool::Entry {
  std::string name;
  std::string digest;
  uint64_t bytes = 0;  // of weights
  std::atomic<uint64_t> loaded{0};
  std::unique_ptr<ModelFiles> files;
  std::shared_ptr<const LoadedModel> model;
  Use use = Use::kAnswers;
  // One of the two, once loaded.
  std::unique_ptr<ModelService> service;
  std::unique_ptr<EmbeddingService> vectors;
  bool loading = true;
  bool stopping = false;  // goes as soon as it is not in use
  Status failed;
  size_t uses = 0;
  KeepAlive keep_alive{0};
  int64_t expires_ns = 0;
  int64_t used_ns = 0;
};

ModelPool::ModelPool(PoolOptions options)
    : options_(WithDefaults(std::move(options))),
      thread_(std::make_shared<EngineThread>()),
      housekeeper_([this] { Housekeeping(); }) {}

ModelPool::~ModelPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  housekeeper_.join();
  entries_.clear();
}

Result<std::shared_ptr<ModelService>> ModelPool::Acquire(const std::string& name,
                                                         std::optional<KeepAlive> keep_alive,
                                                         const LoadListener& progress) {
  INGOT_ASSIGN(const std::shared_ptr<Entry> entry, Find(name, Use::kAnswers, keep_alive, progress));
  return Lend(entry, entry->service.get());
}

Result<std::shared_ptr<EmbeddingService>> ModelPool::AcquireEmbedder(
    const std::string& name, std::optional<KeepAlive> keep_alive, const LoadListener& progress) {
  INGOT_ASSIGN(const std::shared_ptr<Entry> entry, Find(name, Use::kVectors, keep_alive, progress));
  return Lend(entry, entry->vectors.get());
}

// Loaded, and with a use counted that Lend makes the caller's.
Result<std::shared_ptr<ModelPool::Entry>> ModelPool::Find(const std::string& name, Use use,
                                                          std::optional<KeepAlive> keep_alive,
                                                          const LoadListener& progress) {
  INGOT_ASSIGN(FoundModel found, options_.find(name));
  const std::string key = use == Use::kAnswers ? found.name : StrCat(found.name, " (vectors)");
  std::unique_lock lock(mutex_);
  while (true) {
    const auto known = entries_.find(key);
    if (known == entries_.end()) break;
    const std::shared_ptr<Entry> entry = known->second;
    if (entry->loading) {
      changed_.wait(lock, [&] { return !entry->loading; });
      // What another caller gave up may still be wanted here.
      const bool given_up = entry->failed.code() == core::Code::kCancelled;
      if (!entry->failed.ok() && !given_up) return entry->failed;
      continue;
    }
    if (entry->digest == found.digest && !entry->stopping) {
      entry->keep_alive = keep_alive.value_or(options_.keep_alive);
      ++entry->uses;
      return entry;
    }
    // The name means another model now, or this one is on its way out: it answers what it has
    // begun, under no name.
    entry->stopping = true;
    entries_.erase(known);
    entries_.emplace(StrCat(key, "#", NowNs()), entry);
  }
  const auto entry = std::make_shared<Entry>();
  entry->name = found.name;
  entry->digest = found.digest;
  entry->use = use;
  entry->files = std::move(found.files);
  entry->keep_alive = keep_alive.value_or(options_.keep_alive);
  entries_.emplace(key, entry);
  Status status = [&]() -> Status {
    lock.unlock();
    auto tensors = entry->files->Tensors();
    lock.lock();
    if (!tensors.ok()) return std::move(tensors).status();
    entry->bytes = tensors->bytes();
    INGOT_TRY(MakeRoom(lock, entry->bytes));
    lock.unlock();
    GiveShares();
    const LoadListener heard = [&](const LoadProgress& so_far) {
      entry->loaded = so_far.done;
      return !progress || progress(so_far);
    };
    // Weights that are copied to a GPU are read then.
    const bool in_place = ops::gpu::BackEndInUse() != ops::gpu::BackEnd::kCuda;
    Status loaded = in_place ? WarmWeights(*tensors, heard) : Status::Ok();
    if (loaded.ok()) loaded = Load(*entry, heard);
    lock.lock();
    return loaded;
  }();
  entry->loading = false;
  entry->failed = status;
  changed_.notify_all();
  if (!status.ok()) {
    entries_.erase(key);
    lock.unlock();
    GiveShares();
    return status;
  }
  ++entry->uses;
  return entry;
}

// What the weights leave is for caches, one half, for prefixes and for the work itself; of that
// each model that answers has as much as the others, so that all together keep to the limit.
ModelPool::Share ModelPool::ShareNow() const {
  uint64_t taken = 0;
  uint64_t models = 0;
  for (const auto& [key, one] : entries_) {
    taken += one->bytes;
    if (one->use == Use::kAnswers) ++models;
  }
  const uint64_t rest = (options_.memory_bytes - std::min(options_.memory_bytes, taken)) /
                        std::max<uint64_t>(models, 1);
  const uint64_t caches = options_.scheduler.cache_bytes;
  return {.caches = caches > 0 ? caches : std::max<uint64_t>(rest / 2, 1),
          .prefixes = std::min(options_.scheduler.prefix_bytes, rest / 4)};
}

// To those that are loaded. Without the lock: each waits for the engine thread.
void ModelPool::GiveShares() {
  Share share;
  std::vector<std::shared_ptr<Entry>> loaded;
  {
    const std::lock_guard lock(mutex_);
    share = ShareNow();
    for (const auto& [key, one] : entries_) {
      if (!one->loading && one->service) loaded.push_back(one);
    }
  }
  for (const auto& one : loaded) one->service->SetLimits(share.caches, share.prefixes);
}

SchedulerOptions ModelPool::OptionsFor(const Entry& entry) {
  SchedulerOptions options = options_.scheduler;
  {
    const std::lock_guard lock(mutex_);
    const Share share = ShareNow();
    options.cache_bytes = share.caches;
    options.prefix_bytes = share.prefixes;
  }
  if (!entry.digest.empty()) {
    const auto said = [](std::string_view what, const std::optional<ops::mx::Dtype>& type) {
      return type ? StrCat(what, static_cast<int>(type->val())) : std::string();
    };
    options.prefix_disk.identity = StrCat(entry.digest, said(" computed in type ", options_.type),
                                          said(" kept in type ", options_.cache));
  }
  return options;
}

Status ModelPool::Load(Entry& entry, const LoadListener& progress) {
  Status status;
  std::unique_ptr<Embedder> embedder;
  thread_->Run([&] {
    if (entry.use == Use::kVectors) {
      auto loaded = Embedder::Load(*entry.files, options_.type);
      if (loaded.ok()) {
        embedder = *std::move(loaded);
      } else {
        status = std::move(loaded).status();
      }
      return;
    }
    auto loaded = LoadedModel::Load(*entry.files, options_.type, options_.cache);
    if (loaded.ok()) {
      entry.model = *std::move(loaded);
    } else {
      status = std::move(loaded).status();
    }
  });
  INGOT_TRY(status);
  if (progress && !progress({entry.bytes, entry.bytes})) {
    return core::Cancelled("loading was given up");
  }
  if (entry.use == Use::kVectors) {
    entry.vectors = std::make_unique<EmbeddingService>(thread_, std::move(embedder));
  } else {
    entry.service = std::make_unique<ModelService>(thread_, entry.model, OptionsFor(entry));
  }
  return Status::Ok();
}

Status ModelPool::MakeRoom(std::unique_lock<std::mutex>& lock, uint64_t bytes) {
  while (true) {
    uint64_t taken = 0;
    size_t models = 0;
    std::shared_ptr<Entry> oldest;
    for (const auto& [key, entry] : entries_) {
      taken += entry->bytes;
      ++models;
      // What runs now will need its caches to their full length.
      if (!entry->loading && entry->service) taken += entry->service->stats().reserved_bytes;
      if (entry->loading || entry->uses > 0) continue;
      if (!oldest || entry->used_ns < oldest->used_ns) oldest = entry;
    }
    const bool fits = taken <= options_.memory_bytes;
    if (fits && (options_.max_models == 0 || models <= options_.max_models)) return Status::Ok();
    if (!oldest) {
      // Once what is in use is not any more there is room, unless there never is.
      const bool later = bytes <= options_.memory_bytes;
      return Status(later ? core::Code::kBusy : core::Code::kExhausted,
                    StrCat("the model needs ", core::HumanBytes(bytes),
                           " beside those in use, which leave ",
                           core::HumanBytes(options_.memory_bytes -
                                            std::min(options_.memory_bytes, taken - bytes)),
                           " of ", core::HumanBytes(options_.memory_bytes)))
          .WithHint("Stop a running model, or raise the memory limit.");
    }
    std::erase_if(entries_, [&](const auto& pair) { return pair.second == oldest; });
    lock.unlock();
    oldest.reset();
    thread_->Settle();  // its arrays are gone by then
    lock.lock();
  }
}

template <typename Service>
std::shared_ptr<Service> ModelPool::Lend(const std::shared_ptr<Entry>& entry, Service* service) {
  return {service, [this, entry](Service*) { GiveBack(entry); }};
}

void ModelPool::GiveBack(const std::shared_ptr<Entry>& entry) {
  {
    const std::lock_guard lock(mutex_);
    --entry->uses;
    entry->used_ns = NowNs();
    entry->expires_ns = ExpiryOf(entry->keep_alive);
  }
  changed_.notify_all();
}

void ModelPool::Housekeeping() {
  std::unique_lock lock(mutex_);
  int64_t sweep_ns = kNever;  // when free memory goes back to the system
  while (!ending_) {
    const int64_t now = NowNs();
    if (now >= sweep_ns) {
      sweep_ns = kNever;
      lock.unlock();
      core::ReturnFreeMemory();
      lock.lock();
      continue;
    }
    if (!entries_.empty()) sweep_ns = std::min(sweep_ns, now + kSweepNs);
    int64_t next = std::min(sweep_ns, now + int64_t{3600} * 1'000'000'000);
    std::vector<std::shared_ptr<Entry>> gone;
    std::erase_if(entries_, [&](const auto& pair) {
      const std::shared_ptr<Entry>& entry = pair.second;
      if (entry->loading || entry->uses > 0) return false;
      const bool over = entry->expires_ns != kForGood && entry->expires_ns <= now;
      if (over || entry->stopping) {
        gone.push_back(entry);
        return true;
      }
      if (entry->expires_ns != kForGood) next = std::min(next, entry->expires_ns);
      return false;
    });
    if (!gone.empty()) {
      lock.unlock();
      gone.clear();
      GiveShares();
      lock.lock();
      sweep_ns = NowNs() + kSoonNs;
      continue;
    }
    changed_.wait_for(lock, std::chrono::nanoseconds(next - now));
  }
}

std::vector<RunningModel> ModelPool::Running() const {
  const std::lock_guard lock(mutex_);
  std::vector<RunningModel> running;
  for (const auto& [key, entry] : entries_) {
    if (entry->loading) continue;
    RunningModel one{.name = entry->name,
                     .digest = entry->digest,
                     .bytes = entry->bytes,
                     .context = entry->model ? entry->model->language().shape().context : 0,
                     .in_use = entry->uses > 0,
                     .expires_in = {},
                     .model = entry->model,
                     .stats = entry->service ? entry->service->stats() : ServiceStats{}};
    one.bytes += one.stats.cache_bytes + one.stats.prefix_bytes;
    if (!one.in_use && entry->expires_ns != kForGood) {
      one.expires_in =
          std::chrono::seconds(std::max<int64_t>(entry->expires_ns - NowNs(), 0) / 1'000'000'000);
    }
    // One that answers and makes vectors is loaded twice, and is one model.
    const auto same = std::find_if(running.begin(), running.end(), [&](const RunningModel& other) {
      return other.name == one.name && other.digest == one.digest;
    });
    if (same == running.end()) {
      running.push_back(std::move(one));
    } else {
      Merge(std::move(one), *same);
    }
  }
  return running;
}

std::vector<LoadingModel> ModelPool::Loading() const {
  const std::lock_guard lock(mutex_);
  std::vector<LoadingModel> loading;
  for (const auto& [key, entry] : entries_) {
    if (!entry->loading) continue;
    loading.push_back({entry->name, {.done = entry->loaded, .total = entry->bytes}});
  }
  return loading;
}

bool ModelPool::Stop(const std::string& name) {
  bool found = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, entry] : entries_) {
      if (entry->name != name || entry->loading) continue;
      entry->stopping = true;
      found = true;
    }
  }
  changed_.notify_all();
  return found;
}

void ModelPool::StopAll() {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, entry] : entries_) entry->stopping = true;
  }
  changed_.notify_all();
}

}  // namespace ingot::engine
