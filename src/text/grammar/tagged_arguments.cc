#include "text/grammar/tagged_arguments.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "core/strings.h"

namespace ingot::text {
namespace {

using core::Json;
using core::Quoted;
using core::StrCat;

constexpr int kMaxDepth = 8;  // of references and choices within each other
constexpr std::array<std::string_view, 2> kDefinitions = {"$defs", "definitions"};
// Keywords of objects that say more than what each property is.
constexpr std::array<std::string_view, 8> kMoreThanProperties = {"patternProperties",
                                                                 "propertyNames",
                                                                 "minProperties",
                                                                 "maxProperties",
                                                                 "$ref",
                                                                 "anyOf",
                                                                 "oneOf",
                                                                 "allOf"};
constexpr std::array<std::string_view, 4> kOfText = {"pattern", "format", "minLength", "maxLength"};
constexpr std::array<std::string_view, 5> kOfNumbers = {"minimum", "maximum", "exclusiveMinimum",
                                                        "exclusiveMaximum", "multipleOf"};

Json Plain(std::string_view text) { return {{"type", "const_string"}, {"value", text}}; }
Json Sequence(Json elements) { return {{"type", "sequence"}, {"elements", std::move(elements)}}; }
Json Optional(Json content) { return {{"type", "optional"}, {"content", std::move(content)}}; }
Json Either(Json elements) {
  if (elements.size() == 1) return elements[0];
  return {{"type", "or"}, {"elements", std::move(elements)}};
}

template <size_t N>
bool HasAny(const Json& schema, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return schema.contains(std::string(name)); });
}

// References to definitions of the root alone keep their meaning in a part of the schema.
bool RefersElsewhere(const Json& schema) {
  if (schema.is_object()) {
    const auto ref = schema.find("$ref");
    if (ref != schema.end() && ref->is_string()) {
      const std::string_view target = ref->get_ref<const std::string&>();
      const bool defined = std::any_of(
          kDefinitions.begin(), kDefinitions.end(),
          [&](std::string_view place) { return target.starts_with(StrCat("#/", place, "/")); });
      if (!defined) return true;
    }
  }
  return schema.is_structured() && std::any_of(schema.begin(), schema.end(), RefersElsewhere);
}

class Writer {
 public:
  Writer(const Json& root, const ArgumentTags& tags, const GrammarLimits& limits)
      : root_(root), tags_(tags), limits_(limits) {}

  core::Result<Json> Arguments() {
    const auto properties = root_.find("properties");
    if (properties != root_.end()) {
      for (const auto& [name, schema] : properties->items()) INGOT_TRY(CheckName(name));
    }
    if (!IsListOfProperties()) return Whole();
    Json list = Json::array();
    if (properties != root_.end()) {
      for (const auto& [name, schema] : properties->items()) {
        auto value = Value(schema, 0);
        if (!value.ok()) {
          return std::move(value).status().Context(StrCat("the argument ", Quoted(name, 60)));
        }
        if (value->is_null()) return Whole();
        list.push_back(Tagged(name, *std::move(value)));
      }
    }
    if (!tags_.lines) list.push_back(LineEnd());
    return list.empty() ? Json() : Sequence(std::move(list));
  }

 private:
  bool IsListOfProperties() const {
    if (HasAny(root_, kMoreThanProperties) || RefersElsewhere(root_)) return false;
    for (const char* more : {"additionalProperties", "unevaluatedProperties"}) {
      if (root_.contains(more) && root_[more] != false) return false;
    }
    return true;
  }

  // All in xgrammar's way, with white space around values.
  Json Whole() const {
    const Json all = Schema(root_, tags_.style);
    return tags_.lines ? Sequence({all, Plain("\n")}) : all;
  }

  Json Schema(Json schema, std::string_view style) const {
    return {{"type", "json_schema"},
            {"json_schema", std::move(schema)},
            {"style", style},
            {"max_whitespace_cnt", limits_.whitespace}};
  }

  static Json LineEnd() { return Optional(Plain("\n")); }

  Json Tagged(const std::string& name, Json value) const {
    Json parts = Json::array();
    if (tags_.lines) {
      parts = {Plain(StrCat(tags_.before, name, tags_.name_end, tags_.opens, "\n")),
               std::move(value), Plain(StrCat("\n", tags_.closes, "\n"))};
    } else {
      parts = {LineEnd(),        Plain(StrCat(tags_.before, name, tags_.name_end)),
               LineEnd(),        Plain(tags_.opens),
               std::move(value), Plain(tags_.closes)};
    }
    const auto required = root_.find("required");
    const bool must = required != root_.end() &&
                      std::find(required->begin(), required->end(), name) != required->end();
    return must ? Sequence(std::move(parts)) : Optional(Sequence(std::move(parts)));
  }

  core::Status CheckName(std::string_view name) const {
    if (!name.empty() && name.find(tags_.name_end) == std::string_view::npos &&
        name.find_first_of("\r\n") == std::string_view::npos && core::Trim(name) == name) {
      return {};
    }
    return core::Unsupported(StrCat("the argument ", Quoted(name, 60),
                                    ": its name cannot be written in the model's calls"));
  }

