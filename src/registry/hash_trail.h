// The SHA-256 of a file that is read more than once in places: what was hashed is remembered every
// so many bytes, so that going back a little does not mean beginning anew. One thread at a time.
#ifndef INGOT_REGISTRY_HASH_TRAIL_H_
#define INGOT_REGISTRY_HASH_TRAIL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/sha256.h"
#include "core/status.h"

namespace ingot::registry {

class HashTrail {
 public:
  explicit HashTrail(uint64_t step_bytes = uint64_t{16} << 20);
  ~HashTrail();
  HashTrail(const HashTrail&) = delete;
  HashTrail& operator=(const HashTrail&) = delete;

  // The next bytes, at position().
  void Update(std::span<const std::byte> data);
  // What comes next is the byte at offset: hashes what lies before it and was not hashed yet.
  core::Status MoveTo(const core::ReadFile& file, uint64_t offset);
  // Of everything before position().
  core::Sha256Bytes Value() const;
  uint64_t position() const { return position_; }

 private:
  const uint64_t step_bytes_;
  class State;  // of a hash, which can be copied

  std::unique_ptr<State> hash_;
  uint64_t position_ = 0;
  std::vector<std::pair<uint64_t, std::unique_ptr<State>>> marks_;  // where it was, in order
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_HASH_TRAIL_H_
