// What everything that fetches blobs into a store does first. Any thread.
#ifndef INGOT_REGISTRY_PULL_STEPS_H_
#define INGOT_REGISTRY_PULL_STEPS_H_

#include <vector>

#include "core/progress.h"
#include "core/status.h"
#include "registry/retry.h"
#include "store/locks.h"
#include "store/manifest.h"
#include "store/store.h"

namespace ingot::registry {

// Waits for another process that builds a model of that name, and says so once.
core::Result<store::LockHandle> LockModel(const store::Store& store, const store::ModelName& name,
                                          Waiter& waiter, core::ProgressSink& progress);

// Before anything is fetched: kNoSpace where these blobs do not fit. What an interrupted download
// began has its space already.
core::Status CheckSpace(const store::Store& store, const std::vector<store::Layer>& blobs);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_PULL_STEPS_H_
