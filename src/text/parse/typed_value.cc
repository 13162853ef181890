#include "text/parse/typed_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string>

#include "core/strings.h"
#include "text/jinja/unicode.h"
#include "text/parse/tag_scan.h"

namespace ingot::text {
namespace {

using core::Json;

constexpr int kMaxUnionDepth = 8;

std::string_view TypeName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return "string";
    case Json::value_t::boolean:
      return "boolean";
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "object";
    case Json::value_t::array:
      return "array";
    case Json::value_t::number_float:
      return "number";
    default:
      return "integer";
  }
}

// Adds the types that a schema allows; "any" where it says nothing of types.
void CollectTypes(const ToolSchemas& schemas, std::string_view tool, const Json& schema, int depth,
                  std::set<std::string>& types) {
  const Json& resolved = schemas.Resolve(tool, schema);
  if (!resolved.is_object() || depth > kMaxUnionDepth) return;
  if (const auto type = resolved.find("type"); type != resolved.end()) {
    if (type->is_string()) types.insert(core::ToLower(type->get<std::string>()));
    if (type->is_array()) {
      for (const Json& one : *type) {
        if (one.is_string()) types.insert(core::ToLower(one.get<std::string>()));
      }
    }
    return;
  }
  for (const char* key : {"anyOf", "oneOf", "allOf"}) {
    const auto options = resolved.find(key);
    if (options == resolved.end() || !options->is_array()) continue;
    for (const Json& option : *options) CollectTypes(schemas, tool, option, depth + 1, types);
  }
  // Choices say what they are.
  if (const auto choices = resolved.find("enum"); choices != resolved.end()) {
    for (const Json& choice : *choices) types.insert(std::string(TypeName(choice)));
  }
  if (const auto only = resolved.find("const"); only != resolved.end()) {
    types.insert(std::string(TypeName(*only)));
  }
}

bool IsOfType(const Json& value, const Json& name) {
  if (!name.is_string()) return true;
  const std::string_view type = TypeName(value);
  return type == core::ToLower(name.get_ref<const std::string&>()) ||
         (type == "integer" && name == "number");
}

// Whether the value is one of those that the schema lists, where it does.
bool IsAmongChoices(const ToolSchemas& schemas, std::string_view tool, const Json& schema,
                    const Json& value, int depth) {
  const Json& resolved = schemas.Resolve(tool, schema);
  if (!resolved.is_object() || depth > kMaxUnionDepth) return true;
  const auto listed = [&](const char* key) {
    const auto list = resolved.find(key);
    return list != resolved.end() && list->is_array() ? &*list : nullptr;
  };
  if (const auto type = resolved.find("type"); type != resolved.end()) {
    const bool fits = type->is_array()
                          ? std::any_of(type->begin(), type->end(),
                                        [&](const Json& name) { return IsOfType(value, name); })
                          : IsOfType(value, *type);
    if (!fits) return false;
  }
  if (const auto only = resolved.find("const"); only != resolved.end()) return *only == value;
  if (const Json* choices = listed("enum")) {
    return std::find(choices->begin(), choices->end(), value) != choices->end();
  }
  for (const char* key : {"anyOf", "oneOf"}) {
    if (const Json* options = listed(key)) {
      return std::any_of(options->begin(), options->end(), [&](const Json& option) {
        return IsAmongChoices(schemas, tool, option, value, depth + 1);
      });
    }
  }
  return true;
}

std::optional<Json> AsInteger(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return Json(value);
  if (const auto big = core::ParseUint(text)) return Json(*big);
  return std::nullopt;
}

// JSON's own numbers alone: no hexadecimal, no infinity.
std::optional<Json> AsNumber(std::string_view text) {
  auto json = core::ParseJson(text);
  if (!json.ok() || !json->is_number()) return std::nullopt;
  return *json;
}

std::optional<Json> Fit(std::string_view type, std::string_view text) {
  const std::string_view word = StripSpace(text);
  if (type == "null") {
    return word == "null" || word == "None" ? std::optional<Json>(Json()) : std::nullopt;
  }
  if (type == "boolean" || type == "bool") {
    if (core::EqualsIgnoreCase(word, "true")) return Json(true);
    if (core::EqualsIgnoreCase(word, "false")) return Json(false);
    return std::nullopt;
  }
  if (type == "integer" || type == "int") {
    if (auto integer = AsInteger(word)) return integer;
    auto number = AsNumber(word);
    if (!number.has_value() || !number->is_number_float()) return std::nullopt;
    const double value = number->get<double>();
    if (value != std::floor(value) || std::abs(value) > 0x1p53) return std::nullopt;
    return Json(static_cast<int64_t>(value));
  }
  if (type == "number" || type == "float") {
    if (auto integer = AsInteger(word)) return integer;
    return AsNumber(word);
  }
  auto json = core::ParseJson(word);
  if (!json.ok()) return std::nullopt;
  const bool fits =
      (type == "array" && json->is_array()) || (type == "object" && json->is_object());
  return fits ? std::optional<Json>(std::move(*json)) : std::nullopt;
}

