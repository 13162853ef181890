#include "text/chat/xml_tools.h"

#include <algorithm>
#include <initializer_list>

namespace ingot::text {
namespace {

using core::Json;

const Json* Find(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found != object.end() ? &*found : nullptr;
}

void Tag(const std::string& name, const Json& value, PromptWriter& out) {
  out.Raw("\n<").User(name).Raw(">");
  if (value.is_structured()) {
    out.Json(value);
  } else {
    out.Plain(value);
  }
  out.Raw("</").User(name).Raw(">");
}

// Text with the white space at its ends taken off.
void TrimmedTag(const char* name, const Json& value, PromptWriter& out) {
  out.Raw("\n<").Raw(name).Raw(">");
  if (value.is_string()) {
    out.User(Strip(value.get_ref<const std::string&>()));
  } else {
    out.Plain(value);
  }
  out.Raw("</").Raw(name).Raw(">");
}

void OtherKeys(const Json* object, std::initializer_list<std::string_view> known,
               PromptWriter& out) {
  if (object == nullptr || !object->is_object()) return;
  for (const auto& [key, value] : object->items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) Tag(key, value, out);
  }
}

void Parameter(const std::string& name, const Json& field, bool nemotron, PromptWriter& out) {
  out.Raw("\n<parameter>\n<name>").User(name).Raw("</name>");
  if (const Json* type = Find(field, "type")) {
    out.Raw("\n<type>").Plain(*type).Raw("</type>");
  }
  if (const Json* text = Find(field, "description")) TrimmedTag("description", *text, out);
  if (nemotron) {
    if (const Json* choices = Find(field, "enum")) {
      out.Raw("\n<enum>").Json(*choices).Raw("</enum>");
    }
    OtherKeys(&field, {"name", "type", "description", "enum"}, out);
  } else {
    OtherKeys(&field, {"name", "type", "description"}, out);
  }
  out.Raw("\n</parameter>");
}

}  // namespace

void WriteXmlTools(const Json& tools, bool nemotron, PromptWriter& out) {
  out.Raw("<tools>");
  for (const Json& tool : tools) {
    const Json* wrapped = Find(tool, "function");
    const Json& function = wrapped != nullptr ? *wrapped : tool;
    out.Raw("\n<function>\n<name>");
    if (const Json* name = Find(function, "name")) out.Plain(*name);
    out.Raw("</name>");
    if (const Json* text = Find(function, "description")) TrimmedTag("description", *text, out);
    out.Raw("\n<parameters>");
    const Json* parameters = Find(function, "parameters");
    const Json* properties = parameters != nullptr ? Find(*parameters, "properties") : nullptr;
    if (properties != nullptr && properties->is_object()) {
      for (const auto& [name, field] : properties->items()) Parameter(name, field, nemotron, out);
    }
    if (nemotron) {
      OtherKeys(parameters, {"type", "properties", "required"}, out);
      const Json* required = parameters != nullptr ? Find(*parameters, "required") : nullptr;
      if (required != nullptr) out.Raw("\n<required>").Json(*required).Raw("</required>");
    } else {
      OtherKeys(parameters, {"type", "properties"}, out);
    }
    out.Raw("\n</parameters>");
    OtherKeys(&function, {"type", "name", "description", "parameters"}, out);
    out.Raw("\n</function>");
  }
  out.Raw("\n</tools>");
}

void WriteXmlCall(const ToolCall& call, PromptWriter& out) {
  out.Raw("<function=").User(call.name).Raw(">\n");
  for (const auto& [name, value] : call.arguments.items()) {
    out.Raw("<parameter=").User(name).Raw(">\n");
    if (value.is_structured()) {
      out.Json(value);
    } else {
      out.Plain(value);
    }
    out.Raw("\n</parameter>\n");
  }
  out.Raw("</function>");
}

}  // namespace ingot::text
