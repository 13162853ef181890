#include "import/export.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "core/strings.h"
#include "import/model_files.h"
#include "import/modelfile_text.h"
#include "store/lease.h"

namespace ingot::import {
namespace {

using core::Path;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;
using store::Layer;

constexpr uint64_t kCopyBytes = uint64_t{4} << 20;
constexpr uint64_t kMaxTextBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxGlobalScales = 65'536;
constexpr std::string_view kDraftPrefix = "draft.";
constexpr std::string_view kDraftFolder = "draft/";
constexpr std::string_view kIndexName = "model.safetensors.index.json";

std::string Shown(const Path& path) { return core::Printable(path.native(), 1000); }

// Files and folders that were made, removed again unless all went well.
class Cleaner {
 public:
  explicit Cleaner(core::Env& env) : env_(env) {}
  ~Cleaner() {
    for (auto it = made_.rbegin(); it != made_.rend(); ++it) {
      const Status ignored = env_.Remove(*it);  // nothing more can be done about it
    }
  }
  void Made(Path path) { made_.push_back(std::move(path)); }
  void Keep() { made_.clear(); }

 private:
  core::Env& env_;
  std::vector<Path> made_;
};

class Exporter : private BlobReader {
 public:
  Exporter(const store::Store& store, const store::StoredModel& model, Path folder,
           const ExportOptions& options)
      : store_(store),
        env_(store.env()),
        manifest_(model.manifest()),
        folder_(std::move(folder)),
        options_(options),
        cleaner_(env_) {}

  Result<ExportOutcome> Run() {
    const int64_t begin = store_.clock().MonotonicNs();
    INGOT_TRY(MakeFolder());
    INGOT_TRY(ReadHeaders());
    std::vector<Part> parts;
    INGOT_ASSIGN(Part main, PlanPart("", ""));
    parts.push_back(std::move(main));
    const bool has_draft = std::ranges::any_of(manifest_.layers, [](const Layer& layer) {
      return layer.media_type == store::kTensorMediaType && layer.name.starts_with(kDraftPrefix);
    });
    if (has_draft) {
      INGOT_ASSIGN(Part draft, PlanPart(kDraftPrefix, kDraftFolder));
      parts.push_back(std::move(draft));
    }
    INGOT_TRY(CheckSpace(parts));
    uint64_t total = 0;
    for (const Part& part : parts) total += part.plan.bytes;
    const std::unique_ptr<core::ProgressSink> silent = core::MakeNullSink();
    core::Progress progress(options_.progress != nullptr ? *options_.progress : *silent,
                            "exporting", core::ProgressUnit::kBytes, total);
    progress_ = &progress;
    for (const Part& part : parts) {
      for (const ExportShard& shard : part.plan.shards) INGOT_TRY(WriteShard(part, shard));
      INGOT_TRY(WriteText(part.folder + std::string(kIndexName), part.plan.index));
    }
    INGOT_TRY(WriteFiles());
    INGOT_TRY(WriteModelfile(has_draft));
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      INGOT_TRY(WriteText(part->folder + std::string(kConfigName), part->plan.config));
      outcome_.tensors += part->plan.tensors;
      std::ranges::copy(part->plan.warnings, std::back_inserter(outcome_.warnings));
    }
    INGOT_TRY(env_.SyncDir(folder_));
    progress.Finish();
    cleaner_.Keep();
    outcome_.seconds = static_cast<double>(store_.clock().MonotonicNs() - begin) / 1e9;
    return std::move(outcome_);
  }

 private:
  // The model itself, or its draft.
  struct Part {
    std::string folder;  // "" or "draft/"
    ExportPlan plan;
  };

  Status CheckCancelled() const {
    if (options_.cancelled && options_.cancelled()) {
      return core::Cancelled("the export was interrupted");
    }
    return Status::Ok();
  }

