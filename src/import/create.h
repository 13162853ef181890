// Makes a model in a store: from a folder of weights, or from a model that is there, with what a
// Modelfile adds. Planning comes first and touches nothing; the manifest comes last, so that a
// model of that name stays what it was until the new one is complete.
#ifndef INGOT_IMPORT_CREATE_H_
#define INGOT_IMPORT_CREATE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "family/precision.h"
#include "import/model_files.h"
#include "import/modelfile.h"
#include "import/plan.h"
#include "import/write_blobs.h"
#include "store/lease.h"
#include "store/name.h"
#include "store/store.h"

namespace ingot::import {

struct CreateRequest {
  store::ModelName name;
  Modelfile modelfile;
  core::Path base;  // what relative paths of the Modelfile are relative to
  Recipe recipe;    // of the model; draft and prefix are not for the caller
  // For the draft model; nullopt: as it comes.
  std::optional<family::Precision> draft_requested;
  // FROM and DRAFT came from afar: they are names of the store, and no folder is looked for.
  bool from_store = false;
};

// One folder that becomes tensors and files of the model.
struct SourcePlan {
  Plan plan;
  ModelFiles files;
};

// Everything that is decided before anything is written.
struct CreatePlan {
  store::ModelName name;
  Modelfile modelfile;
  std::optional<SourcePlan> model;          // FROM is a folder
  std::shared_ptr<store::ModelLease> base;  // or a model in the store, held until the end
  std::optional<SourcePlan> draft;
  std::vector<std::string> warnings;  // of all of it
};

struct CreateOutcome {
  store::StoredModel model;
  WrittenBlobs model_blobs;
  WrittenBlobs draft_blobs;
  std::vector<std::string> warnings;  // those of the plan, and of what the weights turned out to be
  double seconds = 0;
};

// Fails where the request makes no sense and where a source cannot be imported as asked.
core::Result<CreatePlan> PlanCreate(const store::Store& store, CreateRequest request);

// With options.strict, what the plans warn of is an error, too; what they warn of in the files
// besides is not.
core::Result<CreateOutcome> ExecuteCreate(const store::Store& store, const CreatePlan& plan,
                                          const WriteOptions& options);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_CREATE_H_
