#include "family/facts.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "core/strings.h"
#include "family/family.h"

namespace ingot::family {
namespace {

// More than any model has; bounds what a hostile config.json makes us count through.
constexpr uint32_t kMaxLayers = 65'536;

constexpr std::string_view kNested[] = {"text_config", "llm_config"};

std::string_view KindOf(const core::Json& value) { return value.type_name(); }

core::Status WrongKind(std::string_view key, const core::Json& value, std::string_view expected) {
  return core::Corrupt(core::StrCat("config.json: ", core::Quoted(key), " is a ", KindOf(value),
                                    ", expected ", expected));
}

// The value of a key, unless it is missing or null.
const core::Json* Get(const core::Json& object, std::string_view key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// config itself and the objects in it that describe the text model.
core::Result<std::vector<const core::Json*>> Levels(const core::Json& config) {
  std::vector<const core::Json*> levels = {&config};
  for (std::string_view key : kNested) {
    const core::Json* nested = Get(config, key);
    if (nested == nullptr) continue;
    if (!nested->is_object()) return WrongKind(key, *nested, "an object");
    levels.push_back(nested);
  }
  return levels;
}

using Keys = std::initializer_list<std::string_view>;

// The first of the keys that is there and not 0, on the outermost level that has one.
core::Result<uint32_t> FirstNumber(const std::vector<const core::Json*>& levels, Keys keys) {
  for (const core::Json* level : levels) {
    for (std::string_view key : keys) {
      const core::Json* value = Get(*level, key);
      if (value == nullptr) continue;
      if (!value->is_number_unsigned() || value->get<uint64_t>() > 0x7FFFFFFF) {
        return WrongKind(key, *value, "a whole number");
      }
      if (const auto number = value->get<uint32_t>(); number != 0) return number;
    }
  }
  return uint32_t{0};
}

core::Result<bool> FirstFlag(const std::vector<const core::Json*>& levels, std::string_view key) {
  for (const core::Json* level : levels) {
    const core::Json* value = Get(*level, key);
    if (value == nullptr) continue;
    if (!value->is_boolean()) return WrongKind(key, *value, "true or false");
    return value->get<bool>();
  }
  return false;
}

core::Result<const core::Json*> FirstArray(const std::vector<const core::Json*>& levels,
                                           std::string_view key) {
  for (const core::Json* level : levels) {
    const core::Json* value = Get(*level, key);
    if (value == nullptr) continue;
    if (!value->is_array()) return WrongKind(key, *value, "an array");
    return value;
  }
  return static_cast<const core::Json*>(nullptr);
}

core::Result<std::string> Text(const core::Json& object, std::string_view key) {
  const core::Json* value = Get(object, key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return WrongKind(key, *value, "a string");
  return value->get<std::string>();
}

core::Result<std::string> ReadArchitecture(const core::Json& config) {
  if (const core::Json* list = Get(config, "architectures")) {
    if (!list->is_array()) return WrongKind("architectures", *list, "an array of strings");
    for (const core::Json& entry : *list) {
      if (!entry.is_string()) return WrongKind("architectures", entry, "strings");
      if (!entry.get_ref<const std::string&>().empty()) return entry.get<std::string>();
    }
  }
  INGOT_ASSIGN(std::string type, Text(config, "model_type"));
  if (!type.empty()) return type;
  if (const core::Json* nested = Get(config, "text_config"); nested && nested->is_object()) {
    return Text(*nested, "model_type");
  }
  return std::string();
}

// Layers that config.json lists one by one, where it does not count them.
core::Result<uint32_t> CountListedLayers(const std::vector<const core::Json*>& levels) {
  for (std::string_view key : {"mlp_layer_types", "layer_types", "layers_block_type"}) {
    INGOT_ASSIGN(const core::Json* list, FirstArray(levels, key));
    if (list != nullptr && !list->empty()) return static_cast<uint32_t>(list->size());
  }
  for (const core::Json* level : levels) {  // one character a layer
    INGOT_ASSIGN(const std::string pattern, Text(*level, "hybrid_override_pattern"));
    if (!pattern.empty()) return static_cast<uint32_t>(pattern.size());
  }
  return uint32_t{0};
}

core::Result<std::vector<uint32_t>> ReadDenseLayers(const std::vector<const core::Json*>& levels) {
  std::vector<uint32_t> dense;
  INGOT_ASSIGN(const core::Json* types, FirstArray(levels, "mlp_layer_types"));
  for (size_t i = 0; types != nullptr && i < types->size(); ++i) {
    const core::Json& type = (*types)[i];
    if (!type.is_string()) return WrongKind("mlp_layer_types", type, "strings");
    if (type.get_ref<const std::string&>() == "dense") dense.push_back(static_cast<uint32_t>(i));
  }
  INGOT_ASSIGN(const core::Json* only, FirstArray(levels, "mlp_only_layers"));
  for (size_t i = 0; only != nullptr && i < only->size(); ++i) {
    const core::Json& layer = (*only)[i];
    if (!layer.is_number_unsigned() || layer.get<uint64_t>() >= kMaxLayers) {
      return WrongKind("mlp_only_layers", layer, "layer numbers");
    }
    dense.push_back(layer.get<uint32_t>());
  }
  std::sort(dense.begin(), dense.end());
  dense.erase(std::unique(dense.begin(), dense.end()), dense.end());
  return dense;
}

}  // namespace

core::Result<ModelFacts> ReadFacts(const core::Json& config) {
  if (!config.is_object()) {
    return core::Corrupt(
        core::StrCat("config.json holds a ", KindOf(config), ", expected an object"));
  }
  ModelFacts facts;
  INGOT_ASSIGN(facts.architecture, ReadArchitecture(config));
  if (facts.architecture.empty()) {
    return core::Corrupt(
        "config.json names neither architectures nor a model_type: nothing says what model this "
        "is");
  }
  INGOT_ASSIGN(facts.model_type, Text(config, "model_type"));
  INGOT_ASSIGN(const auto levels, Levels(config));
  INGOT_ASSIGN(facts.layers, FirstNumber(levels, {"num_hidden_layers"}));
  INGOT_ASSIGN(facts.experts,
               FirstNumber(levels, {"num_experts", "num_local_experts", "n_routed_experts"}));
  INGOT_ASSIGN(facts.hidden_size, FirstNumber(levels, {"hidden_size"}));
  INGOT_ASSIGN(facts.vocabulary, FirstNumber(levels, {"vocab_size"}));
  INGOT_ASSIGN(facts.context_length, FirstNumber(levels, {"max_position_embeddings"}));
  INGOT_ASSIGN(facts.tied_head, FirstFlag(levels, "tie_word_embeddings"));
  INGOT_ASSIGN(facts.dense_layers, ReadDenseLayers(levels));
  if (facts.layers == 0) {
    INGOT_ASSIGN(facts.layers, CountListedLayers(levels));
  }
  if (const Family* family = FindFamily(facts.architecture)) {
    if (facts.layers == 0) facts.layers = family->default_layers;
    if (family->first_layer_dense && facts.dense_layers.empty()) facts.dense_layers = {0};
  }
  if (facts.layers > kMaxLayers) {
    return core::Corrupt(core::StrCat("config.json: num_hidden_layers is ", facts.layers,
                                      ", expected at most ", kMaxLayers));
  }
  return facts;
}

}  // namespace ingot::family
