#include "import/create_layers.h"

#include <algorithm>

#include "core/strings.h"
#include "import/config_text.h"
#include "store/blob_writer.h"

namespace ingot::import {
namespace {

using core::Result;
using core::Status;
using core::StrCat;
using store::Layer;

constexpr uint64_t kCopyBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxTextBytes = uint64_t{64} << 20;
constexpr std::string_view kModelFormat = "safetensors";
constexpr std::string_view kDraftConfig = "draft/config.json";
constexpr std::string_view kDraftPrefix = "draft.";

Layer MakeLayer(std::string_view media_type, const store::BlobInfo& blob, std::string name = "") {
  return {.media_type = std::string(media_type),
          .digest = blob.digest,
          .size = blob.size,
          .from = "",
          .name = std::move(name)};
}

Result<store::BlobInfo> CopyFile(core::Env& env, const ModelFile& file,
                                 store::WriteSession& session) {
  INGOT_ASSIGN(const auto from, env.OpenRead(file.path, core::Access::kSequential));
  INGOT_ASSIGN(const auto to, session.NewBlob({.digest = {}, .size = file.size}));
  std::vector<std::byte> buffer(std::min(file.size, kCopyBytes));
  for (uint64_t at = 0; at < file.size;) {
    const auto piece = std::span(buffer).first(std::min<uint64_t>(file.size - at, kCopyBytes));
    INGOT_TRY(from->ReadAt(at, piece));
    INGOT_TRY(to->Append(piece));
    at += piece.size();
  }
  return to->Commit();
}

// Which of an inherited model's layers the Modelfile has its own of.
bool IsReplaced(const CreatePlan& plan, const Layer& layer) {
  const Modelfile& modelfile = plan.modelfile;
  if (layer.media_type == store::kTemplateMediaType) return modelfile.chat_template.has_value();
  if (layer.media_type == store::kSystemMediaType) return modelfile.system.has_value();
  if (layer.media_type == store::kLicenseMediaType) return !modelfile.licenses.empty();
  if (layer.media_type == store::kParamsMediaType) return !modelfile.parameters.empty();
  if (layer.media_type == store::kMessagesMediaType) return !modelfile.messages.empty();
  // A new draft takes the place of the old.
  return plan.draft && (layer.name.starts_with(kDraftPrefix) || layer.name.starts_with("draft/"));
}

store::DraftConfig DraftConfigOf(const SourcePlan& draft) {
  return {.model_format = std::string(kModelFormat),
          .architecture = draft.plan.source.facts.architecture,
          .tensor_prefix = std::string(kDraftPrefix),
          .config = std::string(kDraftConfig)};
}

}  // namespace

Result<std::vector<Layer>> WriteFiles(core::Env& env, const SourcePlan& source,
                                      std::string_view prefix, store::WriteSession& session) {
  std::vector<Layer> layers;
  for (const ModelFile& file : source.files.kept) {
    std::string name = StrCat(prefix, file.name);
    if (file.name == kConfigName) {
      INGOT_ASSIGN(const std::string config, WithoutQuantization(source.plan.source.config_text));
      INGOT_ASSIGN(const store::BlobInfo blob, session.PutBlob(config));
      layers.push_back(MakeLayer(store::kJsonMediaType, blob, std::move(name)));
      continue;
    }
    INGOT_ASSIGN(const store::BlobInfo blob, CopyFile(env, file, session));
    layers.push_back(MakeLayer(store::kJsonMediaType, blob, std::move(name)));
  }
  return layers;
}

Result<std::vector<Layer>> WriteTexts(core::Env& env, const CreatePlan& plan,
                                      const std::vector<Layer>& base,
                                      store::WriteSession& session) {
  const Modelfile& modelfile = plan.modelfile;
  std::vector<Layer> layers;
  const auto put = [&](std::string_view media_type, std::string_view text) -> Status {
    INGOT_ASSIGN(const store::BlobInfo blob, session.PutBlob(text));
    layers.push_back(MakeLayer(media_type, blob));
    return Status::Ok();
  };
  if (modelfile.chat_template) {
    INGOT_TRY(put(store::kTemplateMediaType, *modelfile.chat_template));
  }
  if (modelfile.system) INGOT_TRY(put(store::kSystemMediaType, *modelfile.system));
  for (const std::string& license : modelfile.licenses) {
    INGOT_TRY(put(store::kLicenseMediaType, license));
  }
  if (modelfile.licenses.empty() && plan.model && plan.model->files.license) {
    INGOT_ASSIGN(const std::string license,
                 core::ReadSmallFile(env, *plan.model->files.license, kMaxTextBytes));
    INGOT_TRY(put(store::kLicenseMediaType, license));
  }
  if (!modelfile.parameters.empty()) {
    Parameters parameters;
    for (const Layer& layer : base) {
      if (layer.media_type != store::kParamsMediaType) continue;
      INGOT_ASSIGN(const std::string json, session.store().ReadBlob(layer, kMaxTextBytes));
      INGOT_ASSIGN(parameters, Parameters::FromJson(json));
    }
    parameters.Merge(modelfile.parameters);
    INGOT_TRY(put(store::kParamsMediaType, parameters.ToJson()));
  }
  if (!modelfile.messages.empty()) {
    INGOT_TRY(put(store::kMessagesMediaType, MessagesJson(modelfile.messages)));
  }
  return layers;
}

std::vector<Layer> InheritedLayers(const CreatePlan& plan) {
  std::vector<Layer> layers;
  if (plan.base == nullptr) return layers;
  const store::StoredModel& base = plan.base->model();
  for (const Layer& layer : base.manifest().layers) {
    if (IsReplaced(plan, layer)) continue;
    layers.push_back(layer);
    layers.back().from = base.name.Short();
  }
  return layers;
}

Result<store::ModelConfig> MakeModelConfig(const store::Store& store, const CreatePlan& plan) {
  const Modelfile& modelfile = plan.modelfile;
  store::ModelConfig config;
  if (plan.base != nullptr) {
    INGOT_ASSIGN(config, store.ReadConfig(plan.base->model().manifest()));
    if (!modelfile.renderer.empty()) config.renderer = modelfile.renderer;
    if (!modelfile.parser.empty()) config.parser = modelfile.parser;
  } else {
    const Plan& source = plan.model->plan;
    const family::ChatSupport chat = family::DetectChatSupport(
        source.source.config, plan.model->files.templates(), modelfile.renderer, modelfile.parser);
    config.model_format = kModelFormat;
    config.file_type = source.file_type;
    config.renderer = chat.renderer;
    config.parser = chat.parser;
    config.capabilities = chat.capabilities;
    if (source.source.family != nullptr && source.source.family->encoder) {
      config.capabilities = {"embedding"};
    }
    config.requires_version = kLeastVersion;
  }
  if (!modelfile.requires_version.empty()) config.requires_version = modelfile.requires_version;
  if (plan.draft) config.draft = DraftConfigOf(*plan.draft);
  return config;
}

}  // namespace ingot::import
