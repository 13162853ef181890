#include "model/traffic.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "family/facts.h"
#include "model/config_reader.h"
#include "model/parts.h"

namespace ingot::model {
namespace {

namespace mx = ops::mx;

enum class Use { kWhole, kChosenExperts, kTable, kRows, kNotForText };

struct Marker {
  std::string_view text;  // anywhere in the name
  Use use;
};
constexpr std::array<Marker, 13> kMarkers = {{
    {"vision", Use::kNotForText},
    {"visual", Use::kNotForText},
    {"audio_tower", Use::kNotForText},
    {"embed_audio", Use::kNotForText},
    {"multi_modal_projector", Use::kNotForText},
    {"mtp.", Use::kNotForText},
    {"draft.", Use::kNotForText},
    {".experts.", Use::kChosenExperts},
    {".switch_mlp.", Use::kChosenExperts},
    {".switch_glu.", Use::kChosenExperts},
    {"embed_tokens_per_layer", Use::kRows},
    {"embed_tokens", Use::kTable},
    {"embeddings.weight", Use::kTable},
}};

Use UseOf(std::string_view name) {
  for (const Marker& marker : kMarkers) {
    if (name.find(marker.text) != std::string_view::npos) return marker.use;
  }
  return Use::kWhole;
}

// How many of a layer's experts a token goes to.
uint64_t ChosenExperts(const core::Json& config) {
  const ConfigReader reader(config);
  for (const char* key : {"num_experts_per_tok", "num_experts_per_token", "top_k_experts"}) {
    const core::Json* value = reader.Find(key);
    if (value != nullptr && value->is_number_unsigned()) return value->get<uint64_t>();
  }
  return 0;
}

uint64_t SizeInMemory(const StoredTensors& tensors, size_t i, std::optional<mx::Dtype> type,
                      bool packed) {
  uint64_t elements = 1;
  for (const uint32_t dim : tensors.shape(i)) elements *= dim;  // the reader checked the product
  const uint64_t bits = tensor::BitsOf(tensors.dtype(i));
  const bool converted = type && !packed && tensor::IsFloat(tensors.dtype(i)) && bits >= 16;
  return converted ? elements * mx::size_of(*type) : elements * bits / 8;
}

}  // namespace

core::Result<uint64_t> BytesPerToken(const StoredTensors& tensors, const core::Json& config,
                                     std::optional<mx::Dtype> type) {
  INGOT_ASSIGN(const family::ModelFacts facts, family::ReadFacts(config));
  const uint64_t chosen = std::min<uint64_t>(ChosenExperts(config), facts.experts);
  std::vector<std::string_view> names;
  for (size_t i = 0; i < tensors.size(); ++i) names.push_back(tensors.name(i));
  const PartsByName weights = GroupParts(names);
  const bool has_head = std::any_of(weights.begin(), weights.end(), [](const auto& entry) {
    return entry.first.ends_with("lm_head.weight");
  });

  uint64_t total = 0;
  for (const auto& [name, parts] : weights) {
    uint64_t bytes = SizeInMemory(tensors, parts.weight, type, parts.scale.has_value());
    for (const auto& part : {parts.scale, parts.quant_bias, parts.global_scale}) {
      if (part) bytes += SizeInMemory(tensors, *part, type, true);
    }
    switch (UseOf(name)) {
      case Use::kWhole:
        total += bytes;
        break;
      case Use::kChosenExperts:
        total += facts.experts > 0 ? bytes / facts.experts * chosen : bytes;
        break;
      case Use::kTable:
        // Without a head of its own the table is the head, and read whole.
        if (!has_head) total += bytes;
        break;
      case Use::kRows:
      case Use::kNotForText:
        break;
    }
  }
  return total;
}

}  // namespace ingot::model
