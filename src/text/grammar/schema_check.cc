// The JSON schemas that grammars are compiled from. The compiler passes over keywords that it does
// not know, or that stand beside others that it prefers; a schema that says more than will hold is
// refused here instead, by the name of the keyword.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/strings.h"
#include "text/grammar/grammar_spec.h"

namespace ingot::text {

using core::Json;
using core::Quoted;
using core::Status;
using core::StrCat;

namespace {

// Which values a keyword constrains; kChoice says which values there are and stands alone.
enum class On { kNote, kDefinitions, kType, kChoice, kObject, kArray, kString, kNumber };
// What a keyword's value is.
enum class Is { kAnything, kSchema, kSchemas, kNamedSchemas, kCount, kNumber, kText, kNames };

struct Keyword {
  std::string_view name;
  On on;
  Is is;
};

constexpr Keyword kKeywords[] = {
    {"title", On::kNote, Is::kAnything},
    {"description", On::kNote, Is::kAnything},
    {"default", On::kNote, Is::kAnything},
    {"examples", On::kNote, Is::kAnything},
    {"example", On::kNote, Is::kAnything},
    {"deprecated", On::kNote, Is::kAnything},
    {"readOnly", On::kNote, Is::kAnything},
    {"writeOnly", On::kNote, Is::kAnything},
    {"$comment", On::kNote, Is::kAnything},
    {"$schema", On::kNote, Is::kAnything},
    {"discriminator", On::kNote, Is::kAnything},
    {"externalDocs", On::kNote, Is::kAnything},
    {"contentMediaType", On::kNote, Is::kAnything},
    {"contentEncoding", On::kNote, Is::kAnything},
    {"$defs", On::kDefinitions, Is::kNamedSchemas},
    {"definitions", On::kDefinitions, Is::kNamedSchemas},
    {"type", On::kType, Is::kAnything},
    {"$ref", On::kChoice, Is::kText},
    {"const", On::kChoice, Is::kAnything},
    {"enum", On::kChoice, Is::kAnything},
    {"anyOf", On::kChoice, Is::kSchemas},
    {"oneOf", On::kChoice, Is::kSchemas},
    {"allOf", On::kChoice, Is::kSchemas},
    {"properties", On::kObject, Is::kNamedSchemas},
    {"required", On::kObject, Is::kNames},
    {"additionalProperties", On::kObject, Is::kSchema},
    {"unevaluatedProperties", On::kObject, Is::kSchema},
    {"patternProperties", On::kObject, Is::kNamedSchemas},
    {"propertyNames", On::kObject, Is::kSchema},
    {"minProperties", On::kObject, Is::kCount},
    {"maxProperties", On::kObject, Is::kCount},
    {"items", On::kArray, Is::kSchema},
    {"prefixItems", On::kArray, Is::kSchemas},
    {"unevaluatedItems", On::kArray, Is::kSchema},
    {"minItems", On::kArray, Is::kCount},
    {"maxItems", On::kArray, Is::kCount},
    {"minLength", On::kString, Is::kCount},
    {"maxLength", On::kString, Is::kCount},
    {"pattern", On::kString, Is::kText},
    {"format", On::kString, Is::kText},
    {"minimum", On::kNumber, Is::kNumber},
    {"maximum", On::kNumber, Is::kNumber},
    {"exclusiveMinimum", On::kNumber, Is::kNumber},
    {"exclusiveMaximum", On::kNumber, Is::kNumber},
    {"multipleOf", On::kNumber, Is::kNumber},
};

const Keyword* Find(std::string_view name) {
  for (const Keyword& keyword : kKeywords) {
    if (keyword.name == name) return &keyword;
  }
  return nullptr;
}

constexpr std::string_view kTypes[] = {"null",   "boolean", "object", "array",
                                       "number", "string",  "integer"};

class Checker {
 public:
  explicit Checker(const GrammarLimits& limits) : limits_(limits) {}

  // Depth is bounded by the JSON text's own. Names of properties are strings without saying so.
  Status Schema(const Json& schema, const std::string& at, bool name = false) {
    if (schema.is_boolean()) return Status::Ok();
    if (!schema.is_object()) return Bad(at, "expected an object or true");
    const Keyword* choice = nullptr;
    for (const auto& [key, value] : schema.items()) {
      if (key.starts_with("x-")) continue;  // said to be an extension that means nothing here
      const Keyword* keyword = Find(key);
      if (keyword == nullptr) {
        // What it forbids only when it is true.
        if ((key == "uniqueItems" || key == "nullable") && value == false) continue;
        if (key == "$id" && at == "#") continue;
        return Unsupported(at, StrCat("the keyword ", Quoted(key, 60), " is not supported"));
      }
      if (keyword->on == On::kChoice) {
        if (choice != nullptr) return Beside(at, choice->name, key);
        choice = keyword;
      }
      INGOT_TRY(Value(*keyword, value, StrCat(at, "/", key)));
    }
    if (choice != nullptr) return Alone(schema, *choice, at);
    INGOT_TRY(Typed(schema, at, name));
    INGOT_TRY(Object(schema, at));
    return String(schema, at);
  }

