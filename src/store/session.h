// Writing to a store: blobs first, each whole and durable before it gets its name, then the
// manifest, in one atomic step. Whatever happens before that step, no model changes; after it the
// model is complete. A process that is killed leaves at most files under <root>/ingot/tmp and blobs
// that no manifest names, which `ingot gc` removes and a repeated command finds and uses.
//
// While a session lives it lists every blob it relies on in a locked file, so that a removal in
// another process spares blobs that no manifest names yet.
//
// Thread-safe: many threads may write blobs of one session. The store outlives the session, the
// session its writers.
#ifndef INGOT_STORE_SESSION_H_
#define INGOT_STORE_SESSION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/env.h"
#include "core/status.h"
#include "store/locks.h"
#include "store/manifest.h"
#include "store/store.h"

namespace ingot::store {

class BlobWriter;

// How far a blob that already lies in the store is believed.
enum class Trust {
  kSize,    // a file of the right size: for callers who hash what they read later
  kRehash,  // its content was hashed just now
};

// What a caller knows about a blob before its bytes arrive.
struct BlobExpectation {
  std::optional<Digest> digest;  // anything else that arrives is an error
  std::optional<uint64_t> size;  // likewise; also reserves the space, so a full disk shows at once
};

struct BlobInfo {
  Digest digest;
  uint64_t size = 0;
  bool reused = false;  // the store had it already
};

class WriteSession {
 public:
  // Makes the directories of the store where they are missing.
  static core::Result<std::unique_ptr<WriteSession>> Begin(const Store& store);
  ~WriteSession();
  WriteSession(const WriteSession&) = delete;
  WriteSession& operator=(const WriteSession&) = delete;

  core::Result<std::unique_ptr<BlobWriter>> NewBlob(BlobExpectation expectation = {});
  // A blob whose content is in memory.
  core::Result<BlobInfo> PutBlob(std::string_view content);
  // Claims a blob that may lie in the store already: true when it does and can be trusted as asked.
  // Its times are set to now, so that other programs see it as fresh and let it be.
  core::Result<bool> Reuse(const Digest& digest, uint64_t size, Trust trust);

  // A name for a new file of this session, on the store's file system; gone with a dead session.
  Path NextTempPath();
  // Makes a file of the store's file system a blob, or drops it where the store has the blob. The
  // caller has hashed and synced it: size bytes that have this digest.
  core::Result<BlobInfo> AdoptFile(const Path& file, const Digest& digest, uint64_t size);

  // Writes the manifest of name, replacing an older one. Every blob it names must lie in the store
  // with the size it states. The bytes are stored as they are.
  core::Result<StoredModel> Commit(const ModelName& name, std::string manifest_bytes);
  core::Result<StoredModel> Commit(const ModelName& name, const Manifest& manifest);

  const Store& store() const { return store_; }

 private:
  friend class BlobWriter;

  WriteSession(const Store& store, Path file) : store_(store), file_(std::move(file)) {}

  core::Status PrepareStore();
  // Lists a blob as relied on, before it is looked at.
  core::Status Claim(const StoreLock& held, const Digest& digest);
  core::Status CheckBlobs(const Manifest& manifest);
  core::Status PlaceManifest(const Path& target, std::string_view bytes);
  // The session's half of BlobWriter::Commit: gives the finished file its name.
  core::Result<bool> Adopt(const Path& temp, const Digest& digest, uint64_t size);

  const Store& store_;
  const Path file_;  // of the session; its name begins those of its temp files
  LockHandle lock_;
  std::atomic<uint64_t> temp_count_{0};

  std::mutex journal_lock_;
  std::unique_ptr<core::WriteFile> journal_;  // guarded by journal_lock_, like claimed_
  std::unordered_set<Digest> claimed_;
};

// A new file below <root>/ingot/tmp that belongs to no session. Only for whoever holds the store
// lock until the file has gone from there: a sweep takes it for a dead session's.
Path UniqueTempPath(const Layout& layout);

// Files of sessions, for those who sweep. A session is alive while its file is locked.
core::Result<std::vector<Digest>> ReadSessionClaims(core::Env& env, const Path& session_file);

}  // namespace ingot::store

#endif  // INGOT_STORE_SESSION_H_
