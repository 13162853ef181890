// Where a store keeps how far interrupted uploads are: <root>/ingot/uploads, a small file a blob
// and repository, and a lock a repository beside the other locks. Pure path arithmetic; any thread.
#ifndef INGOT_STORE_UPLOAD_FILES_H_
#define INGOT_STORE_UPLOAD_FILES_H_

#include <string_view>

#include "store/layout.h"

namespace ingot::store {

inline Path UploadsOf(const Layout& layout) { return layout.State() / "uploads"; }

// Held by whoever pushes to that repository.
inline Path UploadLockOf(const Layout& layout, std::string_view repository) {
  return layout.Locks() / ("push-" + Digest::Of(repository).Hex().substr(0, 32));
}

}  // namespace ingot::store

#endif  // INGOT_STORE_UPLOAD_FILES_H_
