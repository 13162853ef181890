// Taking models over from another store's directory, Ollama's or one of ours, without harm to
// either: there nothing is written, here every blob is hashed before it gets its name, and each
// model appears in one step, as if it had been pulled.
//
// A blob is shared where the file systems can (a clone, else a hard link: blobs never change in
// place), and copied otherwise. Any thread; hashes on the shared thread pool.
#ifndef INGOT_STORE_IMPORT_STORE_H_
#define INGOT_STORE_IMPORT_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/progress.h"
#include "core/status.h"
#include "store/store.h"

namespace ingot::store {

enum class Sharing {
  kAny,    // a clone, else a hard link, else a copy
  kClone,  // a clone, or fail
  kLink,   // a hard link, or fail
  kCopy,
};

struct ImportStoreOptions {
  std::vector<ModelName> models;  // only these; all of them when empty
  Sharing sharing = Sharing::kAny;
  bool replace = false;  // models of the same name here that are others
};

struct ImportedModel {
  enum class Outcome {
    kImported,
    kUnchanged,  // it was here
    kKept,       // another one of that name is here, and stays
    kFailed,
  };
  ModelName name;
  std::optional<Digest> id;  // nullopt: its manifest cannot be read
  Outcome outcome = Outcome::kFailed;
  core::Status error;  // of kFailed
};
std::string_view OutcomeName(ImportedModel::Outcome outcome);  // "imported"

struct ImportStoreReport {
  std::vector<ImportedModel> models;  // by name
  uint64_t cloned = 0;                // blobs
  uint64_t linked = 0;
  uint64_t copied = 0;
  uint64_t present = 0;  // were here already
  uint64_t bytes = 0;    // of cloned, linked and copied ones
};

// Fails as a whole only where the other store cannot be read or this one cannot be written; what is
// wrong with one model is told of that model.
core::Result<ImportStoreReport> ImportStore(const Store& source, const Store& target,
                                            const ImportStoreOptions& options,
                                            core::ProgressSink& sink);

}  // namespace ingot::store

#endif  // INGOT_STORE_IMPORT_STORE_H_
