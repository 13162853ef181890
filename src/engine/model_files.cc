#include "engine/model_files.h"

#include <utility>
#include <vector>

#include "core/python_json.h"
#include "core/strings.h"
#include "store/lease.h"

namespace ingot::engine {
namespace {

using core::Result;
using core::StrCat;

constexpr uint64_t kMaxFileBytes = uint64_t{256} << 20;  // a tokenizer of a large vocabulary
constexpr std::string_view kTensorType = "application/vnd.ollama.image.tensor";

class FolderFiles final : public ModelFiles {
 public:
  FolderFiles(core::Env& env, const core::Path& folder)
      : ModelFiles(core::Printable(folder.native())), env_(env), folder_(folder) {}

  Result<std::optional<std::string>> Read(std::string_view name) const override {
    Result<std::string> text = core::ReadSmallFile(env_, folder_ / name, kMaxFileBytes);
    if (text.ok()) return std::optional<std::string>(*std::move(text));
    if (text.status().code() == core::Code::kNotFound) return std::optional<std::string>();
    return std::move(text).status();
  }

  Result<ModelChoices> Choices() const override { return ModelChoices(); }

  Result<model::StoredTensors> Tensors() const override {
    return model::StoredTensors::FromFolder(env_, folder_);
  }

 private:
  core::Env& env_;
  core::Path folder_;
};

class StoredFiles final : public ModelFiles {
 public:
  StoredFiles(const store::Store& store, store::ModelLease lease)
      : ModelFiles(lease.model().name.Short()), store_(store), lease_(std::move(lease)) {}

  Result<std::optional<std::string>> Read(std::string_view name) const override {
    for (const store::Layer& layer : lease_.model().manifest().layers) {
      if (layer.name != name || layer.media_type == kTensorType) continue;
      INGOT_ASSIGN(std::string text, store_.ReadBlob(layer, kMaxFileBytes));
      return std::optional<std::string>(std::move(text));
    }
    return std::optional<std::string>();
  }

  Result<ModelChoices> Choices() const override {
    constexpr uint64_t kMaxTextBytes = uint64_t{16} << 20;
    const store::Manifest& manifest = lease_.model().manifest();
    ModelChoices choices;
    INGOT_ASSIGN(const store::ModelConfig config, store_.ReadConfig(manifest));
    choices.renderer = config.renderer;
    choices.parser = config.parser;
    if (const store::Layer* layer = manifest.Find(store::kTemplateMediaType)) {
      INGOT_ASSIGN(choices.chat_template, store_.ReadBlob(*layer, kMaxTextBytes));
    }
    if (const store::Layer* layer = manifest.Find(store::kSystemMediaType)) {
      INGOT_ASSIGN(choices.system, store_.ReadBlob(*layer, kMaxTextBytes));
    }
    return choices;
  }

  Result<std::optional<std::string>> ReadLayer(std::string_view media_type) const override {
    const store::Layer* layer = lease_.model().manifest().Find(media_type);
    if (layer == nullptr) return std::optional<std::string>();
    INGOT_ASSIGN(std::string text, store_.ReadBlob(*layer, kMaxFileBytes));
    return std::optional<std::string>(std::move(text));
  }

  Result<model::StoredTensors> Tensors() const override {
    std::vector<model::TensorBlob> blobs;
    for (const store::Layer& layer : lease_.model().manifest().layers) {
      // A draft model is a model of its own.
      if (layer.media_type != kTensorType || layer.name.starts_with("draft.")) continue;
      blobs.push_back({layer.name, store_.layout().Blob(layer.digest)});
    }
    if (blobs.empty()) {
      return core::Unsupported(StrCat(label(),
                                      ": has no tensor layers: it was not imported from "
                                      "safetensors"));
    }
    return model::StoredTensors::FromBlobs(store_.env(), blobs);
  }

 private:
  const store::Store& store_;
  store::ModelLease lease_;
};

}  // namespace

Result<std::unique_ptr<ModelFiles>> ModelFiles::OpenFolder(core::Env& env,
                                                           const core::Path& folder) {
  INGOT_ASSIGN(const core::FileInfo info, env.Stat(folder));
  if (info.kind != core::FileKind::kDirectory) {
    return core::InvalidArgument(StrCat(core::Printable(folder.native()), ": is not a directory"));
  }
  return std::unique_ptr<ModelFiles>(std::make_unique<FolderFiles>(env, folder));
}

Result<std::unique_ptr<ModelFiles>> ModelFiles::OpenStored(const store::Store& store,
                                                           const store::ModelName& name) {
  INGOT_ASSIGN(store::ModelLease lease, store::ModelLease::Take(store, name));
  return std::unique_ptr<ModelFiles>(std::make_unique<StoredFiles>(store, std::move(lease)));
}

Result<core::Json> ModelFiles::Config() const {
  INGOT_ASSIGN(const std::string text, Require("config.json"));
  return core::ParsePythonJson(text).Context(StrCat(label(), ": config.json"));
}

Result<std::optional<std::string>> ModelFiles::ReadLayer(std::string_view) const {
  return std::optional<std::string>();
}

Result<std::string> ModelFiles::Require(std::string_view name) const {
  INGOT_ASSIGN(std::optional<std::string> text, Read(name));
  if (text) return *std::move(text);
  return core::NotFound(StrCat(label(), ": has no ", name));
}

}  // namespace ingot::engine
