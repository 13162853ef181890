#include "store/hash_file.h"

#include <algorithm>

#include "core/sha256.h"

namespace ingot::store {
namespace {

// How often progress is told: a few milliseconds' work. Nothing is asked to be read ahead: the
// kernel does so by itself for a file that is read in order, in large pieces of memory, where what
// is asked for comes in single pages, and each page then costs a quarter of its hashing again.
constexpr uint64_t kStretch = uint64_t{8} << 20;
// How much is made present at once: a fault for every 16 pages, with other threads at theirs, cost
// a tenth of the hashing. More than this is no longer in the processor's cache when it is hashed.
constexpr uint64_t kStep = uint64_t{2} << 20;

}  // namespace

core::Result<Digest> HashMapped(const core::MappedFile& file,
                                core::FunctionRef<void(uint64_t)> advanced) {
  const std::span<const std::byte> bytes = file.bytes();
  core::Sha256 hash;
  for (uint64_t offset = 0; offset < bytes.size();) {
    const uint64_t size = std::min<uint64_t>(kStretch, bytes.size() - offset);
    for (uint64_t done = 0; done < size; done += kStep) {
      const uint64_t step = std::min(kStep, size - done);
      file.Populate(offset + done, step);
      hash.Update(bytes.subspan(offset + done, step));
    }
    advanced(size);
    offset += size;
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
