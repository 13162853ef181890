#include "server/embed_service.h"

#include <chrono>
#include <utility>

#include "core/clock.h"
#include "core/strings.h"
#include "engine/model_files.h"
#include "store/name.h"

namespace ingot::server {
namespace {

using core::Result;
using core::Status;
using core::StrCat;
using Steady = std::chrono::steady_clock;

// Embedders are small beside what answers; more than that at once is somebody trying them all.
constexpr size_t kMostLoaded = 3;

double SecondsSince(int64_t start) {
  return static_cast<double>(core::Clock::System().MonotonicNs() - start) * 1e-9;
}

}  // namespace

struct EmbedService::Loaded {
  std::unique_ptr<engine::ModelFiles> files;  // holds the model in the store
  std::unique_ptr<engine::Embedder> embedder;
  std::optional<Steady::time_point> expires;  // absent: never
  Steady::time_point used;
};

EmbedService::EmbedService(const store::Store& store, engine::EngineThread& thread,
                           std::optional<ops::mx::Dtype> type, engine::KeepAlive keep_alive)
    : store_(store), thread_(thread), type_(type), keep_alive_(keep_alive), housekeeper_([this] {
        Expire();
      }) {}

EmbedService::~EmbedService() {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    ending_ = true;
    changed_.notify_all();
  }
  housekeeper_.join();
  for (auto& [digest, loaded] : loaded_) LetGo(std::move(loaded));
}

// Arrays end where they began.
void EmbedService::LetGo(std::shared_ptr<Loaded> loaded) {
  thread_.Run([&loaded] { loaded.reset(); });
}

void EmbedService::Expire() {
  std::unique_lock<std::mutex> hold(lock_);
  while (!ending_) {
    changed_.wait_for(hold, std::chrono::seconds(1));
    for (auto it = loaded_.begin(); it != loaded_.end();) {
      if (!it->second->expires || *it->second->expires > Steady::now()) {
        ++it;
        continue;
      }
      std::shared_ptr<Loaded> gone = std::move(it->second);
      it = loaded_.erase(it);
      hold.unlock();
      LetGo(std::move(gone));
      hold.lock();
      it = loaded_.begin();
    }
  }
}

Result<std::shared_ptr<EmbedService::Loaded>> EmbedService::Load(const std::string& model) {
  INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(model));
  INGOT_ASSIGN(const store::StoredModel stored, store_.Read(name));
  const std::string digest = stored.raw.id.Hex();
  const std::lock_guard<std::mutex> loading(loading_);
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (const auto found = loaded_.find(digest); found != loaded_.end()) return found->second;
  }
  auto loaded = std::make_shared<Loaded>();
  INGOT_ASSIGN(loaded->files, engine::ModelFiles::OpenStored(store_, stored.name));
  Status status;
  thread_.Run([&] {
    auto embedder = engine::Embedder::Load(*loaded->files, type_);
    if (embedder.ok()) {
      loaded->embedder = *std::move(embedder);
    } else {
      status = std::move(embedder).status();
    }
  });
  INGOT_TRY(status);
  std::shared_ptr<Loaded> oldest;
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (loaded_.size() >= kMostLoaded) {
      auto least = loaded_.begin();
      for (auto it = loaded_.begin(); it != loaded_.end(); ++it) {
        if (it->second->used < least->second->used) least = it;
      }
      oldest = std::move(least->second);
      loaded_.erase(least);
    }
    loaded->used = Steady::now();
    loaded_[digest] = loaded;
  }
  if (oldest != nullptr) LetGo(std::move(oldest));
  return loaded;
}

Result<EmbedResult> EmbedService::Embed(const EmbedTask& task) {
  const int64_t start = core::Clock::System().MonotonicNs();
  INGOT_ASSIGN(std::shared_ptr<Loaded> loaded, Load(task.model));
  EmbedResult result;
  result.load_seconds = SecondsSince(start);
  engine::EmbedOptions options;
  options.dimensions = task.dimensions;
  // The interfaces promise vectors of length one, whatever the model declares.
  options.normalise = true;
  Status status;
  for (size_t i = 0; i < task.inputs.size() && status.ok(); ++i) {
    if (task.cancelled && task.cancelled()) {
      status = core::Cancelled("the client has gone");
      break;
    }
    thread_.Run([&] {
      const auto* text = std::get_if<std::string>(&task.inputs[i]);
      auto one = text != nullptr
                     ? loaded->embedder->Embed(*text, options)
                     : loaded->embedder->EmbedTokens(std::get<1>(task.inputs[i]), options);
      if (!one.ok()) {
        status = std::move(one).status();
      } else if (one->truncated && !task.truncate) {
        status = core::InvalidArgument(StrCat("input ", i, " is longer than the ", one->tokens,
                                              " tokens that the model reads"));
      } else {
        result.prompt_tokens += one->tokens;
        result.vectors.push_back(std::move(one->values));
      }
    });
  }
  result.total_seconds = SecondsSince(start);
  const engine::KeepAlive keep = task.keep_alive.value_or(keep_alive_);
  {
    const std::lock_guard<std::mutex> hold(lock_);
    loaded->used = Steady::now();
    loaded->expires.reset();
    if (keep.count() >= 0) loaded->expires = loaded->used + keep;
    if (keep.count() == 0) changed_.notify_all();
  }
  LetGo(std::move(loaded));
  INGOT_TRY(status);
  return result;
}

}  // namespace ingot::server
