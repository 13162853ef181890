// What handlers work with. Made once, by the server; whatever is in it is thread-safe or constant.
#ifndef INGOT_SERVER_CONTEXT_H_
#define INGOT_SERVER_CONTEXT_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "core/clock.h"
#include "core/env.h"
#include "engine/model_pool.h"
#include "server/heartbeat.h"
#include "server/metrics.h"
#include "server/model_details.h"
#include "server/refusal.h"
#include "server/response_store.h"
#include "server/worker_pool.h"
#include "store/store.h"

namespace ingot::server {

struct Context {
  // beat: how often those who wait for a prompt to be read hear that it still is.
  Context(const store::Store& s, engine::ModelPool& m, WorkerPool& w,
          std::chrono::milliseconds beat)
      : store(s), models(m), workers(w), heartbeat(beat) {}

  const store::Store& store;
  engine::ModelPool& models;
  WorkerPool& workers;
  Metrics metrics;
  ResponseStore responses;
  ModelDetails details;
  Heartbeat heartbeat;
  core::Clock& clock = core::Clock::System();

  bool log_prompts = false;         // asked for by whoever started the server
  bool has_keys = false;            // callers are told apart
  bool share_prefixes = false;      // what one key's prompts left serves every key
  int64_t started_ns = 0;           // monotonic
  std::function<void()> shut_down;  // what `ingot stop` asks for
  std::atomic<bool> draining{false};
  std::atomic<int64_t> drained_ns{0};  // monotonic: when the last answers end that draining allows
};

// Where somebody is told that the server is ending: when it should have ended, and another one may
// be there.
Refusal Ending(const Context& context);

// Whose the responses are that a caller leaves. Callers with keys have their own; the others are
// one.
inline std::string OwnerOf(const std::string& key) { return key; }

}  // namespace ingot::server

#endif  // INGOT_SERVER_CONTEXT_H_
