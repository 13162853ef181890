// Laguna, with line ends inside its tags, and its later form (poolside-v1), without.
#include "text/chat/native.h"

namespace ingot::text {
namespace {

constexpr std::string_view kBos = "〈|EOS|〉";
constexpr std::string_view kDefaultSystem =
    "You are a helpful, conversationally-fluent assistant made by Poolside. You are here to be "
    "helpful to users through natural language conversations.";
constexpr std::string_view kToolsHead =
    "### Tools\n\nYou may call functions to assist with the user query.\n"
    "All available function signatures are listed below:\n<available_tools>\n";
constexpr std::string_view kCallFormatHead =
    "</available_tools>\n\nFor each function call, return an unescaped XML-like object with "
    "function name and arguments within '<tool_call>' and '</tool_call>' tags, like here:\n";
constexpr std::string_view kThinkFormatHead =
    "</available_tools>\n\nWrap your thinking in '<think>', '</think>' tags, followed by a "
    "function call. For each function call, return an unescaped XML-like object with function "
    "name and arguments within '<tool_call>' and '</tool_call>' tags, like here:\n"
    "<think> your thoughts here </think>\n";
constexpr std::string_view kCallFormat =
    "<tool_call>function-name\n<arg_key>argument-key</arg_key>\n"
    "<arg_value>value-of-argument-key</arg_value>\n</tool_call>";

void WriteTools(const core::Json& tools, PromptWriter& out) {
  out.Raw(kToolsHead);
  for (const core::Json& tool : tools) out.Json(tool).Raw("\n");
}

class Laguna {
 public:
  // line: what stands behind tags, "\n" or nothing.
  Laguna(const ChatRequest& request, std::string_view line, PromptWriter& out)
      : request_(request), messages_(request.messages), line_(line), out_(out) {}

  core::Status Render(bool thinks) {
    thinks_ = thinks;
    out_.Raw(kBos);
    const bool system = !messages_.empty() && messages_[0].role == "system";
    const std::string text = system ? messages_[0].Text() : std::string(kDefaultSystem);
    if (line_.empty()) {
      CompactHeader(text, system);
    } else {
      Header(text, system);
    }
    for (size_t i = system ? 1 : 0; i < messages_.size(); ++i) {
      const Message& message = messages_[i];
      if (message.role == "assistant") {
        Assistant(message, request_.Continues() && i + 1 == messages_.size());
      } else if (message.role == "user") {
        Tagged("user", message);
      } else if (message.role == "tool") {
        Tagged("tool_response", message);
      } else {
        Tagged("system", message);
      }
    }
    if (request_.Continues() || !request_.add_generation_prompt) return {};
    out_.Raw("<assistant>").Raw(line_).Raw(thinks ? "<think>" : "</think>");
    return {};
  }

 private:
  void SystemText(std::string_view text, bool given) {
    if (given) {
      out_.User(StripEnd(text));
    } else {
      out_.Raw(text);
    }
  }

  void Header(const std::string& text, bool given) {
    const bool says = !Strip(text).empty();
    if (!says && !request_.HasTools()) return;
    out_.Raw("<system>\n");
    if (says) {
      out_.Raw("\n");
      SystemText(text, given);
    }
    if (request_.HasTools()) {
      out_.Raw("\n\n");
      WriteTools(request_.tools, out_);
      out_.Raw(thinks_ ? kThinkFormatHead : kCallFormatHead).Raw(kCallFormat);
    }
    out_.Raw("\n</system>\n");
  }

  void CompactHeader(const std::string& text, bool given) {
    const bool says = !Strip(text).empty();
    if (!says && !request_.HasTools() && !thinks_) return;
    out_.Raw("<system>");
    if (says) SystemText(text, given);
    if (request_.HasTools()) {
      if (says) out_.Raw("\n\n");
      WriteTools(request_.tools, out_);
      out_.Raw("</available_tools>");
    }
    out_.Raw("</system>\n");
  }

  void Tagged(std::string_view tag, const Message& message) {
    out_.Raw("<").Raw(tag).Raw(">").Raw(line_).User(message.Text());
    out_.Raw(line_).Raw("</").Raw(tag).Raw(">\n");
  }

  void Assistant(const Message& message, bool open) {
    const bool compact = line_.empty();
    out_.Raw("<assistant>").Raw(line_);
    Thought thought = compact ? Thought{message.thinking, message.Text()} : SplitThought(message);
    if (!compact && !message.thinking.empty()) {
      // The text may repeat its thinking.
      thought.text = SplitThought({.role = {},
                                   .content = message.content,
                                   .thinking = {},
                                   .tool_calls = {},
                                   .tool_name = {},
                                   .tool_call_id = {}})
                         .text;
    }
    if (compact ? thinks_ : !thought.thinking.empty()) {
      out_.Raw("<think>").Raw(line_);
      out_.User(compact ? std::string_view(thought.thinking) : Strip(thought.thinking)).Raw(line_);
    }
    out_.Raw("</think>").Raw(line_);
    const std::string_view text = compact ? std::string_view(thought.text)
                                  : open  ? StripStart(thought.text)
                                          : Strip(thought.text);
    out_.User(text);
    if (open) return;
    if (!text.empty()) out_.Raw(line_);
    for (const ToolCall& call : message.tool_calls) {
      out_.Raw("<tool_call>").User(call.name).Raw(line_);
      for (const auto& [name, value] : call.arguments.items()) {
        out_.Raw("<arg_key>").User(name).Raw("</arg_key>").Raw(line_);
        out_.Raw("<arg_value>").TextOrJson(value).Raw("</arg_value>").Raw(line_);
      }
      out_.Raw("</tool_call>").Raw(line_);
    }
    out_.Raw("</assistant>\n");
  }

  const ChatRequest& request_;
  const std::vector<Message>& messages_;
  std::string_view line_;
  PromptWriter& out_;
  bool thinks_ = false;
};

}  // namespace

core::Status RenderLaguna(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  return Laguna(request, "\n", out).Render(Thinks(request, false));
}

core::Status RenderPoolside(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  return Laguna(request, "", out).Render(Thinks(request, true));
}

}  // namespace ingot::text
