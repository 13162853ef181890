#include "store/hash_file.h"

#include <algorithm>

#include "core/sha256.h"

namespace ingot::store {
namespace {

// A stretch takes a few milliseconds to hash, about as long as a disk takes to read one.
constexpr uint64_t kStretch = uint64_t{8} << 20;

}  // namespace

core::Result<Digest> HashMapped(const core::MappedFile& file,
                                core::FunctionRef<void(uint64_t)> advanced) {
  const std::span<const std::byte> bytes = file.bytes();
  core::Sha256 hash;
  file.WillNeed(0, std::min<uint64_t>(kStretch, bytes.size()));
  for (uint64_t offset = 0; offset < bytes.size();) {
    const uint64_t size = std::min<uint64_t>(kStretch, bytes.size() - offset);
    const uint64_t next = offset + size;
    file.WillNeed(next, std::min<uint64_t>(kStretch, bytes.size() - next));
    hash.Update(bytes.subspan(offset, size));
    advanced(size);
    offset = next;
  }
  INGOT_TRY(file.Check());
  return Digest::FromBytes(hash.Finish());
}

core::Result<Digest> HashFile(core::Env& env, const core::Path& path) {
  INGOT_ASSIGN(const std::unique_ptr<core::MappedFile> file,
               env.Map(path, core::Access::kSequential));
  return HashMapped(*file, [](uint64_t) {});
}

}  // namespace ingot::store
