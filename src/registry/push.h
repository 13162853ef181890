// Pushing a model: what the registry does not have of its blobs, and then, in one step, its
// manifest, byte for byte as it lies in the store. Until that step the registry's model of that
// name is what it was. A push that fails or is interrupted leaves finished blobs at the registry
// and goes on from there when it is repeated.
//
// Every blob is hashed as it is sent; a damaged one ends the push. The model stays where it is
// while it is pushed, whoever wants to remove it. Any thread; the call uses threads of its own.
#ifndef INGOT_REGISTRY_PUSH_H_
#define INGOT_REGISTRY_PUSH_H_

#include <cstdint>
#include <string>

#include "core/progress.h"
#include "core/status.h"
#include "registry/environment.h"
#include "registry/http.h"
#include "registry/layer_observer.h"
#include "registry/pull.h"
#include "registry/retry.h"
#include "store/store.h"

namespace ingot::registry {

struct PushOptions {
  bool insecure = false;  // plain HTTP
  int streams = 8;        // requests at a time that send blobs
  // Blobs longer than this go in several requests, so that less is lost with one of them.
  uint64_t part_bytes = uint64_t{32} << 20;
  // The same where the registry has parts sent to its storage, which takes no small ones; and no
  // more than a sixteenth of the blob where that is longer.
  uint64_t storage_part_bytes = uint64_t{100} << 20;
  HttpOptions http;
  RetryOptions retry;
  Environment environment = ProcessEnvironment;
  Waiter* waiter = &Waiter::System();
};

struct PushReport {
  store::StoredModel model;
  uint64_t blobs_sent = 0;
  uint64_t blobs_present = 0;  // the registry had them
  uint64_t blobs_mounted = 0;  // it took them over from another of its repositories
  uint64_t bytes_sent = 0;     // of blobs, over the network
  uint64_t bytes_resumed = 0;  // of the blobs sent: an earlier push had sent them
  uint64_t bytes_present = 0;  // of present and mounted ones
};

core::Result<PushReport> Push(const store::Store& store, const store::ModelName& name,
                              const PushOptions& options, core::ProgressSink& progress,
                              LayerObserver* observer = nullptr);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_PUSH_H_
