// Checks that a store holds what it says: every manifest reads, every blob is there, has the size
// that manifests state and the SHA-256 that its name states, tensor blobs have sound headers and
// config blobs sound fields.
//
// Takes no lock, so it disturbs nobody: what other processes add or remove meanwhile is not
// reported as damage. Hashes on the shared thread pool, a blob a thread, the largest first.
#ifndef INGOT_STORE_VERIFY_H_
#define INGOT_STORE_VERIFY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/progress.h"
#include "core/status.h"
#include "store/store.h"

namespace ingot::store {

enum class BlobFault {
  kMissing,
  kTruncated,     // shorter than its manifests say, and not what its name says
  kAltered,       // not what its name says
  kUnreadable,    // the disk or the system refuses it
  kNotAFile,      // a directory, device or dangling link bears its name
  kBadContent,    // exactly what its name says, but no valid tensor file or config
  kSizeMismatch,  // exactly what its name says: it is the manifest that states another size
  kOldName,       // there, under the sha256:<hex> name of early versions of the original
};
// "missing", "truncated": for people and JSON.
std::string_view FaultName(BlobFault fault);

struct BlobFinding {
  Digest digest;
  BlobFault fault = BlobFault::kMissing;
  std::string detail;             // what was expected and what was found
  std::string layer;              // the first layer that needs it: its name, else its media type
  std::vector<ModelName> models;  // that need it; empty for a blob that nobody needs
  uint64_t size = 0;              // as the manifests say, else as it lies there
};

struct StrayBlob {
  Digest digest;
  uint64_t size = 0;
};

struct VerifyReport {
  std::vector<BlobFinding> findings;           // by digest
  std::vector<UnreadableManifest> unreadable;  // by path
  // Not damage, and only looked for when the whole store is checked:
  std::vector<StrayBlob> unreferenced;  // sound blobs that no manifest names
  uint64_t partials = 0;                // files: other programs' unfinished downloads
  std::vector<Path> strangers;          // names that belong to nobody we know

  uint64_t models = 0;
  uint64_t blobs = 0;  // that were hashed
  uint64_t bytes = 0;
  double seconds = 0;

  bool Clean() const { return findings.empty() && unreadable.empty(); }
};

struct VerifyOptions {
  std::optional<ModelName> model;  // only this one's blobs
};

core::Result<VerifyReport> VerifyStore(const Store& store, const VerifyOptions& options,
                                       core::ProgressSink& sink);

}  // namespace ingot::store

#endif  // INGOT_STORE_VERIFY_H_
