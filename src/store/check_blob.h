// One blob against its name and against what manifests say of it. Any thread.
#ifndef INGOT_STORE_CHECK_BLOB_H_
#define INGOT_STORE_CHECK_BLOB_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/thread_pool.h"
#include "store/store.h"
#include "store/verify.h"

namespace ingot::store {

// What manifests say of a blob, all of them together.
struct BlobClaim {
  std::optional<uint64_t> size;        // nullopt: nobody says
  std::optional<uint64_t> other_size;  // a second, different size that some layer states
  bool tensors = false;                // some layer says it is a file of tensors
  bool config = false;                 // some manifest says it is its config

  void Add(const Layer& layer, bool is_config);
};

struct BlobVerdict {
  BlobFault fault;
  std::string detail;
};

// nullopt: sound. advanced(bytes) is called as the file is hashed.
std::optional<BlobVerdict> CheckBlob(const Store& store, const Digest& digest,
                                     const BlobClaim& claim,
                                     core::FunctionRef<void(uint64_t)> advanced);

// Whether the file at path, whatever it is called, has this content; the error says why not.
core::Status CheckBlobBytes(core::Env& env, const Path& path, const Digest& digest);

}  // namespace ingot::store

#endif  // INGOT_STORE_CHECK_BLOB_H_
