// The files of a source besides its weights: configs, tokenizer, chat template, licence. Which of
// them a model keeps, and what it cannot do without. Reads small files only.
#ifndef INGOT_IMPORT_MODEL_FILES_H_
#define INGOT_IMPORT_MODEL_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "family/chat.h"
#include "import/inventory.h"

namespace ingot::import {

// Larger ones are no file of a model.
inline constexpr uint64_t kMaxModelFileBytes = uint64_t{1} << 30;

// A file that a model keeps as it is.
struct ModelFile {
  std::string name;  // of its layer: "tokenizer.json", "1_Pooling/config.json"
  core::Path path;
  uint64_t size = 0;
};

struct ModelFiles {
  std::vector<ModelFile> kept;  // sorted by name; config.json among them
  std::optional<core::Path> license;
  // Chat templates, for working out how the model talks; either may be empty.
  std::string tokenizer_template;
  std::string file_template;
  std::vector<std::string> warnings;  // what is missing, and what will not work for it

  family::ChatTemplates templates() const {
    return {.tokenizer_config = tokenizer_template, .file = file_template};
  }
};

// A path of ordinary names only, that cannot lead out of the folder.
bool IsPlainPath(std::string_view path);

// source has been inventoried: its config.json is there. A draft model needs nothing but weights
// and config: nothing is missed in its folder.
core::Result<ModelFiles> FindModelFiles(core::Env& env, const Inventory& source, bool draft);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_MODEL_FILES_H_
