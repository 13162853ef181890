// Qwen3.5 and its kin, and Qwen3.8, which also says how hard to think.
#include "core/strings.h"
#include "text/chat/native.h"

namespace ingot::text {
namespace {

constexpr std::string_view kImage = "<|vision_start|><|image_pad|><|vision_end|>";

// What the models were trained to read: kept to the letter.
constexpr std::string_view kToolsHead =
    "# Tools\n\nYou have access to the following functions:\n\n<tools>";
constexpr std::string_view kToolsTail =
    "\n</tools>\n\nIf you choose to call a function ONLY reply in the following format with NO "
    "suffix:\n\n<tool_call>\n<function=example_function_name>\n"
    "<parameter=example_parameter_1>\nvalue_1\n</parameter>\n<parameter=example_parameter_2>\n"
    "This is the value for the second parameter\nthat can span\nmultiple lines\n</parameter>\n"
    "</function>\n</tool_call>\n\n<IMPORTANT>\nReminder:\n- Function calls MUST follow the "
    "specified format: an inner <function=...></function> block must be nested within "
    "<tool_call></tool_call> XML tags\n- Required parameters MUST be specified\n- You may provide "
    "optional reasoning for your function call in natural language BEFORE the function call, but "
    "NOT after\n- If there is no function call available, answer the question like normal with "
    "your current knowledge and do not tell the user about function calls\n</IMPORTANT>";
constexpr std::string_view kEffortHigh =
    "Reasoning effort is set to xhigh. Please think carefully through the task, validate key "
    "assumptions, consider plausible alternatives, and prioritize correctness, consistency, and "
    "clarity in the final answer.";
constexpr std::string_view kEffortLow =
    "Reasoning effort is set to low. Keep your thinking brief and focused, moving directly to the "
    "conclusion without unnecessary elaboration.";

struct Style {
  bool effort = false;           // a sentence about it heads the system turn
  bool thought_always = false;   // every turn of the assistant has a think block
  bool scalars_as_json = false;  // arguments: true rather than True
  bool split_inline = true;      // thinking may stand in the text of old turns
};

std::string_view EffortSentence(const ChatRequest& request) {
  if (!Thinks(request, true) || request.think.effort == "medium") return "";
  return request.think.effort == "low" ? kEffortLow : kEffortHigh;
}

bool IsQuestion(const Message& message) {
  const std::string text = message.Text();
  const std::string_view stripped = Strip(text);
  return !(stripped.starts_with("<tool_response>") && stripped.ends_with("</tool_response>"));
}

class Qwen35 {
 public:
  Qwen35(const ChatRequest& request, const Style& style, PromptWriter& out)
      : request_(request), messages_(request.messages), style_(style), out_(out) {}

  core::Status Render() {
    if (messages_.empty()) return core::InvalidArgument("there are no messages");
    const int question = LastUser(request_, IsQuestion);
    if (question < 0 && style_.thought_always) {
      return core::InvalidArgument("there is no question of the user among the messages");
    }
    last_question_ = question >= 0 ? static_cast<size_t>(question) : messages_.size() - 1;
    size_t first = 0;
    System(first);
    for (size_t i = first; i < messages_.size(); ++i) Turn(i);
    if (request_.Continues() || !request_.add_generation_prompt) return {};
    out_.Raw("<|im_start|>assistant\n");
    out_.Raw(Thinks(request_, true) ? "<think>\n" : "<think>\n\n</think>\n\n");
    return {};
  }

 private:
  static bool LeadsSystem(const Message& message) {
    return message.role == "system" || message.role == "developer";
  }

  // Leading system and developer messages make one turn.
  void System(size_t& first) {
    std::string text;
    while (first < messages_.size() && LeadsSystem(messages_[first])) {
      const std::string whole = messages_[first].Text();
      const std::string_view part = Strip(whole);
      if (!text.empty() && !part.empty()) text += "\n\n";
      text += part;
      ++first;
    }
    const std::string_view effort = style_.effort ? EffortSentence(request_) : "";
    const bool tools = request_.HasTools();
    // Qwen3.5 keeps a system turn that is there and empty; Qwen3.8 does not.
    const bool kept = first > 0 && (!text.empty() || !style_.effort);
    if (!tools && effort.empty() && !kept) return;
    out_.Raw("<|im_start|>system\n").Raw(effort);
    if (tools) {
      if (!effort.empty()) out_.Raw("\n\n");
      out_.Raw(kToolsHead);
      for (const core::Json& tool : request_.tools) out_.Raw("\n").Json(tool);
      out_.Raw(kToolsTail);
    }
    if (!text.empty() && (tools || !effort.empty())) out_.Raw("\n\n");
    out_.User(text).Raw("<|im_end|>\n");
  }

  void Turn(size_t i) {
    const Message& message = messages_[i];
    if (message.role == "assistant") {
      Assistant(i);
    } else if (message.role == "tool") {
      ToolResult(i);
    } else {
      out_.Raw("<|im_start|>").Raw(LeadsSystem(message) ? "system" : "user").Raw("\n");
      out_.Content(StripContent(message), kImage).Raw("<|im_end|>\n");
    }
  }

  void Assistant(size_t i) {
    const Message& message = messages_[i];
    Thought thought{message.thinking, message.Text()};
    if (style_.split_inline) thought = SplitThought(message);
    const bool open = request_.Continues() && i + 1 == messages_.size();
    const std::string_view text = open ? StripStart(thought.text) : Strip(thought.text);
    out_.Raw("<|im_start|>assistant\n");
    if (style_.thought_always || i > last_question_) {
      out_.Raw("<think>\n").User(Strip(thought.thinking)).Raw("\n</think>\n\n");
    }
    out_.User(text);
    for (size_t k = 0; k < message.tool_calls.size(); ++k) {
      if (k > 0) {
        out_.Raw("\n");
      } else if (!text.empty()) {
        out_.Raw("\n\n");
      }
      Call(message.tool_calls[k]);
    }
    if (!open) out_.Raw("<|im_end|>\n");
  }

  void Call(const ToolCall& call) {
    out_.Raw("<tool_call>\n<function=").User(call.name).Raw(">\n");
    for (const auto& [name, value] : call.arguments.items()) {
      out_.Raw("<parameter=").User(name).Raw(">\n");
      if (value.is_structured() || (style_.scalars_as_json && !value.is_string())) {
        out_.Json(value);
      } else {
        out_.Plain(value);
      }
      out_.Raw("\n</parameter>\n");
    }
    out_.Raw("</function>\n</tool_call>");
  }

  void ToolResult(size_t i) {
    if (i > 0 && messages_[i - 1].role != "tool") out_.Raw("<|im_start|>user");
    out_.Raw("\n<tool_response>\n").Content(StripContent(messages_[i]), kImage);
    out_.Raw("\n</tool_response>");
    if (i + 1 == messages_.size() || messages_[i + 1].role != "tool") out_.Raw("<|im_end|>\n");
  }

  const ChatRequest& request_;
  const std::vector<Message>& messages_;
  const Style& style_;
  PromptWriter& out_;
  size_t last_question_ = 0;
};

}  // namespace

core::Status RenderQwen35(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  return Qwen35(request, {}, out).Render();
}

core::Status RenderQwen38(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  const Style style{
      .effort = true, .thought_always = true, .scalars_as_json = true, .split_inline = false};
  return Qwen35(request, style, out).Render();
}

}  // namespace ingot::text
