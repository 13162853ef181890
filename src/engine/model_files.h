// The files of a model, wherever they are: a checkpoint's folder, or the layers of a stored model.
// A stored model is leased: it stays on disk for as long as this object lives, whoever removes it.
//
// One thread.
#ifndef INGOT_ENGINE_MODEL_FILES_H_
#define INGOT_ENGINE_MODEL_FILES_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/json.h"
#include "core/status.h"
#include "model/stored_tensors.h"
#include "store/store.h"

namespace ingot::engine {

// What a person chose when the model was made; each may be empty.
struct ModelChoices {
  std::string chat_template;  // a Modelfile's TEMPLATE
  std::string system;
  std::string renderer;
  std::string parser;
};

class ModelFiles {
 public:
  virtual ~ModelFiles() = default;

  // The env outlives the result.
  static core::Result<std::unique_ptr<ModelFiles>> OpenFolder(core::Env& env,
                                                              const core::Path& folder);
  // The store outlives the result.
  static core::Result<std::unique_ptr<ModelFiles>> OpenStored(const store::Store& store,
                                                              const store::ModelName& name);

  // What messages call it.
  const std::string& label() const { return label_; }
  // "config.json", "tokenizer.json": nullopt when the model has no such file.
  virtual core::Result<std::optional<std::string>> Read(std::string_view name) const = 0;
  // The same, for files that nothing works without.
  core::Result<std::string> Require(std::string_view name) const;
  virtual core::Result<ModelChoices> Choices() const = 0;
  // config.json, parsed.
  core::Result<core::Json> Config() const;
  // The text of a stored model's first layer of that media type (template, system, parameters,
  // messages, licence); a folder has none.
  virtual core::Result<std::optional<std::string>> ReadLayer(std::string_view media_type) const;
  virtual core::Result<model::StoredTensors> Tensors() const = 0;

 protected:
  explicit ModelFiles(std::string label) : label_(std::move(label)) {}

 private:
  std::string label_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_MODEL_FILES_H_
