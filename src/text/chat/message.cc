#include "text/chat/message.h"

#include <algorithm>
#include <array>

#include "core/strings.h"

namespace ingot::text {
namespace {

using core::Json;

core::Status Wrong(const std::string& place, std::string_view expected, const Json& found) {
  return core::InvalidArgument(
      core::StrCat(place, ": expected ", expected, ", found ", found.type_name()));
}

// A string, or empty where it is missing or null.
core::Result<std::string> OptionalText(const Json& object, const char* key,
                                       const std::string& place) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return Wrong(core::StrCat(place, ".", key), "a string", *found);
  return found->get<std::string>();
}

core::Result<ContentPart> PartFromJson(const Json& json, const std::string& place) {
  if (json.is_string()) return ContentPart{ContentPart::Kind::kText, json.get<std::string>()};
  if (!json.is_object()) return Wrong(place, "a string or an object", json);
  INGOT_ASSIGN(const std::string type, OptionalText(json, "type", place));
  static constexpr std::array<std::string_view, 3> kImages = {"image", "image_url", "input_image"};
  if (std::find(kImages.begin(), kImages.end(), type) != kImages.end()) {
    return ContentPart{ContentPart::Kind::kImage, ""};
  }
  if (type.empty() || type == "text" || type == "input_text" || type == "output_text") {
    if (!json.contains("text")) return core::InvalidArgument(core::StrCat(place, ": no text"));
    INGOT_ASSIGN(std::string text, OptionalText(json, "text", place));
    return ContentPart{ContentPart::Kind::kText, std::move(text)};
  }
  return core::InvalidArgument(
      core::StrCat(place, ": parts of type ", core::Quoted(type, 40), " are not supported"));
}

core::Status ReadContent(const Json& json, const std::string& place, Message& message) {
  // Pictures beside the text stand before it.
  if (const auto images = json.find("images"); images != json.end() && !images->is_null()) {
    if (!images->is_array()) return Wrong(place + ".images", "a list", *images);
    message.content.resize(images->size(), ContentPart{ContentPart::Kind::kImage, ""});
  }
  const auto content = json.find("content");
  if (content == json.end() || content->is_null()) return {};
  if (content->is_string()) {
    message.content.push_back({ContentPart::Kind::kText, content->get<std::string>()});
    return {};
  }
  if (!content->is_array()) return Wrong(place + ".content", "a string or a list", *content);
  for (size_t i = 0; i < content->size(); ++i) {
    INGOT_ASSIGN(ContentPart part,
                 PartFromJson((*content)[i], core::StrCat(place, ".content[", i, "]")));
    message.content.push_back(std::move(part));
  }
  return {};
}

core::Result<Json> ArgumentsFromJson(const Json& json, const std::string& place) {
  if (json.is_null()) return Json::object();
  if (json.is_object()) return json;
  if (!json.is_string()) return Wrong(place, "an object", json);
  const auto& text = json.get_ref<const std::string&>();
  if (core::Trim(text).empty()) return Json::object();
  INGOT_ASSIGN(Json parsed, core::ParseJson(text).Context(place));
  if (!parsed.is_object()) return Wrong(place, "an object", parsed);
  return parsed;
}

core::Result<ToolCall> CallFromJson(const Json& json, const std::string& place) {
  if (!json.is_object()) return Wrong(place, "an object", json);
  const auto wrapped = json.find("function");
  const Json& function = wrapped != json.end() ? *wrapped : json;
  if (!function.is_object()) return Wrong(place + ".function", "an object", function);
  ToolCall call;
  INGOT_ASSIGN(call.id, OptionalText(json, "id", place));
  INGOT_ASSIGN(call.name, OptionalText(function, "name", place));
  if (call.name.empty()) return core::InvalidArgument(core::StrCat(place, ": no name"));
  if (const auto arguments = function.find("arguments"); arguments != function.end()) {
    INGOT_ASSIGN(call.arguments, ArgumentsFromJson(*arguments, place + ".arguments"));
  }
  return call;
}

core::Result<Message> MessageFromJson(const Json& json, const std::string& place) {
  if (!json.is_object()) return Wrong(place, "an object", json);
  Message message;
  INGOT_ASSIGN(std::string role, OptionalText(json, "role", place));
  message.role = core::ToLower(role);
  if (message.role.empty()) return core::InvalidArgument(core::StrCat(place, ": no role"));
  INGOT_TRY(ReadContent(json, place, message));
  for (const char* key : {"reasoning_content", "thinking", "reasoning"}) {
    if (!message.thinking.empty()) break;
    INGOT_ASSIGN(message.thinking, OptionalText(json, key, place));
  }
  if (const auto calls = json.find("tool_calls"); calls != json.end() && !calls->is_null()) {
    if (!calls->is_array()) return Wrong(place + ".tool_calls", "a list", *calls);
    for (size_t i = 0; i < calls->size(); ++i) {
      INGOT_ASSIGN(ToolCall call,
                   CallFromJson((*calls)[i], core::StrCat(place, ".tool_calls[", i, "]")));
      message.tool_calls.push_back(std::move(call));
    }
  }
  INGOT_ASSIGN(message.tool_name, OptionalText(json, "tool_name", place));
  if (message.tool_name.empty()) {
    INGOT_ASSIGN(message.tool_name, OptionalText(json, "name", place));
  }
  INGOT_ASSIGN(message.tool_call_id, OptionalText(json, "tool_call_id", place));
  return message;
}

}  // namespace