  Status Count(const Json& json) {
    if (++nodes_ > limits_.schema_nodes) {
      return core::Exhausted(StrCat("the schema has over ", limits_.schema_nodes, " values"));
    }
    if (json.is_structured()) {
      for (const Json& element : json) INGOT_TRY(Count(element));
    }
    return Status::Ok();
  }

 private:
  static Status Bad(const std::string& at, std::string_view what) {
    return core::InvalidArgument(StrCat("the schema at ", core::Printable(at, 200), ": ", what));
  }
  static Status Unsupported(const std::string& at, std::string_view what) {
    return core::Unsupported(StrCat("the schema at ", core::Printable(at, 200), ": ", what));
  }
  static Status Over(const std::string& at, std::string_view what, uint64_t limit) {
    return core::Exhausted(
        StrCat("the schema at ", core::Printable(at, 200), ": ", what, " is over ", limit));
  }
  static Status Beside(const std::string& at, std::string_view one, std::string_view other) {
    return Unsupported(at, StrCat("the keyword ", Quoted(other, 60), " beside ", Quoted(one, 60),
                                  " is not supported"))
        .WithHint("Put what both say into one schema.");
  }

  Status Value(const Keyword& keyword, const Json& value, const std::string& at) {
    switch (keyword.is) {
      case Is::kAnything:
        return Status::Ok();
      case Is::kSchema:
        return Schema(value, at, keyword.name == "propertyNames");
      case Is::kSchemas: {
        if (!value.is_array() || value.empty()) return Bad(at, "expected a list of schemas");
        if (value.size() > limits_.schema_branches) {
          return Over(at, "its length", limits_.schema_branches);
        }
        for (size_t i = 0; i < value.size(); ++i) INGOT_TRY(Schema(value[i], StrCat(at, "/", i)));
        return Status::Ok();
      }
      case Is::kNamedSchemas:
        if (!value.is_object()) return Bad(at, "expected an object of schemas");
        for (const auto& [name, schema] : value.items()) {
          INGOT_TRY(Schema(schema, StrCat(at, "/", name)));
        }
        return Status::Ok();
      case Is::kCount:
        if (!value.is_number_unsigned()) return Bad(at, "expected a count");
        if (value.get<uint64_t>() > limits_.repetition) return Over(at, "it", limits_.repetition);
        return Status::Ok();
      case Is::kNumber:
        if (!value.is_number()) return Bad(at, "expected a number");
        if (keyword.name == "multipleOf" && value > limits_.multiple_of) {
          return Over(at, "it", limits_.multiple_of);
        }
        return Status::Ok();
      case Is::kText: {
        if (!value.is_string()) return Bad(at, "expected a text");
        const std::string_view text = value.get_ref<const std::string&>();
        if (keyword.name == "pattern") {
          return CheckPattern(GrammarKind::kRegex, text, limits_)
              .Context(StrCat("the schema at ", at));
        }
        if (keyword.name == "$ref") return Reference(text, at);
        return Status::Ok();
      }
      case Is::kNames:
        if (!value.is_array()) return Bad(at, "expected a list of names");
        for (const Json& name : value) {
          if (!name.is_string()) return Bad(at, "expected a list of names");
        }
        return Status::Ok();
    }
    return core::Internal("a keyword of unknown kind");
  }

  Status Reference(std::string_view target, const std::string& at) {
    if (target != "#" && !target.starts_with("#/")) {
      return Unsupported(at, StrCat("the reference ", Quoted(target, 100),
                                    " leads out of the schema, which is not supported"));
    }
    if (++refs_ > limits_.schema_refs)
      return Over(at, "the number of references", limits_.schema_refs);
    return Status::Ok();
  }

  // Beside $ref, enum, anyOf and the like nothing else counts, so nothing else may stand there.
  Status Alone(const Json& schema, const Keyword& choice, const std::string& at) const {
    const bool values = choice.name == "const" || choice.name == "enum";
    for (const auto& [name, value] : schema.items()) {
      const Keyword* keyword = Find(name);
      if (keyword == nullptr || keyword == &choice || keyword->on == On::kNote ||
          keyword->on == On::kDefinitions || (keyword->on == On::kType && values)) {
        continue;
      }
      return Beside(at, choice.name, name);
    }
    const Json& value = schema[std::string(choice.name)];
    if (choice.name == "enum" && (!value.is_array() || value.empty())) {
      return Bad(at, "enum: expected a list of values");
    }
    if (choice.name == "enum" && value.size() > limits_.schema_values) {
      return Over(at + "/enum", "its length", limits_.schema_values);
    }
    if (choice.name == "allOf" && value.size() > 1) {
      return Unsupported(at, "the keyword \"allOf\" with more than one schema is not supported")
          .WithHint("Put what all of them say into one schema.");
    }
    return Status::Ok();
  }

