// GLM 4.7: no line ends between turns; arguments as pairs of key and value.
#include "text/chat/native.h"

namespace ingot::text {
namespace {

constexpr std::string_view kToolsHead =
    "<|system|>\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n";
constexpr std::string_view kToolsTail =
    "</tools>\n\nFor each function call, output the function name and arguments within the "
    "following XML format:\n<tool_call>{function-name}<arg_key>{arg-key-1}</arg_key>"
    "<arg_value>{arg-value-1}</arg_value><arg_key>{arg-key-2}</arg_key>"
    "<arg_value>{arg-value-2}</arg_value>...</tool_call>";

}  // namespace

core::Status RenderGlm47(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  const auto& messages = request.messages;
  out.Raw("[gMASK]<sop>");
  if (request.HasTools()) {
    out.Raw(kToolsHead);
    for (const core::Json& tool : request.tools) out.Json(tool).Raw("\n");
    out.Raw(kToolsTail);
  }
  const int last_user = LastUser(request);
  for (size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    const bool open = request.Continues() && i + 1 == messages.size();
    if (message.role == "user") {
      out.Raw("<|user|>").User(message.Text());
    } else if (message.role == "system" || message.role == "developer") {
      out.Raw("<|system|>").User(message.Text());
    } else if (message.role == "tool") {
      if (i == 0 || messages[i - 1].role != "tool") out.Raw("<|observation|>");
      out.Raw("<tool_response>").User(message.Text()).Raw("</tool_response>");
    } else {
      const Thought thought = SplitThought(message);
      out.Raw("<|assistant|>");
      if (!thought.thinking.empty() && static_cast<int>(i) > last_user) {
        out.Raw("<think>").User(Strip(thought.thinking));
      }
      out.Raw("</think>").User(open ? StripStart(thought.text) : Strip(thought.text));
      for (const ToolCall& call : message.tool_calls) {
        out.Raw("<tool_call>").User(call.name);
        for (const auto& [name, value] : call.arguments.items()) {
          out.Raw("<arg_key>").User(name).Raw("</arg_key><arg_value>");
          out.TextOrJson(value).Raw("</arg_value>");
        }
        out.Raw("</tool_call>");
      }
      if (open) return {};
    }
  }
  if (request.add_generation_prompt) {
    out.Raw("<|assistant|>").Raw(Thinks(request, true) ? "<think>" : "</think>");
  }
  return {};
}

}  // namespace ingot::text
