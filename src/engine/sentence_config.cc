#include "engine/sentence_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "core/json.h"
#include "core/strings.h"

namespace ingot::engine {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

struct PoolingMode {
  std::string_view key;  // in the pooling module's config.json
  Pooling pooling;
};
constexpr std::array<PoolingMode, 6> kPoolingModes = {{
    {"pooling_mode_cls_token", Pooling::kFirst},
    {"pooling_mode_max_tokens", Pooling::kMax},
    {"pooling_mode_mean_tokens", Pooling::kMean},
    {"pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanRoot},
    {"pooling_mode_weightedmean_tokens", Pooling::kWeightedMean},
    {"pooling_mode_lasttoken", Pooling::kLast},
}};

// One folder's name: what a module's path may be.
bool IsPlainName(std::string_view path) {
  return !path.empty() && path != "." && path != ".." && path.size() <= 64 &&
         std::all_of(path.begin(), path.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  c == '_' || c == '-' || c == '.';
         });
}

Result<std::optional<Json>> ReadJson(const ModelFiles& files, const std::string& name) {
  INGOT_ASSIGN(const std::optional<std::string> text, files.Read(name));
  if (!text) return std::optional<Json>();
  INGOT_ASSIGN(Json json, core::ParseJson(*text).Context(name));
  return std::optional<Json>(std::move(json));
}

bool Flag(const Json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

Status ReadPooling(const ModelFiles& files, const std::string& folder, SentenceConfig& config) {
  const std::string name = folder + "/config.json";
  INGOT_ASSIGN(const std::optional<Json> json, ReadJson(files, name));
  if (!json || !json->is_object()) {
    return core::Corrupt(StrCat(files.label(), ": modules.json names a pooling module, and ", name,
                                json ? " is no object" : " is missing"));
  }
  config.pooling.clear();
  for (const PoolingMode& mode : kPoolingModes) {
    if (Flag(*json, mode.key)) config.pooling.push_back(mode.pooling);
  }
  if (!config.pooling.empty()) return Status::Ok();
  return core::Corrupt(StrCat(files.label(), ": ", name, " chooses no way of pooling"));
}

Status ReadModules(const ModelFiles& files, SentenceConfig& config) {
  INGOT_ASSIGN(const std::optional<Json> modules, ReadJson(files, "modules.json"));
  if (!modules) return Status::Ok();
  if (!modules->is_array()) return core::Corrupt(files.label() + ": modules.json is no list");
  config.normalise = false;
  for (const Json& module : *modules) {
    const auto text = [&](const char* key) {
      if (!module.is_object()) return std::string();
      const auto found = module.find(key);
      return found != module.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
    };
    const std::string type = text("type");
    const std::string kind = type.substr(type.rfind('.') + 1);
    const std::string path = text("path");
    if (kind == "Transformer") continue;
    if (kind == "Normalize") {
      config.normalise = true;
    } else if (kind == "Pooling") {
      if (!IsPlainName(path)) {
        return core::Corrupt(
            StrCat(files.label(), ": modules.json names the folder ", core::Quoted(path, 80)));
      }
      INGOT_TRY(ReadPooling(files, path, config));
    } else {
      return core::Unsupported(StrCat(files.label(), ": its embeddings need the module ",
                                      core::Quoted(type, 80), ", which this version cannot run"));
    }
  }
  return Status::Ok();
}

Status ReadPrompts(const ModelFiles& files, SentenceConfig& config) {
  INGOT_ASSIGN(const std::optional<Json> json,
               ReadJson(files, "config_sentence_transformers.json"));
  if (!json || !json->is_object()) return Status::Ok();
  if (const auto prompts = json->find("prompts"); prompts != json->end() && prompts->is_object()) {
    for (const auto& [name, prompt] : prompts->items()) {
      if (prompt.is_string()) config.prompts.emplace(name, prompt.get<std::string>());
    }
  }
  const auto chosen = json->find("default_prompt_name");
  if (chosen != json->end() && chosen->is_string()) {
    config.default_prompt = chosen->get<std::string>();
  }
  if (config.default_prompt.empty() || config.prompts.contains(config.default_prompt)) {
    return Status::Ok();
  }
  return core::Corrupt(StrCat(files.label(), ": config_sentence_transformers.json has no prompt ",
                              core::Quoted(config.default_prompt, 80)));
}

Status ReadLength(const ModelFiles& files, SentenceConfig& config) {
  INGOT_ASSIGN(const std::optional<Json> json, ReadJson(files, "sentence_bert_config.json"));
  if (!json || !json->is_object()) return Status::Ok();
  if (Flag(*json, "do_lower_case")) {
    return core::Unsupported(
        StrCat(files.label(), ": sentence_bert_config.json: do_lower_case is not supported"));
  }
  const auto length = json->find("max_seq_length");
  if (length != json->end() && length->is_number_unsigned()) {
    config.max_tokens = std::min<uint64_t>(length->get<uint64_t>(), 1u << 24);
  }
  return Status::Ok();
}

void PoolInto(std::span<const float> rows, size_t width, Pooling pooling, float* out) {
  const size_t count = rows.size() / width;
  if (pooling == Pooling::kFirst || pooling == Pooling::kLast) {
    const size_t row = pooling == Pooling::kFirst ? 0 : count - 1;
    std::copy_n(rows.begin() + static_cast<ptrdiff_t>(row * width), width, out);
    return;
  }
  for (size_t column = 0; column < width; ++column) {
    double sum = 0;
    double weights = 0;
    float largest = -std::numeric_limits<float>::infinity();
    for (size_t row = 0; row < count; ++row) {
      const float value = rows[row * width + column];
      const double weight = pooling == Pooling::kWeightedMean ? static_cast<double>(row + 1) : 1;
      sum += weight * value;
      weights += weight;
      largest = std::max(largest, value);
    }
    const double divisor = pooling == Pooling::kMeanRoot ? std::sqrt(weights) : weights;
    out[column] = pooling == Pooling::kMax ? largest : static_cast<float>(sum / divisor);
  }
}

}  // namespace

Result<SentenceConfig> SentenceConfig::Read(const ModelFiles& files) {
  SentenceConfig config;
  INGOT_TRY(ReadModules(files, config));
  INGOT_TRY(ReadPrompts(files, config));
  INGOT_TRY(ReadLength(files, config));
  return config;
}

std::vector<float> Pool(std::span<const float> rows, size_t width,
                        std::span<const Pooling> pooling) {
  std::vector<float> out(pooling.size() * width);
  if (rows.size() < width) return out;
  for (size_t i = 0; i < pooling.size(); ++i) {
    PoolInto(rows, width, pooling[i], out.data() + i * width);
  }
  return out;
}

void Normalise(std::span<float> vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  if (squares == 0) return;
  const double factor = 1 / std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(value * factor);
}

}  // namespace ingot::engine