  // Without a type the constraints of objects and arrays are understood, no others.
  static Status Typed(const Json& schema, const std::string& at, bool string) {
    const auto type = schema.find("type");
    if (type != schema.end()) {
      const auto known = [](const Json& name) {
        return name.is_string() &&
               std::find(std::begin(kTypes), std::end(kTypes),
                         name.get_ref<const std::string&>()) != std::end(kTypes);
      };
      const bool list = type->is_array() && !type->empty() && type->size() <= std::size(kTypes) &&
                        std::all_of(type->begin(), type->end(), known);
      if (!list && !known(*type))
        return Bad(at, "type: expected the name of a type, or a list of them");
      return Status::Ok();
    }
    const bool object = schema.contains("properties") || schema.contains("additionalProperties") ||
                        schema.contains("unevaluatedProperties");
    const bool array = !object && (schema.contains("items") || schema.contains("prefixItems") ||
                                   schema.contains("unevaluatedItems"));
    for (const auto& [name, value] : schema.items()) {
      const Keyword* keyword = Find(name);
      if (keyword == nullptr) continue;
      const bool counts = keyword->on == On::kNote || keyword->on == On::kDefinitions ||
                          (string && keyword->on == On::kString) ||
                          (object && keyword->on == On::kObject) ||
                          (array && keyword->on == On::kArray);
      if (counts) continue;
      return Unsupported(
                 at, StrCat("the keyword ", Quoted(name, 60), " without \"type\" is not supported"))
          .WithHint("Say which type of value is meant.");
    }
    return Status::Ok();
  }

  Status Object(const Json& schema, const std::string& at) const {
    const auto properties = schema.find("properties");
    const size_t count = properties == schema.end() ? 0 : properties->size();
    if (const auto required = schema.find("required"); required != schema.end()) {
      for (const Json& name : *required) {
        if (count != 0 && properties->contains(name.get_ref<const std::string&>())) continue;
        return Unsupported(at, StrCat("the keyword \"required\" names ",
                                      Quoted(name.get_ref<const std::string&>(), 60),
                                      ", which \"properties\" does not have"));
      }
    }
    if (schema.contains("propertyNames")) {
      for (const char* other : {"properties", "patternProperties"}) {
        if (schema.contains(other)) return Beside(at, other, "propertyNames");
      }
    }
    uint64_t most = 0;
    for (const char* name : {"minProperties", "maxProperties"}) {
      if (const auto found = schema.find(name); found != schema.end()) {
        most = std::max(most, found->get<uint64_t>());
      }
    }
    if (count * most > limits_.counted_properties) {
      return Over(at, "the number of properties times minProperties or maxProperties",
                  limits_.counted_properties);
    }
    return Status::Ok();
  }

  static Status String(const Json& schema, const std::string& at) {
    if (schema.contains("pattern") && schema.contains("format")) {
      return Beside(at, "format", "pattern");
    }
    return Status::Ok();
  }

  const GrammarLimits& limits_;
  size_t nodes_ = 0;
  size_t refs_ = 0;
};

}  // namespace

Status CheckSchema(std::string_view schema, const GrammarLimits& limits) {
  if (schema.size() > limits.schema_bytes) {
    return core::Exhausted(StrCat("the schema has ", schema.size(), " bytes, over the limit of ",
                                  limits.schema_bytes));
  }
  core::JsonLimits json_limits;
  json_limits.max_depth = limits.schema_depth;
  core::Result<Json> json = core::ParseJson(schema, json_limits);
  if (!json.ok()) return std::move(json).status().Context("the schema");
  Checker checker(limits);
  INGOT_TRY(checker.Count(*json));
  return checker.Schema(*json, "#");
}

Status CheckPattern(GrammarKind kind, std::string_view text, const GrammarLimits& limits) {
  const std::string_view what = kind == GrammarKind::kRegex ? "the pattern" : "the grammar";
  if (text.size() > limits.pattern_bytes) {
    return core::Exhausted(
        StrCat(what, " has ", text.size(), " bytes, over the limit of ", limits.pattern_bytes));
  }
  if (text.find('\0') != std::string_view::npos) {
    return core::InvalidArgument(StrCat(what, " has a zero byte in it"));
  }
  // Brackets that are meant as text count too, which refuses at most what nobody writes.
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '(') {
      if (++depth > limits.pattern_depth) {
        return core::Exhausted(
            StrCat(what, " has over ", limits.pattern_depth, " brackets in brackets"));
      }
    } else if (text[i] == ')' && depth > 0) {
      --depth;
    }
  }
  return Status::Ok();
}

}  // namespace ingot::text
