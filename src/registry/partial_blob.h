// A blob on its way into the store: a file for its bytes, in which any part may be missing, and a
// journal of the parts that are there, each with a checksum. Both outlive the process, however it
// ends; whoever opens them again believes a part only after reading it back, and the blob only
// when all of it has the SHA-256 that it is named by.
//
// Under <root>/ingot/partial: the file <hex>, as long as its last byte that came, and
// <hex>.journal:
//
//   ingot-download 1 sha256:<hex> <size>
//   <begin> <end> <checksum in hexadecimal>      a line a part, appended after its bytes were
//
// What a line that is damaged told of is fetched again.
//
// Record is thread-safe; each thread writes through a file of its own, to parts that no other
// thread writes. The rest is for one thread.
#ifndef INGOT_REGISTRY_PARTIAL_BLOB_H_
#define INGOT_REGISTRY_PARTIAL_BLOB_H_

#include <memory>
#include <mutex>

#include "core/env.h"
#include "core/status.h"
#include "registry/extents.h"
#include "store/session.h"
#include "store/store.h"

namespace ingot::registry {

class PartialBlob {
 public:
  // lock: on Layout::PartialLock. Takes up what an earlier process left, else begins anew and
  // reserves the space.
  static core::Result<std::unique_ptr<PartialBlob>> Open(const store::Store& store,
                                                         const store::Digest& digest, uint64_t size,
                                                         std::shared_ptr<core::FileLock> lock);

  // How much a journal says is there, for people who ask while it is being fetched: not checked.
  static uint64_t BytesNoted(const store::Store& store, const store::Digest& digest, uint64_t size);

  ExtentSet have() const;
  uint64_t size() const { return size_; }
  core::Result<std::unique_ptr<core::WriteFile>> OpenWriter() const;
  core::Result<std::unique_ptr<core::ReadFile>> OpenReader() const;

  // These bytes were written, and have this PieceSum.
  core::Status Record(Extent extent, uint64_t sum);
  // All of it is there and has the blob's digest: gives it its name.
  core::Result<store::BlobInfo> Finish(store::WriteSession& session);
  // None of it is any good.
  core::Status Discard();

 private:
  PartialBlob(const store::Store& store, const store::Digest& digest, uint64_t size,
              std::shared_ptr<core::FileLock> lock)
      : store_(store), digest_(digest), size_(size), lock_(std::move(lock)) {}

  core::Status Begin();
  core::Status Load();
  core::Status OpenJournal();
  core::Status RemoveIfThere(const core::Path& path) const;

  const store::Store& store_;
  const store::Digest digest_;
  const uint64_t size_;
  const std::shared_ptr<core::FileLock> lock_;

  mutable std::mutex guard_;  // of what follows
  ExtentSet have_;
  std::unique_ptr<core::WriteFile> journal_;  // null until there is something to say
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_PARTIAL_BLOB_H_
