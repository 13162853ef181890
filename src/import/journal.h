// Remembers which blobs of an import are done, so that an import that was interrupted, or is simply
// repeated, does not do them again. One file a source folder below <root>/ingot/imports; a line a
// blob, written when the blob lies in the store:
//
//   <64 hex: what it was made from> <64 hex: its digest> <its size>
//
// What a blob was made from covers everything that decides its bytes: which files, at which
// offsets, of which length and time, and what was done to them. So lines of other recipes do no
// harm, and a source that changed finds nothing. Losing the file costs time only.
//
// Thread-safe.
#ifndef INGOT_IMPORT_JOURNAL_H_
#define INGOT_IMPORT_JOURNAL_H_

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "core/env.h"
#include "core/sha256.h"
#include "core/status.h"
#include "import/plan.h"
#include "store/digest.h"
#include "store/layout.h"

namespace ingot::import {

// What a blob is made from, as a hash.
store::Digest OriginOf(const Plan& plan, const PlannedBlob& blob);

class ImportJournal {
 public:
  // Reads what is there of this source. Never fails: without a journal everything is done anew. The
  // env outlives it. A second process that imports the same folder reads, but does not write.
  static std::unique_ptr<ImportJournal> Open(core::Env& env, const store::Layout& layout,
                                             const core::Path& source);

  struct Entry {
    store::Digest digest;
    uint64_t size = 0;
  };
  std::optional<Entry> Find(const store::Digest& origin) const;
  void Add(const store::Digest& origin, const Entry& entry);

  // Journals that nobody used for a month, removed.
  static void Sweep(core::Env& env, const store::Layout& layout, int64_t now_ns);

 private:
  ImportJournal() = default;

  mutable std::mutex guard_;
  std::unordered_map<store::Digest, Entry> entries_;  // guarded, as is file_
  std::unique_ptr<core::FileLock> lock_;              // null: somebody else writes it
  std::unique_ptr<core::WriteFile> file_;
};

}  // namespace ingot::import

#endif  // INGOT_IMPORT_JOURNAL_H_
