// The config blob of a model: what the model is, in a few fields, as `show` and the API report it
// and as the loader needs it (renderer, parser, draft). Values; any thread.
//
// Fields of other programs are kept, with their exact text, and written back behind ours.
#ifndef INGOT_STORE_MODEL_CONFIG_H_
#define INGOT_STORE_MODEL_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"

namespace ingot::store {

inline constexpr uint64_t kMaxConfigBytes = uint64_t{4} << 20;

// A second, small model inside the first, for speculation.
struct DraftConfig {
  std::string model_format;
  std::string architecture;
  std::string tensor_prefix;  // "draft."
  std::string config;         // name of its config layer, "draft/config.json"

  bool operator==(const DraftConfig&) const = default;
};

struct ModelConfig {
  std::string model_format;  // "safetensors" for models of tensors
  std::string model_family;
  std::optional<std::vector<std::string>> model_families;  // nullopt is written as null
  std::string model_type;
  std::string file_type;  // the effective quantization type, or empty
  std::string renderer;
  std::string parser;
  std::string requires_version;  // "requires" in the file
  std::string remote_host;
  std::string remote_model;
  std::vector<std::string> capabilities;
  uint64_t context_length = 0;
  uint64_t embedding_length = 0;
  std::string base_name;
  std::optional<DraftConfig> draft;
  std::string architecture;
  std::string os;
  std::vector<std::pair<std::string, std::string>> extra;  // key and JSON text, in file order

  bool operator==(const ModelConfig&) const = default;
};

// A missing field or a null is empty; a field of the wrong type is an error that names it.
core::Result<ModelConfig> ParseModelConfig(std::string_view text);

// Compact, in the order of the format, without a newline at the end.
std::string EncodeModelConfig(const ModelConfig& config);

}  // namespace ingot::store

#endif  // INGOT_STORE_MODEL_CONFIG_H_
