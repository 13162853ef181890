// Removing one model: its manifest first, durably, then directories that have become empty, then
// those of its blobs that nobody needs any more. Any thread; waits for other processes' short steps
// on the store, never for a whole import.
#ifndef INGOT_STORE_REMOVE_H_
#define INGOT_STORE_REMOVE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/status.h"
#include "store/locks.h"
#include "store/store.h"

namespace ingot::store {

struct RemoveReport {
  ModelName name;  // as it lay on disk
  uint64_t blobs_removed = 0;
  uint64_t bytes_freed = 0;
  uint64_t bytes_shared = 0;  // of blobs that other models need
  uint64_t bytes_in_use = 0;  // of blobs that a running process holds; `gc` frees them later
  // Why blobs stayed although the model is gone: a manifest (its own, or another's) cannot be read.
  core::Status kept_because;
};

// The model's manifest need not be readable: then only it goes.
core::Result<RemoveReport> RemoveModel(const Store& store, const ModelName& name);

// Removes the empty directories from `directory` upwards, up to but not including manifests/.
core::Status RemoveEmptyDirs(const Store& store, const StoreLock& held, Path directory);

}  // namespace ingot::store

#endif  // INGOT_STORE_REMOVE_H_
