// Where everything of a store lies. The layout is that of Ollama, called "the original" in this
// room: either program opens what the other wrote. Pure path arithmetic: nothing here touches a
// disk. Values; any thread.
//
//   <root>/blobs/sha256-<hex>                          content, named by its SHA-256
//   <root>/manifests/<host>/<namespace>/<model>/<tag>  what a model is made of
//   <root>/ingot/                                      our own state, which other programs ignore:
//       tmp/         files being written, on the same file system as blobs/
//       sessions/    one locked file a writing process: the blobs it has claimed
//       leases/      manifests of models in use, locked by whoever uses them
//       locks/       the store lock and one lock a name
//       quarantine/  what `ingot repair` moved away, a directory a run
//       partial/     blobs that are being downloaded, or whose download was interrupted
#ifndef INGOT_STORE_LAYOUT_H_
#define INGOT_STORE_LAYOUT_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/status.h"
#include "store/digest.h"
#include "store/name.h"

namespace ingot::store {

using core::Path;

class Layout {
 public:
  explicit Layout(Path root) : root_(std::move(root)) {}

  const Path& root() const { return root_; }
  Path Blobs() const { return root_ / "blobs"; }
  Path Blob(const Digest& digest) const { return Blobs() / digest.FileName(); }
  Path Manifests() const { return root_ / "manifests"; }
  Path ManifestOf(const ModelName& name) const { return Manifests() / name.RelativePath(); }

  Path State() const { return root_ / "ingot"; }
  Path Temp() const { return State() / "tmp"; }
  Path Sessions() const { return State() / "sessions"; }
  Path Leases() const { return State() / "leases"; }
  Path Lease(const Digest& manifest_id) const { return Leases() / manifest_id.Hex(); }
  Path Locks() const { return State() / "locks"; }
  Path StoreLock() const { return Locks() / "store"; }
  // The same for all spellings of a name.
  Path NameLock(const ModelName& name) const;
  Path Quarantine() const { return State() / "quarantine"; }
  Path Partials() const { return State() / "partial"; }
  // The bytes of a blob that are there so far, and which they are.
  Path Partial(const Digest& digest) const { return Partials() / digest.Hex(); }
  Path PartialJournal(const Digest& digest) const {
    return Partials() / (digest.Hex() + ".journal");
  }
  // Held by whoever downloads the blob. Some blobs share one, so that the locks stay few: no lock
  // file is ever removed, since another process might just be opening it.
  Path PartialLock(const Digest& digest) const {
    return Locks() / ("blob-" + digest.Hex().substr(0, 3));
  }

 private:
  Path root_;
};

// A file in blobs/, judged by its name.
enum class BlobEntryKind {
  kBlob,      // sha256-<64 hex>
  kOldBlob,   // sha256:<64 hex>, as early versions of the original wrote
  kPartial,   // another program's download or write in progress
  kStranger,  // nothing we know
};
struct BlobEntry {
  BlobEntryKind kind = BlobEntryKind::kStranger;
  std::optional<Digest> digest;  // of kBlob and kOldBlob
};
BlobEntry ClassifyBlobEntry(std::string_view file_name);

// $INGOT_MODELS, else $OLLAMA_MODELS, else ~/.ingot/models. Values are trimmed of spaces and then
// of quotes, and an empty one counts as unset.
using EnvironmentLookup = std::function<std::optional<std::string>(const char* variable)>;
core::Result<Path> FindModelsRoot(const EnvironmentLookup& lookup);
// The process's own environment.
core::Result<Path> FindModelsRoot();

}  // namespace ingot::store

#endif  // INGOT_STORE_LAYOUT_H_
