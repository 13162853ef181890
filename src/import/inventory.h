// What lies in a folder of weights, from its headers and its config.json alone: the first step of
// an import. Not changed once made; any thread may read it.
#ifndef INGOT_IMPORT_INVENTORY_H_
#define INGOT_IMPORT_INVENTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "core/status.h"
#include "family/facts.h"
#include "family/family.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace ingot::import {

inline constexpr std::string_view kConfigName = "config.json";
inline constexpr std::string_view kHfQuantConfigName = "hf_quant_config.json";
inline constexpr uint64_t kMaxConfigFileBytes = uint64_t{16} << 20;

struct SourceFile {
  core::Path path;
  core::FileInfo info;  // when its header was read
};

struct SourceTensor {
  std::string name;
  tensor::DType dtype = tensor::DType::kU8;
  tensor::Shape shape;
  uint32_t file = 0;    // in Inventory::files
  uint64_t offset = 0;  // in that file
  uint64_t size = 0;
};

struct Inventory {
  core::Path directory;
  std::vector<SourceFile> files;
  std::vector<SourceTensor> tensors;  // sorted bytewise by name, each once
  // Tensors in the files that the index leaves out, and that are therefore not imported.
  std::vector<std::string> unindexed;

  std::string config_text;  // config.json as it stands
  core::Json config;
  core::Json hf_quant_config;  // null when there is none
  family::ModelFacts facts;
  const family::Family* family = nullptr;  // nullptr: an architecture that we do not know

  std::optional<uint32_t> Find(std::string_view name) const;
  const family::ExpertTable& experts() const;
};

// Reads headers and config files, no weights. Everything that contradicts itself is an error that
// names the file, the tensor, what was expected and what was found.
core::Result<Inventory> ReadInventory(core::Env& env, const core::Path& directory);

// The parts of it that come from config.json; also for tests, which have no files. text: of
// config.json.
core::Status SetConfig(Inventory& inventory, std::string text);

// What a folder has not that an import needs: "config.json", "*.safetensors", both, or "" where
// nothing is missing. Nothing where there is no such folder.
std::optional<std::string> WhatFolderLacks(core::Env& env, const core::Path& directory);
// A folder that can be imported: config.json, and *.safetensors or an index of them.
bool IsModelFolder(core::Env& env, const core::Path& directory);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_INVENTORY_H_