std::string Message::Text() const {
  std::string text;
  for (const ContentPart& part : content) text += part.text;
  return text;
}

bool Message::HasImages() const {
  return std::any_of(content.begin(), content.end(), [](const ContentPart& part) {
    return part.kind == ContentPart::Kind::kImage;
  });
}

bool ChatRequest::Continues() const {
  return continue_last && !messages.empty() && messages.back().role == "assistant" &&
         messages.back().tool_calls.empty();
}

core::Result<ThinkSetting> ParseThink(std::string_view text) {
  if (text.empty()) return ThinkSetting{};
  if (text == "true") return ThinkSetting{.on = true, .effort = ""};
  if (text == "false") return ThinkSetting{.on = false, .effort = ""};
  for (std::string_view level : {"low", "medium", "high", "max"}) {
    if (text == level) return ThinkSetting{.on = true, .effort = std::string(level)};
  }
  return core::InvalidArgument(core::StrCat(
      "think: expected true, false, low, medium, high or max, ", "found ", core::Quoted(text, 40)));
}

core::Result<std::vector<Message>> MessagesFromJson(const Json& json) {
  const Json& list = json.is_object() && json.contains("messages") ? json["messages"] : json;
  if (!list.is_array()) return Wrong("messages", "a list", list);
  std::vector<Message> messages;
  for (size_t i = 0; i < list.size(); ++i) {
    INGOT_ASSIGN(Message message, MessageFromJson(list[i], core::StrCat("messages[", i, "]")));
    messages.push_back(std::move(message));
  }
  return messages;
}

core::Result<Json> ToolsFromJson(const Json& json) {
  if (json.is_null()) return Json();
  const Json& list = json.is_object() && json.contains("tools") ? json["tools"] : json;
  if (!list.is_array()) return Wrong("tools", "a list", list);
  Json tools = Json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string place = core::StrCat("tools[", i, "]");
    if (!list[i].is_object()) return Wrong(place, "an object", list[i]);
    const bool wrapped = list[i].contains("function");
    const Json& function = wrapped ? list[i]["function"] : list[i];
    if (!function.is_object()) return Wrong(place + ".function", "an object", function);
    const auto name = function.find("name");
    if (name == function.end() || !name->is_string()) {
      return core::InvalidArgument(core::StrCat(place, ": a function without a name"));
    }
    tools.push_back(wrapped ? list[i] : Json{{"type", "function"}, {"function", function}});
  }
  return tools;
}

}  // namespace ingot::text
