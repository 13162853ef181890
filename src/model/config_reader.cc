#include "model/config_reader.h"

#include <cmath>
#include <limits>

#include "core/strings.h"

namespace ingot::model {
namespace {

using core::Json;
using core::StrCat;

constexpr double kLargest = 1 << 24;  // of any size or count: beyond is a mistake or an attack

const Json* Member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string Shown(const Json& value) {
  return core::Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

}  // namespace

std::optional<double> JsonNumber(const Json& value) {
  if (value.is_number()) return value.get<double>();
  // How newer configs write what JSON cannot: {"__float__": "Infinity"}.
  const Json* special = Member(value, "__float__");
  if (special == nullptr || !special->is_string()) return std::nullopt;
  const auto& text = special->get_ref<const std::string&>();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

std::string ArchitectureOf(const Json& config) {
  if (const Json* list = Member(config, "architectures");
      list != nullptr && list->is_array() && !list->empty() && list->front().is_string()) {
    return list->front().get<std::string>();
  }
  if (const Json* type = Member(config, "model_type"); type != nullptr && type->is_string()) {
    return type->get<std::string>();
  }
  return "";
}

ConfigReader::ConfigReader(const Json& config) : root_(config) {
  for (const char* key : {"text_config", "llm_config"}) {
    const Json* part = Member(config, key);
    if (part != nullptr && part->is_object()) {
      text_ = part;
      return;
    }
  }
}

const Json* ConfigReader::Find(std::string_view key) const {
  if (text_ != nullptr) {
    if (const Json* found = Member(*text_, key)) return found;
  }
  return Member(root_, key);
}

void ConfigReader::Require(bool holds, std::string_view message) {
  if (!holds) complaints_.emplace_back(message);
}

int ConfigReader::Integer(std::string_view key, const Json& value, int least) {
  const std::optional<double> number = JsonNumber(value);
  if (number && *number == std::floor(*number) && *number >= least && *number <= kLargest) {
    return static_cast<int>(*number);
  }
  complaints_.push_back(StrCat(key, ": expected an integer from ", least, " to ",
                               static_cast<int>(kLargest), ", found ", Shown(value)));
  return least;
}

int ConfigReader::Size(std::string_view key) {
  const Json* value = Find(key);
  if (value != nullptr) return Integer(key, *value, 1);
  complaints_.push_back(StrCat(key, " is missing"));
  return 1;
}

int ConfigReader::SizeOr(std::string_view key, int fallback) {
  const Json* value = Find(key);
  if (value == nullptr || (value->is_number() && value->get<double>() == 0)) return fallback;
  return Integer(key, *value, 1);
}

int ConfigReader::CountOr(std::string_view key, int fallback) {
  const Json* value = Find(key);
  return value == nullptr ? fallback : Integer(key, *value, 0);
}

float ConfigReader::FloatOr(std::string_view key, float fallback) {
  const Json* value = Find(key);
  if (value == nullptr) return fallback;
  if (const std::optional<double> number = JsonNumber(*value)) return static_cast<float>(*number);
  complaints_.push_back(StrCat(key, ": expected a number, found ", Shown(*value)));
  return fallback;
}

bool ConfigReader::BoolOr(std::string_view key, bool fallback) {
  const Json* value = Find(key);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  complaints_.push_back(StrCat(key, ": expected true or false, found ", Shown(*value)));
  return fallback;
}

std::string ConfigReader::TextOr(std::string_view key, std::string_view fallback) {
  const Json* value = Find(key);
  if (value == nullptr) return std::string(fallback);
  if (value->is_string()) return value->get<std::string>();
  complaints_.push_back(StrCat(key, ": expected a text, found ", Shown(*value)));
  return std::string(fallback);
}

std::vector<std::string> ConfigReader::Texts(std::string_view key) {
  std::vector<std::string> texts;
  const Json* value = Find(key);
  if (value == nullptr) return texts;
  if (!value->is_array()) {
    complaints_.push_back(StrCat(key, ": expected a list, found ", Shown(*value)));
    return texts;
  }
  for (const Json& entry : *value) {
    if (entry.is_string()) {
      texts.push_back(entry.get<std::string>());
    } else {
      complaints_.push_back(StrCat(key, ": expected texts, found ", Shown(entry)));
    }
  }
  return texts;
}

std::vector<int> ConfigReader::Counts(std::string_view key) {
  std::vector<int> counts;
  const Json* value = Find(key);
  if (value == nullptr) return counts;
  if (!value->is_array()) {
    complaints_.push_back(StrCat(key, ": expected a list, found ", Shown(*value)));
    return counts;
  }
  for (const Json& entry : *value) counts.push_back(Integer(key, entry, 0));
  return counts;
}

core::Status ConfigReader::Finish() const {
  if (complaints_.empty()) return core::Status::Ok();
  return core::Corrupt(StrCat("config.json: ", core::Join(complaints_, "; ")));
}

}  // namespace ingot::model
