// The manifest of a model that is being pulled, laid where `ingot show` finds it while the model
// itself is not there yet. It stays when the pull is interrupted, for as long as what has come
// does. Nothing depends on it: where it cannot be written the pull goes on. Any thread.
#ifndef INGOT_REGISTRY_PULL_MARKER_H_
#define INGOT_REGISTRY_PULL_MARKER_H_

#include <cstdint>
#include <optional>

#include "core/status.h"
#include "registry/plan.h"
#include "store/store.h"

namespace ingot::registry {

class PullMarker {
 public:
  // Writes it, unless nothing is to be fetched.
  PullMarker(const store::Store& store, const store::ModelName& name,
             const store::RawManifest& manifest, const PullPlan& plan);
  // The model is there.
  void Remove() const;

 private:
  const store::Store& store_;
  const store::ModelName name_;
};

// What of a model has come so far.
struct PartialModel {
  store::StoredModel model;
  uint64_t bytes = 0;  // of all its blobs, each once
  uint64_t bytes_here = 0;
  uint64_t blobs = 0;
  uint64_t blobs_here = 0;  // whole ones
  bool running = false;     // a process pulls it right now
};

// nullopt: no pull of it was begun, or it is done.
core::Result<std::optional<PartialModel>> FindPartialModel(const store::Store& store,
                                                           const store::ModelName& name);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_PULL_MARKER_H_
