// Qwen3-Coder, and Qwen3 with tools: turns between <|im_start|> and <|im_end|>, tools and calls in
// XML, no thinking.
#include "text/chat/native.h"
#include "text/chat/xml_tools.h"

namespace ingot::text {
namespace {

constexpr std::string_view kDefaultSystem =
    "You are Qwen, a helpful AI assistant that can interact with a computer to solve tasks.";
constexpr std::string_view kFormat =
    "\n\nIf you choose to call a tool ONLY reply in the following format with NO suffix:\n\n"
    "<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>\nvalue_1\n"
    "</parameter>\n<parameter=example_parameter_2>\nvalue_2\n</parameter>\n</function>\n"
    "</tool_call>\n\n<IMPORTANT>\nReminder:\n- Function calls MUST follow the specified format: "
    "the tool calling block MUST begin with an opening <tool_call> tag and end with a closing "
    "</tool_call> tag.\n- Required parameters MUST be specified\n- You may provide optional "
    "reasoning for your function call in natural language BEFORE the function call, but NOT "
    "after\n- If there is no function call available, answer the question like normal with your "
    "current knowledge and do not tell the user about function calls\n</IMPORTANT>";

}  // namespace

core::Status RenderQwen3Coder(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  const auto& messages = request.messages;
  size_t first = 0;
  const bool system = !messages.empty() && messages[0].role == "system";
  if (system || request.HasTools()) {
    out.Raw("<|im_start|>system\n");
    if (system) {
      out.User(messages[first++].Text());
    } else {
      out.Raw(kDefaultSystem);
    }
    if (request.HasTools()) {
      out.Raw("\n\n# Tools\n\nYou have access to the following tools:\n\n");
      WriteXmlTools(request.tools, false, out);
      out.Raw(kFormat);
    }
    out.Raw("<|im_end|>\n");
  }
  for (size_t i = first; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.role == "tool") {
      if (i > first && messages[i - 1].role != "tool") out.Raw("<|im_start|>user\n");
      out.Raw("<tool_response>\n").User(message.Text()).Raw("\n</tool_response>\n");
      if (i + 1 == messages.size() || messages[i + 1].role != "tool") out.Raw("<|im_end|>\n");
      continue;
    }
    out.Raw("<|im_start|>").User(message.role);
    if (message.tool_calls.empty()) {
      out.Raw("\n").User(message.Text());
      if (request.Continues() && i + 1 == messages.size()) return {};
    } else {
      const std::string text = message.Text();
      if (!Strip(text).empty()) out.Raw("\n").User(Strip(text)).Raw("\n");
      for (const ToolCall& call : message.tool_calls) {
        out.Raw("\n<tool_call>\n");
        WriteXmlCall(call, out);
        out.Raw("\n</tool_call>");
      }
    }
    out.Raw("<|im_end|>\n");
  }
  if (request.add_generation_prompt) out.Raw("<|im_start|>assistant\n");
  return {};
}

}  // namespace ingot::text
