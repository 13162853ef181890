// Pulling a model: its manifest, then the blobs that are not here, then, in one step, the model.
// Until that step the store has what it had: a pull that fails or is interrupted, however, leaves
// finished blobs and resumable parts, and the same pull, repeated, goes on from there.
//
// Waits for another process that works on the same name. Any thread; the call uses threads of its
// own.
#ifndef INGOT_REGISTRY_PULL_H_
#define INGOT_REGISTRY_PULL_H_

#include <cstdint>

#include "core/clock.h"
#include "core/progress.h"
#include "core/status.h"
#include "registry/credentials.h"
#include "registry/environment.h"
#include "registry/http.h"
#include "registry/layer_observer.h"
#include "registry/retry.h"
#include "store/store.h"

namespace ingot::registry {

using PullObserver = LayerObserver;

inline constexpr int kMostStreams = 64;

struct PullOptions {
  bool insecure = false;  // plain HTTP
  int streams = 8;        // requests at a time
  // Blobs longer than this come in several requests.
  uint64_t range_bytes = uint64_t{64} << 20;
  HttpOptions http;
  RetryOptions retry;
  Environment environment = ProcessEnvironment;
  Waiter* waiter = &Waiter::System();
};

struct PullReport {
  store::StoredModel model;
  bool unchanged = false;  // the same manifest was here, and everything it names
  uint64_t blobs_fetched = 0;
  uint64_t blobs_present = 0;  // not fetched: they were here, whole
  uint64_t bytes_fetched = 0;  // that came over the network
  uint64_t bytes_resumed = 0;  // of the blobs fetched: they were here from an earlier pull
  uint64_t bytes_present = 0;
};

core::Result<PullReport> Pull(const store::Store& store, const store::ModelName& name,
                              const PullOptions& options, core::ProgressSink& progress,
                              PullObserver* observer = nullptr);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_PULL_H_
