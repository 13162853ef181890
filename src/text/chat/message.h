// A conversation as every front end hands it to the renderers: turns of text and images, thinking,
// tool calls and their results. Plain values; any thread.
#ifndef INGOT_TEXT_CHAT_MESSAGE_H_
#define INGOT_TEXT_CHAT_MESSAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"

namespace ingot::text {

struct ContentPart {
  enum class Kind : uint8_t { kText, kImage };
  Kind kind = Kind::kText;
  std::string text;  // of kText
};

struct ToolCall {
  std::string id;
  std::string name;
  core::Json arguments = core::Json::object();  // an object, in the order it was given
};

struct Message {
  std::string role;  // "system", "developer", "user", "assistant", "tool"
  std::vector<ContentPart> content;
  std::string thinking;
  std::vector<ToolCall> tool_calls;
  std::string tool_name;     // of a tool's result
  std::string tool_call_id;  // of a tool's result

  std::string Text() const;  // the text parts, joined
  bool HasImages() const;
};

// How much a model that can think is asked to think.
struct ThinkSetting {
  std::optional<bool> on;  // nullopt: as the model does by itself
  std::string effort;      // "low", "medium", "high", "max"; empty: not said
};
// "true", "false", or a level, which also turns thinking on; "" leaves everything open.
core::Result<ThinkSetting> ParseThink(std::string_view text);

struct ChatRequest {
  std::vector<Message> messages;
  core::Json tools;  // a list of {"type": "function", "function": {…}}, or null
  ThinkSetting think;
  core::Json variables = core::Json::object();  // more names for a checkpoint's template
  // A last turn of the assistant is left open, and the model goes on with it.
  bool continue_last = true;
  bool add_generation_prompt = true;
  int64_t wall_ns = 0;  // now, for templates that say the date

  // Whether the last turn is one that the model goes on with.
  bool Continues() const;
  bool HasTools() const { return tools.is_array() && !tools.empty(); }
};

// Messages as the HTTP interfaces write them: content is text, null or a list of parts; arguments
// are an object or its JSON text; thinking is called thinking, reasoning or reasoning_content.
// Errors name the place ("messages[2].content: …").
core::Result<std::vector<Message>> MessagesFromJson(const core::Json& json);
// Checks that it is a list of function declarations; gives it back as it stands, bare functions
// wrapped.
core::Result<core::Json> ToolsFromJson(const core::Json& json);

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_MESSAGE_H_
