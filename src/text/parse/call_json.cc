// Calls as JSON.
#include "core/strings.h"
#include "text/parse/call_formats.h"
#include "text/parse/tag_scan.h"

namespace ingot::text {
namespace {

using core::Json;

bool InsideString(std::string_view body) {
  bool inside = false;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '"') inside = !inside;
    if (body[i] == '\\' && inside) ++i;
  }
  return inside;
}

// The same text with line ends inside strings escaped, commas before closing brackets left out, and
// brackets that are open at the end closed.
std::string Repaired(std::string_view text) {
  std::string out;
  std::string open;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside) {
      if (c == '\n') {
        out += "\\n";
        continue;
      }
      if (c == '\t') {
        out += "\\t";
        continue;
      }
      out.push_back(c);
      if (c == '\\' && i + 1 < text.size()) out.push_back(text[++i]);
      if (c == '"') inside = false;
      continue;
    }
    if (c == '"') inside = true;
    if (c == '{' || c == '[') open.push_back(c == '{' ? '}' : ']');
    if (c == '}' || c == ']') {
      const size_t last = out.find_last_not_of(kTagSpace);
      if (last != std::string_view::npos && out[last] == ',') out.erase(last, 1);
      if (!open.empty()) open.pop_back();
    }
    out.push_back(c);
  }
  if (inside) return out;  // a torn string is no value
  for (auto bracket = open.rbegin(); bracket != open.rend(); ++bracket) out.push_back(*bracket);
  return out;
}

std::optional<Calls> ReadCalls(std::string_view body) {
  std::optional<Json> json = LenientJson(body);
  if (!json.has_value()) return std::nullopt;
  Calls calls;
  const Json list = json->is_array() ? std::move(*json) : Json::array({std::move(*json)});
  for (const Json& entry : list) {
    std::optional<ToolCall> call = CallFromObject(entry);
    if (!call.has_value()) return std::nullopt;
    calls.push_back(std::move(*call));
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

bool MayBeJson(std::string_view body) {
  const size_t begin = body.find_first_not_of(kTagSpace);
  return begin == std::string_view::npos || body[begin] == '{' || body[begin] == '[';
}

// An answer that ended inside a call may have lost its last brackets alone: a number there may be
// the front of a longer one, and what the tool requires must be there.
std::optional<Calls> ReadJson(std::string_view body, const ToolSchemas& schemas, bool finished) {
  if (finished) return ReadCalls(body);
  const std::string_view text = StripSpace(body);
  if (text.empty() || std::string_view("}]\"").find(text.back()) == std::string_view::npos)
    return std::nullopt;
  if (InsideString(body)) return std::nullopt;
  std::optional<Calls> calls = ReadCalls(body);
  if (!calls.has_value()) return std::nullopt;
  for (const ToolCall& call : *calls) {
    if (!schemas.Complete(call.name, call.arguments)) return std::nullopt;
  }
  return calls;
}

}  // namespace

const CallFormat kJsonCalls = {MayBeJson, ReadJson, InsideString};

std::optional<Json> LenientJson(std::string_view text) {
  text = StripSpace(text);
  if (text.empty()) return std::nullopt;
  auto json = core::ParseJson(text);
  if (!json.ok()) json = core::ParseJson(Repaired(text));
  if (!json.ok()) return std::nullopt;
  return std::move(*json);
}

std::optional<ToolCall> CallFromObject(const Json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto wrapped = object.find("function");
  if (wrapped != object.end() && wrapped->is_object()) return CallFromObject(*wrapped);
  ToolCall call;
  for (const char* key : {"name", "tool_name", "function"}) {
    const auto name = object.find(key);
    if (name == object.end() || !name->is_string()) continue;
    call.name = name->get<std::string>();
    break;
  }
  if (call.name.empty()) return std::nullopt;
  for (const char* key : {"arguments", "parameters", "args", "input"}) {
    const auto arguments = object.find(key);
    if (arguments == object.end()) continue;
    if (arguments->is_object()) {
      call.arguments = *arguments;
      return call;
    }
    if (arguments->is_null()) return call;
    // Arguments as text that is JSON itself.
    if (!arguments->is_string()) return std::nullopt;
    std::optional<Json> inner = LenientJson(arguments->get_ref<const std::string&>());
    if (!inner.has_value() || !inner->is_object()) return std::nullopt;
    call.arguments = std::move(*inner);
    return call;
  }
  // A call without arguments says so by its name alone.
  if (object.size() > 1 && !object.contains("id") && !object.contains("tool_call_id") &&
      !object.contains("type")) {
    return std::nullopt;
  }
  return call;
}

}  // namespace ingot::text
