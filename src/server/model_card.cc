#include "server/model_card.h"

#include <algorithm>
#include <array>

#include "core/python_json.h"
#include "core/strings.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Result;
using core::StrCat;

constexpr uint64_t kMaxTextBytes = uint64_t{16} << 20;
constexpr uint64_t kMaxJsonBytes = uint64_t{64} << 20;

std::optional<uint64_t> UnsignedAt(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number_unsigned()) {
    return std::nullopt;
  }
  return object[key].get<uint64_t>();
}

std::string StringAt(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return "";
  return object[key].get<std::string>();
}

// The name of a model's architecture as people say it: its model_type, else its first architecture
// without the part that all of them share.
std::string ArchitectureOf(const Json& config) {
  if (std::string type = StringAt(config, "model_type"); !type.empty()) return type;
  if (!config.is_object() || !config.contains("architectures")) return "";
  const Json& list = config["architectures"];
  if (!list.is_array() || list.empty() || !list[0].is_string()) return "";
  std::string name = core::ToLower(list[0].get<std::string>());
  for (const std::string_view tail : {"forcausallm", "forconditionalgeneration"}) {
    if (const size_t at = name.find(tail); at != std::string::npos) name.erase(at, tail.size());
  }
  return name;
}

struct InfoField {
  const char* config_key;
  const char* info_key;
  bool of_text;  // a model of text and images keeps it in text_config
};
constexpr std::array<InfoField, 7> kInfoFields = {{
    {"max_position_embeddings", "context_length", true},
    {"hidden_size", "embedding_length", true},
    {"num_hidden_layers", "block_count", true},
    {"num_attention_heads", "attention.head_count", false},
    {"num_key_value_heads", "attention.head_count_kv", false},
    {"intermediate_size", "feed_forward_length", false},
    {"vocab_size", "vocab_size", false},
}};

void FillFromConfigJson(const Json& config, ModelCard& card) {
  card.architecture = ArchitectureOf(config);
  if (card.architecture.empty()) return;
  card.model_info["general.architecture"] = card.architecture;
  for (const InfoField& field : kInfoFields) {
    std::optional<uint64_t> value;
    if (field.of_text && config.contains("text_config")) {
      value = UnsignedAt(config["text_config"], field.config_key);
    }
    if (!value) value = UnsignedAt(config, field.config_key);
    if (value) card.model_info[StrCat(card.architecture, '.', field.info_key)] = *value;
  }
  card.context_length =
      UnsignedAt(card.model_info, StrCat(card.architecture, ".context_length").c_str());
  card.embedding_length =
      UnsignedAt(card.model_info, StrCat(card.architecture, ".embedding_length").c_str());
}

// The quantized type with the fewest bits, or the type of the floats.
std::string QuantizationOf(const ModelCard& card, const Json& config) {
  if (!card.config.file_type.empty()) return card.config.file_type;
  const ModelTensor* lowest = nullptr;
  for (const ModelTensor& tensor : card.tensors) {
    if (!tensor.format) continue;
    if (lowest == nullptr || tensor.format->bits < lowest->format->bits) lowest = &tensor;
  }
  if (lowest != nullptr) return std::string(quant::TypeName(*lowest->format));
  for (const char* key : {"torch_dtype", "dtype"}) {
    if (std::string type = StringAt(config, key); !type.empty()) return type;
  }
  return "";
}

core::Status ReadParams(const std::string& text, ModelCard& card) {
  INGOT_ASSIGN(card.params, core::ParseJson(text).Context("parameters"));
  if (card.params.is_object()) return core::Status::Ok();
  card.params = Json::object();
  return core::Corrupt("parameters: expected a JSON object");
}

core::Status ReadTexts(const store::Store& store, ModelCard& card) {
  for (const store::Layer& layer : card.model.manifest().layers) {
    const bool params = layer.media_type == store::kParamsMediaType;
    const bool license = layer.media_type == store::kLicenseMediaType;
    const bool templated = layer.media_type == store::kTemplateMediaType;
    if (!params && !license && !templated && layer.media_type != store::kSystemMediaType) continue;
    INGOT_ASSIGN(std::string text, store.ReadBlob(layer, kMaxTextBytes));
    if (params) {
      INGOT_TRY(ReadParams(text, card));  // of several, the last counts
    } else if (license) {
      card.licenses.push_back(std::move(text));
    } else {
      (templated ? card.template_text : card.system) = std::move(text);
    }
  }
  return core::Status::Ok();
}

