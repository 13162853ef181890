#include "text/chat/gemma4_values.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/strings.h"

namespace ingot::text {
namespace {

using core::Json;

constexpr std::string_view kQuote = "<|\"|>";

void Quoted(std::string_view text, PromptWriter& out) { out.Raw(kQuote).User(text).Raw(kQuote); }

using Member = std::pair<std::string, const Json*>;

// By key, capitals and small letters alike.
std::vector<Member> Sorted(const Json& object) {
  std::vector<Member> members;
  for (const auto& [key, value] : object.items()) members.emplace_back(key, &value);
  std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
    return core::ToLower(a.first) < core::ToLower(b.first);
  });
  return members;
}

const Json* Find(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found != object.end() ? &*found : nullptr;
}

// Python's idea of a value that counts.
bool Counts(const Json* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is_boolean()) return value->get<bool>();
  if (value->is_number()) return value->get<double>() != 0;
  if (value->is_string()) return !value->get_ref<const std::string&>().empty();
  return !value->empty();
}

std::string Upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
}

// A type in capitals; a list of types as Python prints it.
std::string TypeText(const Json* type) {
  if (type == nullptr) return "";
  if (type->is_string()) return Upper(type->get<std::string>());
  if (!type->is_array()) return Upper(type->dump());
  std::string text = "[";
  for (const Json& one : *type) {
    if (text.size() > 1) text += ", ";
    text += one.is_string() ? "'" + one.get<std::string>() + "'" : one.dump();
  }
  return Upper(text + "]");
}

void Names(const Json& names, PromptWriter& out) {
  out.Raw("[");
  bool first = true;
  for (const Json& name : names) {
    if (!first) out.Raw(",");
    first = false;
    out.Raw(kQuote).Plain(name).Raw(kQuote);
  }
  out.Raw("]");
}

// Puts commas between the parts of a declaration.
class Parts {
 public:
  explicit Parts(PromptWriter& out) : out_(out) {}
  PromptWriter& Next(std::string_view name) {
    Comma();
    return out_.Raw(name).Raw(":");
  }
  // Under a name that came from outside.
  PromptWriter& NextOwn(std::string_view name) {
    Comma();
    return out_.User(name).Raw(":");
  }

 private:
  void Comma() {
    if (!first_) out_.Raw(",");
    first_ = false;
  }

  PromptWriter& out_;
  bool first_ = true;
};

constexpr std::array<std::string_view, 5> kSchemaKeys = {"description", "type", "properties",
                                                         "required", "nullable"};

void Properties(const Json& properties, bool skip_schema_keys, PromptWriter& out);

void Items(const Json& items, PromptWriter& out) {
  out.Raw("{");
  Parts parts(out);
  for (const auto& [key, value] : Sorted(items)) {
    if (value->is_null()) continue;
    if (key == "properties") {
      parts.Next(key).Raw("{");
      if (value->is_object()) Properties(*value, false, out);
      out.Raw("}");
    } else if (key == "required") {
      parts.Next(key);
      Names(*value, out);
    } else if (key == "type") {
      parts.Next(key);
      if (value->is_array()) {
        Json types = Json::array();
        for (const Json& type : *value) types.push_back(TypeText(&type));
        WriteGemma4Value(types, true, out);
      } else {
        Quoted(TypeText(value), out);
      }
    } else {
      parts.NextOwn(key);
      WriteGemma4Value(*value, true, out);
    }
  }
  out.Raw("}");
}

void Property(const Json& field, PromptWriter& out) {
  out.Raw("{");
  Parts parts(out);
  if (const Json* text = Find(field, "description"); Counts(text)) {
    parts.Next("description").Raw(kQuote).Plain(*text).Raw(kQuote);
  }
  const std::string type = TypeText(Find(field, "type"));
  if (const Json* choices = Find(field, "enum"); type == "STRING" && Counts(choices)) {
    parts.Next("enum");
    WriteGemma4Value(*choices, true, out);
  }
  if (const Json* items = Find(field, "items");
      type == "ARRAY" && Counts(items) && items->is_object()) {
    parts.Next("items");
    Items(*items, out);
  }
  if (Counts(Find(field, "nullable"))) parts.Next("nullable").Raw("true");
  if (type == "OBJECT") {
    const Json* inner = Find(field, "properties");
    const bool own = inner != nullptr && inner->is_object();
    parts.Next("properties").Raw("{");
    Properties(own ? *inner : field, !own, out);
    out.Raw("}");
    if (const Json* required = Find(field, "required"); Counts(required)) {
      parts.Next("required");
      Names(*required, out);
    }
  }
  parts.Next("type");
  Quoted(type, out);
  out.Raw("}");
}

void Properties(const Json& properties, bool skip_schema_keys, PromptWriter& out) {
  bool first = true;
  for (const auto& [key, field] : Sorted(properties)) {
    const bool schema = std::find(kSchemaKeys.begin(), kSchemaKeys.end(), key) != kSchemaKeys.end();
    if (skip_schema_keys && schema) continue;
    if (!first) out.Raw(",");
    first = false;
    out.User(key).Raw(":");
    Property(*field, out);
  }
}

}  // namespace

void WriteGemma4Value(const Json& value, bool quote_keys, PromptWriter& out) {
  if (value.is_string()) {
    Quoted(value.get_ref<const std::string&>(), out);
  } else if (value.is_object()) {
    out.Raw("{");
    bool first = true;
    for (const auto& [key, item] : Sorted(value)) {
      if (!first) out.Raw(",");
      first = false;
      if (quote_keys) {
        Quoted(key, out);
      } else {
        out.User(key);
      }
      out.Raw(":");
      WriteGemma4Value(*item, quote_keys, out);
    }
    out.Raw("}");
  } else if (value.is_array()) {
    out.Raw("[");
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out.Raw(",");
      WriteGemma4Value(value[i], quote_keys, out);
    }
    out.Raw("]");
  } else {
    out.Json(value);
  }
}

void WriteGemma4Declaration(const Json& tool, PromptWriter& out) {
  const Json* wrapped = Find(tool, "function");
  const Json& function = wrapped != nullptr ? *wrapped : tool;
  out.Raw("declaration:");
  if (const Json* name = Find(function, "name")) out.Plain(*name);
  out.Raw("{description:").Raw(kQuote);
  if (const Json* text = Find(function, "description")) out.Plain(*text);
  out.Raw(kQuote);
  if (const Json* parameters = Find(function, "parameters"); Counts(parameters)) {
    out.Raw(",parameters:{");
    if (const Json* properties = Find(*parameters, "properties"); Counts(properties)) {
      out.Raw("properties:{");
      Properties(*properties, false, out);
      out.Raw("},");
    }
    if (const Json* required = Find(*parameters, "required"); Counts(required)) {
      out.Raw("required:");
      Names(*required, out);
      out.Raw(",");
    }
    if (const Json* type = Find(*parameters, "type"); Counts(type)) {
      out.Raw("type:");
      Quoted(TypeText(type), out);
      out.Raw("}");
    }
  }
  if (const Json* response = Find(function, "response"); response != nullptr) {
    out.Raw(",response:{");
    if (const Json* text = Find(*response, "description"); Counts(text)) {
      out.Raw("description:").Raw(kQuote).Plain(*text).Raw(kQuote).Raw(",");
    }
    if (TypeText(Find(*response, "type")) == "OBJECT") {
      out.Raw("type:").Raw(kQuote).Raw("OBJECT").Raw(kQuote).Raw("}");
    }
  }
  out.Raw("}");
}

}  // namespace ingot::text
