// Sets aside what verify found wrong, so that the rest of the store can be trusted and pulled or
// created again. Nothing is deleted: blobs and manifests that cannot be trusted are moved to
// <root>/ingot/quarantine/<time>. Manifests of models that now lack a blob stay, so that a pull
// fetches only what is missing and nobody collects the rest.
//
// Any thread. Checks without a lock, then holds the exclusive store lock while it moves things, and
// looks again at each before it does.
#ifndef INGOT_STORE_REPAIR_H_
#define INGOT_STORE_REPAIR_H_

#include <string>
#include <vector>

#include "core/progress.h"
#include "core/status.h"
#include "store/store.h"
#include "store/verify.h"

namespace ingot::store {

struct RepairOptions {
  VerifyOptions verify;
  bool dry_run = false;  // says what would be done
};

struct RepairMove {
  Path from;
  Path to;  // empty in a dry run
  std::string why;
};

// A model that needs a person: what it lacks, or what is wrong with what it has.
struct DamagedModel {
  ModelName name;
  std::vector<Digest> missing;
  uint64_t missing_bytes = 0;
  bool manifest_gone = false;  // its manifest itself is in quarantine
  bool bad_content = false;    // blobs are what they should be, but no valid tensor files
};

struct RepairReport {
  std::vector<RepairMove> quarantined;
  std::vector<RepairMove> renamed;    // from an old form of name
  std::vector<RepairMove> untouched;  // could not be read or moved; why says what the system said
  std::vector<DamagedModel> models;   // by name
  Path quarantine;                    // this run's directory, if it moved anything
};

core::Result<RepairReport> RepairStore(const Store& store, const RepairOptions& options,
                                       core::ProgressSink& sink);

}  // namespace ingot::store

#endif  // INGOT_STORE_REPAIR_H_