Result<Json> ReadConfigJson(const store::Store& store, const store::Manifest& manifest) {
  const store::Layer* layer = manifest.Find(store::kJsonMediaType, "config.json");
  if (layer == nullptr) return Json();
  INGOT_ASSIGN(const std::string text, store.ReadBlob(*layer, kMaxJsonBytes));
  return core::ParsePythonJson(text).Context("config.json");
}

void CountParameters(ModelCard& card) {
  uint64_t count = 0;
  for (const ModelTensor& tensor : card.tensors) count += tensor.elements;
  card.parameter_count = count;
  card.parameters = core::HumanCount(count);
  card.model_info["general.parameter_count"] = count;
}

// A value behind a Modelfile command: in three quotes where it would not be one word otherwise.
std::string ModelfileValue(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of("\"\n\r") == std::string_view::npos &&
                     core::Trim(text) == text;
  return plain ? std::string(text) : StrCat("\"\"\"", text, "\"\"\"");
}

}  // namespace

namespace {

// All but the tensors; returns the config.json.
Result<Json> ReadSmallThings(const store::Store& store, ModelCard& card) {
  const store::Manifest& manifest = card.model.manifest();
  INGOT_ASSIGN(card.config, store.ReadConfig(manifest));
  INGOT_ASSIGN(Json config, ReadConfigJson(store, manifest));
  INGOT_TRY(ReadTexts(store, card));
  if (config.is_object()) FillFromConfigJson(config, card);
  return config;
}

void FillGaps(const Json& config, ModelCard& card) {
  // Models of other formats say so themselves.
  if (card.architecture.empty()) card.architecture = card.config.model_family;
  if (card.parameters.empty()) card.parameters = card.config.model_type;
  card.quantization = QuantizationOf(card, config);
}

}  // namespace

Result<ModelCard> ReadPartialModelCard(const store::Store& store, store::StoredModel model) {
  ModelCard card(std::move(model));
  INGOT_ASSIGN(const Json config, ReadSmallThings(store, card));
  FillGaps(config, card);
  return card;
}

Result<ModelCard> ReadModelCard(const store::Store& store, const store::ModelName& name) {
  INGOT_ASSIGN(store::StoredModel model, store.Read(name));
  ModelCard card(std::move(model));
  const store::Manifest& manifest = card.model.manifest();
  INGOT_ASSIGN(const Json config, ReadSmallThings(store, card));
  if (manifest.Find(store::kTensorMediaType) != nullptr) {
    Result<std::vector<ModelTensor>> tensors = ReadModelTensors(store, manifest, config);
    if (tensors.ok()) {
      card.tensors = *std::move(tensors);
      CountParameters(card);
    } else {
      card.tensors_error = std::move(tensors).status();
    }
  }
  FillGaps(config, card);
  return card;
}

std::vector<std::pair<std::string, Json>> SingleParams(const ModelCard& card) {
  std::vector<std::pair<std::string, Json>> singles;
  for (const auto& [key, value] : card.params.items()) {
    if (!value.is_array()) {
      singles.emplace_back(key, value);
      continue;
    }
    for (const Json& one : value) singles.emplace_back(key, one);
  }
  return singles;
}

std::string ModelfileOf(const ModelCard& card) {
  const std::string name = card.model.name.Short();
  std::string out = StrCat(
      "# Modelfile written by `ingot show`. To build a model on this one, create from it:\n"
      "#   ingot create my-model -f Modelfile\n\nFROM ",
      name, "\n");
  const auto add = [&](std::string_view command, std::string_view value) {
    if (!value.empty()) out += StrCat(command, ' ', ModelfileValue(value), '\n');
  };
  add("TEMPLATE", card.template_text);
  add("SYSTEM", card.system);
  add("RENDERER", card.config.renderer);
  add("PARSER", card.config.parser);
  for (const auto& [key, value] : SingleParams(card)) {
    out +=
        StrCat("PARAMETER ", key, ' ',
               value.is_string() ? ModelfileValue(value.get<std::string>()) : value.dump(), '\n');
  }
  for (const std::string& license : card.licenses) add("LICENSE", license);
  return out;
}

}  // namespace ingot::server
