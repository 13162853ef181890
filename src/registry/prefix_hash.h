// The SHA-256 of a blob whose bytes arrive out of order: hashed as they come where they are next,
// and read back from the file, usually still in memory, where others came first. Thread-safe.
#ifndef INGOT_REGISTRY_PREFIX_HASH_H_
#define INGOT_REGISTRY_PREFIX_HASH_H_

#include <cstdint>
#include <mutex>
#include <span>

#include "core/env.h"
#include "core/sha256.h"
#include "core/status.h"

namespace ingot::registry {

class PrefixHash {
 public:
  // Bytes that were written at offset. Never waits: what cannot be hashed now is read back later.
  void Offer(uint64_t offset, std::span<const std::byte> data);
  // Everything before end lies in the file: hashes what was not hashed yet. Leaves it to another
  // thread that is at it already unless `wait`.
  core::Status CatchUp(const core::ReadFile& file, uint64_t end, bool wait);
  // Of what was hashed; begins anew.
  core::Sha256Bytes Finish();
  void Reset();

 private:
  std::mutex lock_;
  core::Sha256 hash_;      // guarded by lock_
  uint64_t position_ = 0;  // likewise: bytes hashed
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_PREFIX_HASH_H_
