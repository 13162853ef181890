#include "import/fp8_block.h"

#include <string>
#include <string_view>

namespace ingot::import {
namespace {

using core::Json;

const Json* Get(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

bool TextIs(const Json& object, std::string_view key, std::string_view expected) {
  const Json* value = Get(object, key);
  return value != nullptr && value->is_string() && value->get_ref<const std::string&>() == expected;
}

std::optional<BlockSize> TwoNumbers(const Json* list) {
  if (list == nullptr || !list->is_array() || list->size() != 2) return std::nullopt;
  const Json& rows = (*list)[0];
  const Json& columns = (*list)[1];
  if (!rows.is_number_unsigned() || !columns.is_number_unsigned()) return std::nullopt;
  return BlockSize{rows.get<uint64_t>(), columns.get<uint64_t>()};
}

// compressed-tensors: the first config group of 8-bit floats that has a block structure.
std::optional<BlockSize> FromGroups(const Json& block) {
  const Json* groups = Get(block, "config_groups");
  if (groups == nullptr || !groups->is_object()) return std::nullopt;
  for (const Json& group : *groups) {
    const Json* weights = Get(group, "weights");
    if (weights == nullptr || !TextIs(*weights, "type", "float")) continue;
    if (Get(group, "format") != nullptr && !TextIs(group, "format", "float-quantized")) continue;
    const Json* bits = Get(*weights, "num_bits");
    if (bits == nullptr || *bits != 8) continue;
    if (const auto size = TwoNumbers(Get(*weights, "block_structure"))) return size;
  }
  return std::nullopt;
}

std::optional<BlockSize> FromBlock(const Json& block) {
  if (TextIs(block, "quant_method", "fp8")) {
    if (const auto size = TwoNumbers(Get(block, "weight_block_size"))) return size;
  }
  if (TextIs(block, "quant_method", "compressed-tensors") ||
      TextIs(block, "format", "float-quantized")) {
    return FromGroups(block);
  }
  return std::nullopt;
}

}  // namespace

std::optional<BlockSize> DeclaredBlockSize(const Json& config) {
  for (const Json* level : {&config, Get(config, "text_config")}) {
    if (level == nullptr) continue;
    for (std::string_view key : {"quantization", "quantization_config", "compression_config"}) {
      const Json* block = Get(*level, key);
      if (block == nullptr) continue;
      if (const auto size = FromBlock(*block)) return size;
    }
  }
  return std::nullopt;
}

}  // namespace ingot::import
