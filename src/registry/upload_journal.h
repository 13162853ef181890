// Where the uploads of one push stand at the registry, kept so that a push that is interrupted,
// however, can go on: for each blob of several parts the address at which the registry takes the
// next one. Nothing in it is believed: the registry is asked how much it has.
//
// One file a blob under <root>/ingot/uploads, named by the blob and by whom it goes to:
//
//   ingot-upload 1 sha256:<hex> <size>
//   <address>
//
// Belongs to whoever holds the lock of that repository, so two pushes never continue one upload; a
// journal that cannot be kept, in a store that may only be read for instance, is none, and such a
// push begins anew. Thread-safe for different blobs.
#ifndef INGOT_REGISTRY_UPLOAD_JOURNAL_H_
#define INGOT_REGISTRY_UPLOAD_JOURNAL_H_

#include <optional>
#include <string>

#include "store/locks.h"
#include "store/manifest.h"
#include "store/store.h"

namespace ingot::registry {

class UploadJournal {
 public:
  // repository: "https://host:port/namespace/model".
  UploadJournal(const store::Store& store, std::string repository);

  // The address of an upload that an earlier push began.
  std::optional<std::string> Find(const store::Layer& layer) const;
  void Record(const store::Layer& layer, const std::string& address);
  void Forget(const store::Layer& layer);

 private:
  core::Path FileOf(const store::Layer& layer) const;

  const store::Store& store_;
  const std::string repository_;
  store::LockHandle lock_;  // null: no journal is kept
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_UPLOAD_JOURNAL_H_