  Status MakeFolder() {
    const auto entries = env_.List(folder_);
    if (!entries.ok()) {
      if (entries.status().code() != core::Code::kNotFound) return entries.status();
      INGOT_TRY(env_.CreateDirs(folder_));
      cleaner_.Made(folder_);
      return Status::Ok();
    }
    if (entries->empty()) return Status::Ok();
    return Status(core::Code::kAlreadyExists,
                  StrCat(Shown(folder_), " is there already and is not empty"))
        .WithHint("Name a folder that does not exist yet.");
  }

  Status ReadHeaders() {
    for (const Layer& layer : manifest_.layers) {
      if (layer.media_type != store::kTensorMediaType) continue;
      INGOT_ASSIGN(auto file, store_.OpenBlob(layer, core::Access::kSequential));
      INGOT_ASSIGN(tensor::Header header,
                   tensor::ReadHeader(*file).Context(StrCat("layer ", Quoted(layer.name))));
      blobs_.push_back({layer.name, std::move(header)});
      layers_.push_back(&layer);
    }
    return Status::Ok();
  }

  Result<Part> PlanPart(std::string_view prefix, std::string_view folder) {
    const Layer* layer = manifest_.Find(store::kJsonMediaType, StrCat(folder, kConfigName));
    if (layer == nullptr) {
      return core::Corrupt(StrCat("the model has no layer ", Quoted(StrCat(folder, kConfigName))));
    }
    INGOT_ASSIGN(std::string config, store_.ReadBlob(*layer, kMaxConfigFileBytes));
    if (folder.empty()) config_text_ = config;
    Inventory model;
    INGOT_TRY(SetConfig(model, std::move(config)).Context(layer->name));
    INGOT_ASSIGN(const store::ModelConfig stored, store_.ReadConfig(manifest_));
    const std::string file_type = prefix.empty() ? stored.file_type : "";
    Part part{.folder = std::string(folder), .plan = {}};
    INGOT_ASSIGN(part.plan,
                 PlanExport(model, prefix, file_type, blobs_, *this, options_.shard_bytes));
    return part;
  }

  Status CheckSpace(const std::vector<Part>& parts) {
    uint64_t needed = 0;
    for (const Part& part : parts) needed += part.plan.bytes;
    for (const Layer& layer : manifest_.layers) {
      if (layer.media_type != store::kTensorMediaType) needed += layer.size;
    }
    INGOT_ASSIGN(const core::Space space, env_.FreeSpace(folder_));
    if (needed <= space.available) return Status::Ok();
    return {core::Code::kNoSpace,
            StrCat("the export needs ", core::HumanBytes(needed), " in ", Shown(folder_),
                   ", where ", core::HumanBytes(space.available), " are free")};
  }

  Result<std::vector<float>> Floats(uint32_t blob, const tensor::TensorInfo& at) override {
    if (at.size > kMaxGlobalScales * sizeof(float)) {
      return core::Corrupt(StrCat(Quoted(at.name), " holds too many global scales"));
    }
    INGOT_ASSIGN(const auto file, store_.OpenBlob(*layers_[blob]));
    std::vector<float> values(at.size / sizeof(float));
    INGOT_TRY(file->ReadAt(blobs_[blob].header.data_begin() + at.offset,
                           std::as_writable_bytes(std::span(values))));
    return values;
  }

  Result<std::unique_ptr<core::WriteFile>> CreateFile(const std::string& name) {
    const Path path = folder_ / name;
    if (const size_t slash = name.rfind('/'); slash != std::string::npos) {
      const Path parent = folder_ / name.substr(0, slash);
      if (!env_.Stat(parent).ok()) {
        INGOT_TRY(env_.CreateDirs(parent));
        cleaner_.Made(parent);
      }
    }
    INGOT_ASSIGN(auto file, env_.CreateNew(path));
    cleaner_.Made(path);
    outcome_.files.push_back(name);
    return file;
  }

  Status Finish(core::WriteFile& file) {
    INGOT_TRY(file.Sync());
    return file.Close();
  }

