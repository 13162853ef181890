// Writes a model of the store as a folder that mlx-lm and whoever reads its folders can use:
// weights in files of some gigabytes with an index, config.json with the quantization of every
// module, tokenizer and templates as they came. Importing the folder gives the same blobs again.
#ifndef INGOT_IMPORT_EXPORT_H_
#define INGOT_IMPORT_EXPORT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/progress.h"
#include "core/status.h"
#include "import/export_plan.h"
#include "store/name.h"
#include "store/store.h"

namespace ingot::import {

struct ExportOptions {
  uint64_t shard_bytes = kShardBytes;
  core::ProgressSink* progress = nullptr;
  std::function<bool()> cancelled = {};
};

struct ExportOutcome {
  std::vector<std::string> files;  // relative to the folder, in the order written
  uint64_t bytes = 0;
  uint64_t tensors = 0;
  double seconds = 0;
  std::vector<std::string> warnings;
};

// The folder must not exist, or be empty. A draft model becomes a folder "draft" in it. What a
// Modelfile said (template, system, parameters, messages) is written as one. config.json comes
// last: a folder without it is not taken for a model. What was written is removed when it fails.
core::Result<ExportOutcome> ExportModel(const store::Store& store, const store::ModelName& name,
                                        const core::Path& folder,
                                        const ExportOptions& options = {});

}  // namespace ingot::import

#endif  // INGOT_IMPORT_EXPORT_H_
