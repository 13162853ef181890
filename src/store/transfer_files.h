// Where a store keeps what pulls and pushes leave for the next one, beside <root>/ingot/partial:
//
//   <root>/ingot/uploads   how far uploads are: a small file a blob and repository
//   <root>/ingot/pulling   manifests of models that are being pulled, or whose pull was
//   interrupted,
//                          as <host>/<namespace>/<model>/<tag>
//
// Pure path arithmetic; any thread.
#ifndef INGOT_STORE_TRANSFER_FILES_H_
#define INGOT_STORE_TRANSFER_FILES_H_

#include <string_view>

#include "store/layout.h"

namespace ingot::store {

inline Path UploadsOf(const Layout& layout) { return layout.State() / "uploads"; }

inline Path PullingOf(const Layout& layout) { return layout.State() / "pulling"; }
inline Path PullingOf(const Layout& layout, const ModelName& name) {
  return PullingOf(layout) / name.RelativePath();
}

// Held by whoever pushes to that repository.
inline Path UploadLockOf(const Layout& layout, std::string_view repository) {
  return layout.Locks() / ("push-" + Digest::Of(repository).Hex().substr(0, 32));
}

}  // namespace ingot::store

#endif  // INGOT_STORE_TRANSFER_FILES_H_