  Status WriteText(const std::string& name, std::string_view text) {
    INGOT_ASSIGN(const auto file, CreateFile(name));
    INGOT_TRY(file->Append(core::AsBytes(text)));
    outcome_.bytes += text.size();
    return Finish(*file);
  }

  Status WriteShard(const Part& part, const ExportShard& shard) {
    INGOT_ASSIGN(const auto file, CreateFile(part.folder + shard.name));
    INGOT_TRY(file->Allocate(shard.file->file_size()));
    INGOT_TRY(file->Append(core::AsBytes(shard.file->header())));
    uint64_t at = shard.file->header().size();
    progress_->Add(at);
    // Neighbours in a shard often lie in one blob.
    std::unique_ptr<core::ReadFile> from;
    uint32_t open = 0;
    for (const ExportedTensor& tensor : shard.tensors) {
      if (from == nullptr || open != tensor.blob) {
        open = tensor.blob;
        INGOT_ASSIGN(from, store_.OpenBlob(*layers_[open], core::Access::kSequential));
      }
      INGOT_TRY(WriteTensor(tensor, *from, *file));
      file->StartWriteback(at, tensor.size);
      at += tensor.size;
    }
    outcome_.bytes += at;
    return Finish(*file);
  }

  Status WriteTensor(const ExportedTensor& tensor, const core::ReadFile& from,
                     core::WriteFile& to) {
    if (!tensor.values.empty()) {
      progress_->Add(tensor.size);
      return to.Append(std::as_bytes(std::span(tensor.values)));
    }
    const uint64_t begin = blobs_[tensor.blob].header.data_begin() + tensor.offset;
    for (uint64_t i = 0; i < tensor.count; ++i) {
      INGOT_TRY(Copy(from, begin + i * tensor.stride, tensor.piece, to));
    }
    return Status::Ok();
  }

  Status Copy(const core::ReadFile& from, uint64_t offset, uint64_t size, core::WriteFile& to) {
    buffer_.resize(kCopyBytes);
    for (uint64_t done = 0; done < size;) {
      INGOT_TRY(CheckCancelled());
      const auto piece = std::span(buffer_).first(std::min(size - done, kCopyBytes));
      INGOT_TRY(from.ReadAt(offset + done, piece));
      INGOT_TRY(to.Append(piece));
      done += piece.size();
      if (progress_ != nullptr) progress_->Add(piece.size());
    }
    return Status::Ok();
  }

  // The files that the model kept, and its licence.
  Status WriteFiles() {
    for (const Layer& layer : manifest_.layers) {
      if (layer.media_type != store::kJsonMediaType) continue;
      if (layer.name == kConfigName || layer.name == StrCat(kDraftFolder, kConfigName)) continue;
      if (!IsPlainPath(layer.name) || layer.name.ends_with(".safetensors") ||
          layer.name.ends_with(kIndexName)) {
        return core::Corrupt(StrCat("the layer ", Quoted(layer.name),
                                    " has a name that no file of"
                                    " an exported model can have"));
      }
      INGOT_ASSIGN(const auto from, store_.OpenBlob(layer, core::Access::kSequential));
      INGOT_ASSIGN(const auto to, CreateFile(layer.name));
      core::Progress* const shown = std::exchange(progress_, nullptr);  // of weights alone
      const Status copied = Copy(*from, 0, layer.size, *to);
      progress_ = shown;
      INGOT_TRY(copied);
      INGOT_TRY(Finish(*to));
      outcome_.bytes += layer.size;
    }
    return Status::Ok();
  }

