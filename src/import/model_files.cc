#include "import/model_files.h"

#include <algorithm>

#include "core/strings.h"

namespace ingot::import {
namespace {

using core::FileKind;
using core::Path;
using core::Result;
using core::Status;
using core::StrCat;

constexpr std::string_view kTokenizerConfig = "tokenizer_config.json";
constexpr std::string_view kTemplateFile = "chat_template.jinja";
constexpr std::string_view kModules = "modules.json";
constexpr std::string_view kIndexEnding = ".safetensors.index.json";

// Files that are kept besides every *.json of the folder itself.
constexpr std::string_view kKeptNames[] = {
    "chat_template.jinja", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
    "merges.txt",          "vocab.txt",       "tekken.json"};
constexpr std::string_view kLicenseNames[] = {"license", "license.txt", "license.md",
                                              "licence", "licence.txt", "licence.md"};
// Any of these is a tokenizer.
constexpr std::string_view kTokenizers[] = {"tokenizer.json", "tokenizer.model", "vocab.txt",
                                            "spiece.model"};

constexpr uint64_t kMaxReadBytes = uint64_t{64} << 20;
constexpr size_t kMaxModules = 64;

bool IsKept(std::string_view name) {
  if (name.starts_with('.') || name.ends_with(kIndexEnding)) return false;
  return name.ends_with(".json") || std::ranges::find(kKeptNames, name) != std::end(kKeptNames);
}

class Search {
 public:
  Search(core::Env& env, const Inventory& source, bool draft)
      : env_(env), source_(source), draft_(draft) {}

  Result<ModelFiles> Run() {
    INGOT_ASSIGN(const auto entries, env_.List(source_.directory));
    for (const core::DirEntry& entry : entries) {
      if (IsKept(entry.name)) INGOT_TRY(Keep(entry.name));
      const std::string lower = core::ToLower(entry.name);
      if (!files_.license && std::ranges::find(kLicenseNames, lower) != std::end(kLicenseNames)) {
        const auto info = env_.Stat(source_.directory / entry.name);
        if (info.ok() && info->kind == FileKind::kRegular) {
          files_.license = source_.directory / entry.name;
        }
      }
    }
    INGOT_TRY(KeepModules());
    std::ranges::sort(files_.kept, {}, &ModelFile::name);
    INGOT_TRY(ReadTemplates());
    if (!draft_) WarnOfWhatIsMissing();
    return std::move(files_);
  }

 private:
  Status Keep(const std::string& name) {
    const Path path = source_.directory / name;
    const auto info = env_.Stat(path);  // links are followed, as hub caches have them
    if (!info.ok()) {
      files_.warnings.push_back(
          StrCat(core::Quoted(name), " is not kept: ", info.status().message()));
      return Status::Ok();
    }
    if (info->kind != FileKind::kRegular) return Status::Ok();
    if (info->size > kMaxModelFileBytes) {
      return core::Exhausted(StrCat(core::Printable(path.native(), 1000), " is ",
                                    core::HumanBytes(info->size), "; at most ",
                                    core::HumanBytes(kMaxModelFileBytes), " are expected"));
    }
    files_.kept.push_back({name, path, info->size});
    return Status::Ok();
  }

  bool Has(std::string_view name) const {
    return std::ranges::any_of(files_.kept, [&](const ModelFile& f) { return f.name == name; });
  }

  // modules.json of a sentence encoder names folders with a config.json each.
  Status KeepModules() {
    if (!Has(kModules)) return Status::Ok();
    INGOT_ASSIGN(const std::string text,
                 core::ReadSmallFile(env_, source_.directory / kModules, kMaxReadBytes));
    const auto modules = core::ParseJson(text);
    if (!modules.ok() || !modules->is_array() || modules->size() > kMaxModules) {
      files_.warnings.emplace_back(
          "modules.json cannot be understood: how the model's vectors are pooled is not known");
      return Status::Ok();
    }
    for (const core::Json& module : *modules) {
      const auto it = module.is_object() ? module.find("path") : module.end();
      if (!module.is_object() || it == module.end() || !it->is_string()) continue;
      const auto& path = it->get_ref<const std::string&>();
      if (path.empty()) continue;  // the model itself
      if (!IsPlainPath(path)) {
        return core::Corrupt(StrCat("modules.json names the folder ", core::Quoted(path),
                                    ", which does not lie inside the model's"));
      }
      INGOT_TRY(KeepModule(path));
    }
    return Status::Ok();
  }

