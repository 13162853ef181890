// NAME|DIR on the command line, made into a model: a name is looked up in the store, a folder is
// used as it lies. What begins with "/", "./" or "../" is a folder; anything else is a name if the
// store has it, and a folder otherwise.
#ifndef INGOT_CLI_MODEL_SOURCE_H_
#define INGOT_CLI_MODEL_SOURCE_H_

#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "core/status.h"
#include "engine/model_files.h"
#include "ops/array.h"
#include "store/store.h"

namespace ingot::cli {

// The files of a model and the store that they may lie in. Not copied; the files refer to the
// store.
class ModelSource {
 public:
  static core::Result<std::unique_ptr<ModelSource>> Open(Session& session,
                                                         const std::string& name_or_folder);
  const engine::ModelFiles& files() const { return *files_; }

 private:
  explicit ModelSource(store::Store store) : store_(std::move(store)) {}

  store::Store store_;
  std::unique_ptr<engine::ModelFiles> files_;
};

// The value of --dtype: nullopt for an empty one, an error for one that does not exist.
core::Result<std::optional<ops::mx::Dtype>> ParseDtypeOption(const std::string& text);

// The value of --kv-cache, which INGOT_KV_CACHE gives where the option does not: int8 or a type of
// activations; nullopt for an empty one.
core::Result<std::optional<ops::mx::Dtype>> ParseKvCacheOption(const std::string& text);
inline constexpr const char* kKvCacheHelp =
    "What keys and values are kept in: int8, or as computed (INGOT_KV_CACHE)";

// "1,2,3": token numbers.
core::Result<std::vector<int>> ParseTokens(const std::string& text);

}  // namespace ingot::cli

#endif  // INGOT_CLI_MODEL_SOURCE_H_
