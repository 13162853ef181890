#include "server/ruled_fields.h"

#include <algorithm>
#include <cmath>

#include "core/strings.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

std::string Shown(const Json& value) {
  return core::Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

Status CheckOnly(const FieldRule& rule, const std::string& path, const Json& value) {
  INGOT_ASSIGN(const Json allowed, core::ParseJson(rule.detail));
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
  std::vector<std::string> names;
  for (const Json& one : allowed) names.push_back(one.dump());
  return core::Unsupported(
      StrCat(path, ": ", Shown(value), " is not supported, only ", core::Join(names, ", ")));
}

Status UnknownField(const std::string& path, std::string_view name,
                    std::span<const FieldRule> rules) {
  std::vector<std::string> known;
  for (const FieldRule& rule : rules) {
    if (rule.use != FieldUse::kRefused) known.emplace_back(rule.name);
  }
  Status status = core::Unsupported(StrCat(path, ": there is no such field"));
  if (const auto near = core::ClosestMatch(name, known)) {
    return std::move(status).WithHint(StrCat("Did you mean \"", *near, "\"?"));
  }
  return status;
}

}  // namespace

Status WrongValue(std::string_view path, std::string_view expected, const Json& found) {
  return core::InvalidArgument(StrCat(path, ": expected ", expected, ", found ", Shown(found)));
}

core::Result<RuledFields> RuledFields::Of(const Json& json, std::string path,
                                          std::span<const FieldRule> rules) {
  if (!json.is_object()) {
    return WrongValue(path.empty() ? "the request" : path, "an object", json);
  }
  RuledFields fields(json, std::move(path));
  for (const auto& [name, value] : json.items()) {
    if (value.is_null()) continue;
    const std::string place = fields.PathOf(core::Printable(name, 60));
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const FieldRule& one) { return one.name == name; });
    if (rule == rules.end()) return UnknownField(place, name, rules);
    if (rule->use == FieldUse::kRefused) {
      return core::Unsupported(
          StrCat(place, ": not supported", rule->detail.empty() ? "" : ": ", rule->detail));
    }
    if (rule->use == FieldUse::kOnly) INGOT_TRY(CheckOnly(*rule, place, value));
  }
  return fields;
}

const Json* RuledFields::Find(std::string_view name) const {
  const auto found = json_->find(name);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

std::string RuledFields::PathOf(std::string_view name) const {
  return path_.empty() ? std::string(name) : StrCat(path_, ".", name);
}

Status RuledFields::Missing(std::string_view name) const {
  return core::InvalidArgument(StrCat(PathOf(name), ": required, and missing"));
}

core::Result<std::optional<std::string>> RuledFields::Text(std::string_view name) const {
  const Json* value = Find(name);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return WrongValue(PathOf(name), "a string", *value);
  return std::optional(value->get<std::string>());
}

core::Result<std::optional<bool>> RuledFields::Flag(std::string_view name) const {
  const Json* value = Find(name);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean()) return WrongValue(PathOf(name), "true or false", *value);
  return std::optional(value->get<bool>());
}

core::Result<std::optional<int64_t>> RuledFields::Integer(std::string_view name, int64_t low,
                                                          int64_t high) const {
  const Json* value = Find(name);
  if (value == nullptr) return std::optional<int64_t>();
  const Status wrong =
      WrongValue(PathOf(name), StrCat("an integer from ", low, " to ", high), *value);
  if (!value->is_number()) return wrong;
  // Some clients write every number with a fraction; 2^53 bounds what that can say exactly.
  if (value->is_number_float()) {
    const auto number = value->get<double>();
    if (std::nearbyint(number) != number || std::abs(number) > 9007199254740992.0) return wrong;
    const auto whole = static_cast<int64_t>(number);
    if (whole < low || whole > high) return wrong;
    return std::optional(whole);
  }
  if (value->is_number_unsigned() &&
      value->get<uint64_t>() > static_cast<uint64_t>(std::max<int64_t>(high, 0))) {
    return wrong;
  }
  const auto whole = value->get<int64_t>();
  if (whole < low || whole > high) return wrong;
  return std::optional(whole);
}

core::Result<std::optional<double>> RuledFields::Number(std::string_view name, double low,
                                                        double high) const {
  const Json* value = Find(name);
  if (value == nullptr) return std::optional<double>();
  const Status wrong =
      WrongValue(PathOf(name), StrCat("a number from ", low, " to ", high), *value);
  if (!value->is_number()) return wrong;
  const auto number = value->get<double>();
  if (!(number >= low && number <= high)) return wrong;
  return std::optional(number);
}

core::Result<std::vector<std::string>> RuledFields::Texts(std::string_view name,
                                                          size_t most) const {
  const Json* value = Find(name);
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (value->is_string()) {
    texts.push_back(value->get<std::string>());
    return texts;
  }
  if (!value->is_array()) return WrongValue(PathOf(name), "a string or a list of them", *value);
  if (value->size() > most) {
    return core::InvalidArgument(
        StrCat(PathOf(name), ": at most ", most, " texts, found ", value->size()));
  }
  for (size_t i = 0; i < value->size(); ++i) {
    const Json& one = (*value)[i];
    if (!one.is_string()) return WrongValue(StrCat(PathOf(name), "[", i, "]"), "a string", one);
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

core::Result<const Json*> RuledFields::List(std::string_view name) const {
  const Json* value = Find(name);
  if (value != nullptr && !value->is_array()) return WrongValue(PathOf(name), "a list", *value);
  return value;
}

core::Result<const Json*> RuledFields::Object(std::string_view name) const {
  const Json* value = Find(name);
  if (value != nullptr && !value->is_object()) {
    return WrongValue(PathOf(name), "an object", *value);
  }
  return value;
}

core::Result<std::string> RuledFields::RequiredText(std::string_view name) const {
  INGOT_ASSIGN(std::optional<std::string> text, Text(name));
  if (!text) return Missing(name);
  return *std::move(text);
}

core::Result<const Json*> RuledFields::RequiredList(std::string_view name) const {
  INGOT_ASSIGN(const Json* list, List(name));
  if (list == nullptr) return Missing(name);
  return list;
}

std::string_view PlaceOf(std::string_view message) {
  size_t end = 0;
  while (end < message.size() &&
         (std::isalnum(static_cast<unsigned char>(message[end])) != 0 || message[end] == '_' ||
          message[end] == '.' || message[end] == '[' || message[end] == ']')) {
    ++end;
  }
  return message.substr(end, 2) == ": " ? message.substr(0, end) : std::string_view();
}

}  // namespace ingot::server