  Status KeepModule(const std::string& folder) {
    const auto entries = env_.List(source_.directory / folder);
    if (!entries.ok()) {
      // Modules without settings, such as normalization, have no folder.
      return Status::Ok();
    }
    for (const core::DirEntry& entry : *entries) {
      const std::string_view name = entry.name;
      if (IsKept(name) && !Has(StrCat(folder, "/", name))) {
        INGOT_TRY(Keep(StrCat(folder, "/", name)));
      } else if (name.ends_with(".safetensors") || name.ends_with(".bin")) {
        files_.warnings.push_back(StrCat(core::Quoted(StrCat(folder, "/", name)),
                                         " holds weights of a module behind the model, which are"
                                         " not imported: its vectors will lack that step"));
      }
    }
    return Status::Ok();
  }

  Status ReadTemplates() {
    if (Has(kTemplateFile)) {
      INGOT_ASSIGN(files_.file_template,
                   core::ReadSmallFile(env_, source_.directory / kTemplateFile, kMaxReadBytes));
    }
    if (!Has(kTokenizerConfig)) return Status::Ok();
    INGOT_ASSIGN(const std::string text,
                 core::ReadSmallFile(env_, source_.directory / kTokenizerConfig, kMaxReadBytes));
    const auto config = core::ParseJson(text);
    if (!config.ok()) {
      files_.warnings.push_back(
          StrCat("tokenizer_config.json cannot be read: ", config.status().message()));
      return Status::Ok();
    }
    if (!config->is_object()) return Status::Ok();
    const auto it = config->find("chat_template");
    if (it != config->end() && it->is_string()) {
      files_.tokenizer_template = it->get<std::string>();
    }
    return Status::Ok();
  }

  void WarnOfWhatIsMissing() {
    const auto warn = [&](std::string text) { files_.warnings.push_back(std::move(text)); };
    if (std::ranges::none_of(kTokenizers, [&](std::string_view name) { return Has(name); })) {
      warn("there is no tokenizer.json: the model cannot be given text");
    } else if (!Has("tokenizer.json")) {
      warn(
          "there is no tokenizer.json, only an older kind of tokenizer, which is kept but cannot "
          "be used");
    }
    const bool encoder = source_.family != nullptr && source_.family->encoder;
    if (encoder) {
      if (!Has(kModules)) {
        warn("there is no modules.json: how the model's vectors are pooled is not declared");
      }
      return;
    }
    const bool sees =
        source_.config.contains("vision_config") && !source_.config["vision_config"].is_null();
    if (sees && !Has("preprocessor_config.json") && !Has("processor_config.json")) {
      warn(
          "there is neither preprocessor_config.json nor processor_config.json: images are "
          "prepared as the family's first models had them");
    }
    if (files_.templates().Main().empty() &&
        family::DetectChatSupport(source_.config, {}).renderer.empty()) {
      warn(
          "there is no chat template: without a TEMPLATE in a Modelfile the model only continues "
          "text");
    }
  }

  core::Env& env_;
  const Inventory& source_;
  const bool draft_;
  ModelFiles files_;
};

}  // namespace

bool IsPlainPath(std::string_view path) {
  if (path.empty() || !core::IsValidUtf8(path)) return false;
  return std::ranges::none_of(core::Split(path, '/'), [](std::string_view part) {
    return part.empty() || part == "." || part == ".." ||
           part.find('\\') != std::string_view::npos || part.find('\0') != std::string_view::npos;
  });
}

Result<ModelFiles> FindModelFiles(core::Env& env, const Inventory& source, bool draft) {
  return Search(env, source, draft).Run();
}

}  // namespace ingot::import
