// Giving a model a second name. Its manifest is copied byte for byte; blobs are shared. Any thread.
#ifndef INGOT_STORE_COPY_H_
#define INGOT_STORE_COPY_H_

#include "core/status.h"
#include "store/store.h"

namespace ingot::store {

// Replaces what bore the name `to`. Every blob of `from` must be in the store.
core::Result<StoredModel> CopyModel(const Store& store, const ModelName& from, const ModelName& to);

}  // namespace ingot::store

#endif  // INGOT_STORE_COPY_H_