  // What the reference leads to; null where that cannot be told.
  const Json* Resolve(const Json& schema) const {
    const Json* at = &schema;
    for (int hops = 0; hops < kMaxDepth && at->is_object() && at->contains("$ref"); ++hops) {
      const std::string_view target = (*at)["$ref"].get_ref<const std::string&>();
      const Json* found = nullptr;
      for (const std::string_view place : kDefinitions) {
        const std::string start = StrCat("#/", place, "/");
        if (!target.starts_with(start) || !root_.contains(std::string(place))) continue;
        const Json& all = root_[std::string(place)];
        const auto definition = all.find(std::string(target.substr(start.size())));
        if (definition != all.end()) found = &*definition;
      }
      if (found == nullptr) return nullptr;
      at = found;
    }
    return at->is_object() && at->contains("$ref") ? nullptr : at;
  }

  // The text of a value that is none of JSON's.
  Json Text(const Json& schema) const {
    Json kept = {{"type", "string"}};  // and no notes: equal ones are compiled once
    for (const std::string_view name : kOfText) {
      if (schema.contains(std::string(name))) kept[std::string(name)] = schema[std::string(name)];
    }
    return Schema(std::move(kept), tags_.style);
  }

  Json AsJson(Json schema) const {
    for (const std::string_view place : kDefinitions) {
      if (root_.contains(std::string(place))) {
        schema[std::string(place)] = root_[std::string(place)];
      }
    }
    return Schema(std::move(schema), "json");
  }

  core::Result<Json> Choice(const Json& value) const {
    if (!value.is_string()) {
      return value.is_structured() ? Schema({{"const", value}}, "json") : Plain(value.dump());
    }
    const std::string& text = value.get_ref<const std::string&>();
    // Parsers take a whole line end away.
    const bool cut = tags_.lines && text.ends_with('\r');
    if (!cut && text.find(tags_.closes) == std::string::npos) return Plain(text);
    return core::Unsupported(
        StrCat("the choice ", Quoted(text, 60), " cannot be written in the model's calls"));
  }

  core::Result<Json> Choices(const Json& values) const {
    Json list = Json::array();
    for (const Json& value : values) {
      INGOT_ASSIGN(Json choice, Choice(value));
      if (std::find(list.begin(), list.end(), choice) == list.end()) {
        list.push_back(std::move(choice));
      }
    }
    return Either(std::move(list));
  }

  core::Result<Json> AnyOf(const Json& schemas, int depth) const {
    Json list = Json::array();
    for (const Json& schema : schemas) {
      INGOT_ASSIGN(Json value, Value(schema, depth + 1));
      if (value.is_null()) return value;
      list.push_back(std::move(value));
    }
    return Either(std::move(list));
  }

  // Of one type, which the schema need not say.
  Json OfType(std::string_view type, const Json& schema) const {
    if (type == "string") return Text(schema);
    if (type == "null") return Plain("null");
    if (type == "boolean") return Either({Plain("true"), Plain("false")});
    if (type == "integer" || type == "number") {
      Json kept = {{"type", type}};
      for (const std::string_view name : kOfNumbers) {
        if (schema.contains(std::string(name))) kept[std::string(name)] = schema[std::string(name)];
      }
      return Schema(std::move(kept), "json");
    }
    Json kept = schema;
    kept["type"] = type;
    return AsJson(std::move(kept));
  }

  // null: its form is too much for this, and xgrammar is to write all arguments.
  core::Result<Json> Value(const Json& unresolved, int depth) const {
    const Json* resolved = Resolve(unresolved);
    if (resolved == nullptr || depth > kMaxDepth) return Json();
    const Json& schema = *resolved;
    if (schema == true) return Text(Json::object());
    if (!schema.is_object()) return Json();
    if (schema.contains("const")) return Choice(schema["const"]);
    if (schema.contains("enum")) return Choices(schema["enum"]);
    for (const char* name : {"anyOf", "oneOf", "allOf"}) {
      if (schema.contains(name)) return AnyOf(schema[name], depth);
    }
    const auto type = schema.find("type");
    if (type != schema.end() && type->is_array()) {
      Json list = Json::array();
      for (const Json& one : *type) list.push_back(OfType(one.get<std::string>(), schema));
      return Either(std::move(list));
    }
    if (type != schema.end()) return OfType(type->get<std::string>(), schema);
    // Objects and arrays may be described without their type. Otherwise it is any text, which is
    // what it will be read as.
    const bool described = schema.contains("properties") ||
                           schema.contains("additionalProperties") ||
                           schema.contains("unevaluatedProperties") || schema.contains("items") ||
                           schema.contains("prefixItems") || schema.contains("unevaluatedItems");
    return described ? AsJson(schema) : Text(Json::object());
  }

  const Json& root_;
  const ArgumentTags& tags_;
  const GrammarLimits& limits_;
};

}  // namespace

core::Result<Json> TaggedArguments(const Json& schema, const ArgumentTags& tags,
                                   const GrammarLimits& limits) {
  return Writer(schema, tags, limits).Arguments();
}

}  // namespace ingot::text