  // What no file of a checkpoint says.
  Status WriteModelfile(bool has_draft) {
    Modelfile modelfile;
    modelfile.from = ".";
    if (has_draft) modelfile.draft = "./draft";
    for (const Layer& layer : manifest_.layers) INGOT_TRY(ReadText(layer, modelfile));
    if (modelfile.licenses.size() == 1) {
      INGOT_TRY(WriteText("LICENSE", modelfile.licenses[0]));
      modelfile.licenses.clear();
    }
    INGOT_TRY(AddWhatIsNotDetected(modelfile));
    const bool needed = modelfile.draft || modelfile.chat_template || modelfile.system ||
                        !modelfile.licenses.empty() || !modelfile.parser.empty() ||
                        !modelfile.renderer.empty() || !modelfile.requires_version.empty() ||
                        !modelfile.parameters.empty() || !modelfile.messages.empty();
    if (!needed) return Status::Ok();
    const auto text = ModelfileText(modelfile);
    if (!text.ok()) {
      outcome_.warnings.push_back(StrCat("no Modelfile was written: ", text.status().message()));
      return Status::Ok();
    }
    return WriteText(std::string(kModelfileName), *text);
  }

  Status ReadText(const Layer& layer, Modelfile& modelfile) {
    constexpr std::string_view kTexts[] = {store::kTemplateMediaType, store::kSystemMediaType,
                                           store::kLicenseMediaType, store::kParamsMediaType,
                                           store::kMessagesMediaType};
    if (std::ranges::find(kTexts, layer.media_type) == std::end(kTexts)) return Status::Ok();
    INGOT_ASSIGN(std::string text, store_.ReadBlob(layer, kMaxTextBytes));
    if (layer.media_type == store::kTemplateMediaType) {
      modelfile.chat_template = std::move(text);
    } else if (layer.media_type == store::kSystemMediaType) {
      modelfile.system = std::move(text);
    } else if (layer.media_type == store::kLicenseMediaType) {
      modelfile.licenses.push_back(std::move(text));
    } else if (layer.media_type == store::kParamsMediaType) {
      auto parameters = Parameters::FromJson(text);
      if (parameters.ok()) {
        modelfile.parameters = *std::move(parameters);
      } else {
        outcome_.warnings.push_back(
            StrCat("the model's parameters are not exported: ", parameters.status().message()));
      }
    } else {
      INGOT_ASSIGN(modelfile.messages, ParseMessagesJson(text).Context("the model's messages"));
    }
    return Status::Ok();
  }

  // Renderer, parser and version, where importing the folder would give others.
  Status AddWhatIsNotDetected(Modelfile& modelfile) {
    INGOT_ASSIGN(const store::ModelConfig config, store_.ReadConfig(manifest_));
    Inventory model;
    model.directory = folder_;
    INGOT_TRY(SetConfig(model, config_text_));
    INGOT_ASSIGN(const ModelFiles files, FindModelFiles(env_, model, /*draft=*/true));
    const family::ChatSupport chat = family::DetectChatSupport(model.config, files.templates());
    if (chat.renderer != config.renderer) modelfile.renderer = config.renderer;
    if (chat.parser != config.parser) modelfile.parser = config.parser;
    if (config.requires_version != kLeastVersion) {
      modelfile.requires_version = config.requires_version;
    }
    return Status::Ok();
  }

  const store::Store& store_;
  core::Env& env_;
  const store::Manifest& manifest_;
  const Path folder_;
  const ExportOptions& options_;
  Cleaner cleaner_;
  std::vector<StoredBlob> blobs_;
  std::vector<const Layer*> layers_;  // of blobs_
  std::string config_text_;           // of the model itself
  std::vector<std::byte> buffer_;
  core::Progress* progress_ = nullptr;
  ExportOutcome outcome_;
};

}  // namespace

Result<ExportOutcome> ExportModel(const store::Store& store, const store::ModelName& name,
                                  const Path& folder, const ExportOptions& options) {
  INGOT_ASSIGN(const auto lease, store::ModelLease::Take(store, name));
  INGOT_ASSIGN(const store::ModelConfig config, store.ReadConfig(lease.model().manifest()));
  if (config.model_format != "safetensors") {
    return core::Unsupported(
        StrCat(name.Short(), " is kept as ",
               config.model_format.empty() ? "another format" : Quoted(config.model_format, 40),
               ", which cannot be exported"));
  }
  return Exporter(store, lease.model(), folder, options).Run();
}

}  // namespace ingot::import
