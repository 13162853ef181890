// The SHA-256 of a whole file, as fast as one processor hashes: the file is mapped, so nothing is
// copied, and the kernel reads on while what is there is hashed. Any thread.
#ifndef INGOT_STORE_HASH_FILE_H_
#define INGOT_STORE_HASH_FILE_H_

#include <cstdint>

#include "core/env.h"
#include "core/status.h"
#include "core/thread_pool.h"
#include "store/digest.h"

namespace ingot::store {

// Calls advanced(bytes) now and then with the bytes hashed since the last call. kCorrupt when the
// file changes or cannot be read to its end.
core::Result<Digest> HashMapped(const core::MappedFile& file,
                                core::FunctionRef<void(uint64_t)> advanced);
core::Result<Digest> HashFile(core::Env& env, const core::Path& path);

}  // namespace ingot::store

#endif  // INGOT_STORE_HASH_FILE_H_
