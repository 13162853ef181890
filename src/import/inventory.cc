#include "import/inventory.h"

#include <algorithm>

#include "core/python_json.h"
#include "core/strings.h"
#include "tensor/checkpoint.h"

namespace ingot::import {
namespace {

using core::Path;
using core::Result;
using core::Status;

std::string Shown(const Path& path) { return core::Printable(path.native(), 1000); }

Result<core::Json> ReadJsonFile(core::Env& env, const Path& path) {
  INGOT_ASSIGN(const std::string text, core::ReadSmallFile(env, path, kMaxConfigFileBytes));
  return core::ParsePythonJson(text).Context(Shown(path));
}

void AddTensors(const tensor::Checkpoint& checkpoint, Inventory& inventory) {
  for (const tensor::SafetensorsFile& file : checkpoint.files()) {
    inventory.files.push_back({file.path(), file.info()});
  }
  const tensor::SafetensorsFile* first = checkpoint.files().data();
  inventory.tensors.reserve(checkpoint.size());
  for (size_t i = 0; i < checkpoint.size(); ++i) {
    const tensor::TensorInfo info = checkpoint[i];
    const tensor::SafetensorsFile& file = checkpoint.FileOf(i);
    inventory.tensors.push_back({.name = std::string(info.name),
                                 .dtype = info.dtype,
                                 .shape = info.shape,
                                 .file = static_cast<uint32_t>(&file - first),
                                 .offset = file.header().data_begin() + info.offset,
                                 .size = info.size});
  }
}

}  // namespace

std::optional<uint32_t> Inventory::Find(std::string_view name) const {
  const auto it =
      std::lower_bound(tensors.begin(), tensors.end(), name,
                       [](const SourceTensor& a, std::string_view b) { return a.name < b; });
  if (it == tensors.end() || it->name != name) return std::nullopt;
  return static_cast<uint32_t>(it - tensors.begin());
}

const family::ExpertTable& Inventory::experts() const {
  return family == nullptr ? family::kUnknownExperts : *family->experts;
}

Status SetConfig(Inventory& inventory, std::string text) {
  inventory.config_text = std::move(text);
  INGOT_ASSIGN(inventory.config, core::ParsePythonJson(inventory.config_text));
  INGOT_ASSIGN(inventory.facts, family::ReadFacts(inventory.config));
  inventory.family = family::FindFamily(inventory.facts.architecture);
  if (inventory.family == nullptr) {
    inventory.family = family::FindFamily(inventory.facts.model_type);
  }
  return Status::Ok();
}

Result<Inventory> ReadInventory(core::Env& env, const Path& directory) {
  Inventory inventory;
  inventory.directory = directory;
  const Path config = directory / kConfigName;
  auto text = core::ReadSmallFile(env, config, kMaxConfigFileBytes);
  if (!text.ok()) {
    return std::move(text).status().WithHint(
        "a model folder needs a config.json beside its weights");
  }
  INGOT_TRY(SetConfig(inventory, *std::move(text)).Context(Shown(directory / kConfigName)));
  const Path hf_quant = directory / kHfQuantConfigName;
  if (env.Stat(hf_quant).ok()) {
    INGOT_ASSIGN(inventory.hf_quant_config, ReadJsonFile(env, hf_quant));
  }
  INGOT_ASSIGN(const tensor::Checkpoint checkpoint, tensor::Checkpoint::Open(env, directory));
  inventory.unindexed = checkpoint.unindexed();
  AddTensors(checkpoint, inventory);
  return inventory;
}

std::optional<std::string> WhatFolderLacks(core::Env& env, const Path& directory) {
  const auto entries = env.List(directory);
  if (!entries.ok()) return std::nullopt;
  const auto has = [&](auto&& wanted) {
    return std::any_of(entries->begin(), entries->end(),
                       [&](const auto& entry) { return wanted(std::string_view(entry.name)); });
  };
  const bool config = has([](std::string_view name) { return name == kConfigName; });
  // An index alone counts as weights: opening it tells which of its shards are missing.
  const bool weights = has([](std::string_view name) {
    return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
  });
  if (config && weights) return "";
  if (config) return "*.safetensors";
  return weights ? std::string(kConfigName) : core::StrCat(kConfigName, " and no *.safetensors");
}

bool IsModelFolder(core::Env& env, const Path& directory) {
  return WhatFolderLacks(env, directory) == "";
}

}  // namespace ingot::import