// Strings are valid UTF-8 in JSON; a model's bytes need not be.
Json TextValue(std::string_view text) { return Json(CleanText(text)); }

// The text, without the white space around it where only then it is a choice of the schema's.
Json ChosenText(const ToolSchemas& schemas, std::string_view tool, const Json& schema,
                std::string_view text) {
  Json whole = TextValue(text);
  if (IsAmongChoices(schemas, tool, schema, whole, 0)) return whole;
  Json bare = TextValue(StripSpace(text));
  return IsAmongChoices(schemas, tool, schema, bare, 0) ? bare : whole;
}

}  // namespace

std::string CleanText(std::string_view text) {
  return core::IsValidUtf8(text) ? std::string(text) : jinja::ValidUtf8(text);
}

const Json* ToolSchemas::Function(std::string_view tool) const {
  if (!tools_.is_array()) return nullptr;
  for (const Json& entry : tools_) {
    if (!entry.is_object()) continue;
    const auto wrapped = entry.find("function");
    const Json& function = wrapped != entry.end() ? *wrapped : entry;
    if (!function.is_object()) continue;
    const auto name = function.find("name");
    if (name != function.end() && name->is_string() &&
        name->get_ref<const std::string&>() == tool) {
      return &function;
    }
  }
  return nullptr;
}

const Json* ToolSchemas::Parameter(std::string_view tool, std::string_view name) const {
  const Json* function = Function(tool);
  if (function == nullptr) return nullptr;
  const auto parameters = function->find("parameters");
  if (parameters == function->end() || !parameters->is_object()) return nullptr;
  const auto properties = parameters->find("properties");
  if (properties == parameters->end() || !properties->is_object()) return nullptr;
  const auto found = properties->find(std::string(name));
  return found != properties->end() ? &*found : nullptr;
}

bool ToolSchemas::Complete(std::string_view tool, const Json& arguments) const {
  const Json* function = Function(tool);
  if (function == nullptr) return false;
  const auto parameters = function->find("parameters");
  if (parameters == function->end() || !parameters->is_object()) return true;
  const auto required = parameters->find("required");
  if (required == parameters->end() || !required->is_array()) return true;
  return std::all_of(required->begin(), required->end(), [&](const Json& name) {
    return name.is_string() && arguments.contains(name.get_ref<const std::string&>());
  });
}

const Json& ToolSchemas::Resolve(std::string_view tool, const Json& schema) const {
  const Json* current = &schema;
  for (int hops = 0; hops < kMaxUnionDepth && current->is_object(); ++hops) {
    const auto ref = current->find("$ref");
    if (ref == current->end() || !ref->is_string()) break;
    const std::string_view path = ref->get_ref<const std::string&>();
    const Json* function = Function(tool);
    if (function == nullptr || !function->contains("parameters")) break;
    const Json& root = (*function)["parameters"];
    bool found = false;
    for (const char* place : {"$defs", "definitions"}) {
      const std::string prefix = core::StrCat("#/", place, "/");
      if (!path.starts_with(prefix) || !root.is_object() || !root.contains(place)) continue;
      const auto target = root[place].find(std::string(path.substr(prefix.size())));
      if (target == root[place].end()) continue;
      current = &*target;
      found = true;
    }
    if (!found) break;
  }
  return *current;
}

Json TypedValue(const ToolSchemas& schemas, std::string_view tool, std::string_view name,
                std::string_view text) {
  const Json* schema = schemas.Parameter(tool, name);
  if (schema == nullptr) return TextValue(text);
  std::set<std::string> types;
  CollectTypes(schemas, tool, *schema, 0, types);
  static constexpr std::pair<std::string_view, std::string_view> kOrder[] = {
      {"null", "null"},    {"boolean", "bool"}, {"integer", "int"},
      {"number", "float"}, {"array", "list"},   {"object", "dict"}};
  std::optional<Json> fits;
  for (const auto& [type, other] : kOrder) {
    if (!types.contains(std::string(type)) && !types.contains(std::string(other))) continue;
    auto value = Fit(type, text);
    if (!value) continue;
    if (IsAmongChoices(schemas, tool, *schema, *value, 0)) return std::move(*value);
    if (!fits) fits = std::move(value);
  }
  Json chosen = ChosenText(schemas, tool, *schema, text);
  const bool prefers_text = !fits || IsAmongChoices(schemas, tool, *schema, chosen, 0);
  return prefers_text ? chosen : *std::move(fits);
}

Json JsonUnlessString(const ToolSchemas& schemas, std::string_view tool, std::string_view name,
                      std::string_view text) {
  if (const Json* schema = schemas.Parameter(tool, name)) {
    std::set<std::string> types;
    CollectTypes(schemas, tool, *schema, 0, types);
    const bool only_text = types.size() == 1 && types.contains("string");
    if (only_text) return ChosenText(schemas, tool, *schema, text);
    if (types.contains("string")) return TypedValue(schemas, tool, name, text);
  }
  auto json = core::ParseJson(StripSpace(text));
  return json.ok() ? std::move(*json) : TextValue(text);
}

}  // namespace ingot::text
