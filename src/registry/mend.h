// Fetches from a model's registry what a repair found missing or set aside, and nothing else: whole
// blobs, or, of a blob that was merely short, what came after its end. What comes is believed for
// its digest, as in a pull; a manifest that was set aside is pulled anew.
//
// The registry that is asked is the one that the model's name begins with. Any thread; the call
// uses threads of its own.
#ifndef INGOT_REGISTRY_MEND_H_
#define INGOT_REGISTRY_MEND_H_

#include <cstdint>

#include "core/progress.h"
#include "core/status.h"
#include "registry/pull.h"
#include "store/repair.h"
#include "store/store.h"

namespace ingot::registry {

struct MendReport {
  bool manifest_fetched = false;
  uint64_t blobs_fetched = 0;
  uint64_t bytes_fetched = 0;
  uint64_t bytes_kept = 0;  // of blobs that were short, or came from an interrupted download
};

// repaired: what store::RepairStore said just now. OK without a request where the model lacks
// nothing.
core::Result<MendReport> Mend(const store::Store& store, const store::ModelName& name,
                              const store::RepairReport& repaired, const PullOptions& options,
                              core::ProgressSink& progress, LayerObserver* observer = nullptr);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_MEND_H_
