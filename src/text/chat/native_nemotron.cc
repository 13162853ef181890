// Nemotron 3 Nano and 3.5: turns between <|im_start|> and <|im_end|>, tools in XML, and a think
// block in every turn of the assistant, emptied once the user has spoken again.
#include "core/strings.h"
#include "text/chat/native.h"
#include "text/chat/xml_tools.h"

namespace ingot::text {
namespace {

constexpr std::string_view kFormat =
    "\n\nIf you choose to call a function ONLY reply in the following format with NO suffix:\n\n"
    "<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>\nvalue_1\n"
    "</parameter>\n<parameter=example_parameter_2>\nThis is the value for the second parameter\n"
    "that can span\nmultiple lines\n</parameter>\n</function>\n</tool_call>\n\n<IMPORTANT>\n"
    "Reminder:\n- Function calls MUST follow the specified format: an inner "
    "<function=...></function> block must be nested within <tool_call></tool_call> XML tags\n"
    "- Required parameters MUST be specified\n- You may provide optional reasoning for your "
    "function call in natural language BEFORE the function call, but NOT after\n- If there is no "
    "function call available, answer the question like normal with your current knowledge and do "
    "not tell the user about function calls\n</IMPORTANT>";

struct Style {
  std::string_view after_thinking;  // between a thought and </think>
  std::string_view after_close;     // between </think> and the answer
  bool trims_old_calls;             // the text before an old turn's calls
  bool effort_mark;                 // a mark behind the last question asks for less thinking
};

class Nemotron {
 public:
  Nemotron(const ChatRequest& request, const Style& style, PromptWriter& out)
      : request_(request), messages_(request.messages), style_(style), out_(out) {}

  core::Status Render() {
    const bool system = !messages_.empty() && messages_[0].role == "system";
    const size_t first = system ? 1 : 0;
    out_.Raw("<|im_start|>system\n");
    if (system) out_.User(messages_[0].Text());
    if (request_.HasTools()) {
      if (system && !messages_[0].Text().empty()) out_.Raw("\n\n");
      out_.Raw("# Tools\n\nYou have access to the following functions:\n\n");
      WriteXmlTools(request_.tools, true, out_);
      out_.Raw(kFormat);
    }
    out_.Raw("<|im_end|>\n");
    last_user_ = LastUser(request_);
    for (size_t i = first; i < messages_.size(); ++i) Turn(i, first);
    if (request_.Continues() || !request_.add_generation_prompt) return {};
    out_.Raw("<|im_start|>assistant\n");
    out_.Raw(Thinks(request_, true) ? "<think>\n" : "<think></think>");
    return {};
  }

 private:
  void Turn(size_t i, size_t first) {
    const Message& message = messages_[i];
    if (message.role == "assistant") {
      Assistant(i);
      return;
    }
    if (message.role == "tool") {
      if (i > first && messages_[i - 1].role != "tool") out_.Raw("<|im_start|>user\n");
      out_.Raw("<tool_response>\n").User(message.Text()).Raw("\n</tool_response>\n");
      if (i + 1 == messages_.size() || messages_[i + 1].role != "tool") out_.Raw("<|im_end|>\n");
      return;
    }
    out_.Raw("<|im_start|>").User(message.role).Raw("\n").User(message.Text());
    const std::string& effort = request_.think.effort;
    if (style_.effort_mark && static_cast<int>(i) == last_user_ &&
        (effort == "low" || effort == "medium")) {
      out_.Raw("\n\n{reasoning effort: efficient}");
    }
    out_.Raw("<|im_end|>\n");
  }

  // A turn's text with its think block, as control text and outside text apart.
  struct Block {
    bool fresh = false;    // the block is ours to write: the text holds none
    std::string thinking;  // of a fresh block
    std::string text;
  };

  Block BlockOf(const Message& message) const {
    std::string text = message.Text();
    if (!Strip(message.thinking).empty()) return {true, message.thinking, std::move(text)};
    const bool has = text.find("<think>") != std::string_view::npos ||
                     text.find("</think>") != std::string_view::npos;
    return {!has, "", std::move(text)};
  }

  void Assistant(size_t i) {
    const Message& message = messages_[i];
    const bool old = static_cast<int>(i) < last_user_;
    const bool open = request_.Continues() && i + 1 == messages_.size();
    Block block = BlockOf(message);
    out_.Raw("<|im_start|>assistant\n");
    if (!message.tool_calls.empty()) {
      if (old) {
        OldTextBeforeCalls(block);
      } else {
        WriteBlock(block, true);
      }
      out_.Raw("\n");
      for (const ToolCall& call : message.tool_calls) {
        out_.Raw("<tool_call>\n");
        WriteXmlCall(call, out_);
        out_.Raw("\n</tool_call>\n");
      }
      out_.Raw("<|im_end|>\n");
      return;
    }
    if (!old) {
      WriteBlock(block, !open);
      if (!open) out_.Raw("<|im_end|>\n");
      return;
    }
    const size_t close = block.text.rfind("</think>");
    if (block.fresh) {
      out_.Raw("<think></think>").User(StripEnd(OldAnswer(block)));
    } else if (close != std::string_view::npos &&
               block.text.find("<think>") != std::string_view::npos) {
      out_.Raw("<think></think>").User(StripEnd(std::string_view(block.text).substr(close + 8)));
    } else {
      out_.User(Strip(block.text));
    }
    out_.Raw("<|im_end|>\n");
  }

  // The answer behind a thought that is left out, with what stood between them.
  std::string OldAnswer(const Block& block) const {
    return block.thinking.empty() ? block.text : std::string(style_.after_close) + block.text;
  }

  void OldTextBeforeCalls(const Block& block) {
    std::string text = OldAnswer(block);
    if (!block.fresh) {
      const size_t close = text.rfind("</think>");
      if (close != std::string_view::npos) {
        text.erase(0, close + 8);
      } else {
        text.erase(std::min(text.find("<think>"), text.size()));
      }
    }
    out_.Raw("<think></think>").User(style_.trims_old_calls ? Strip(text) : std::string_view(text));
  }

  void WriteBlock(const Block& block, bool strip_end) {
    std::string_view text = strip_end ? StripEnd(block.text) : std::string_view(block.text);
    if (!block.fresh) {
      out_.User(StripStart(text));
      return;
    }
    if (block.thinking.empty()) {
      out_.Raw("<think></think>").User(text);
      return;
    }
    out_.Raw("<think>\n").User(block.thinking).Raw(style_.after_thinking).Raw("</think>");
    if (!text.empty()) out_.Raw(style_.after_close).User(text);
  }

  const ChatRequest& request_;
  const std::vector<Message>& messages_;
  const Style& style_;
  PromptWriter& out_;
  int last_user_ = -1;
};

}  // namespace

core::Status RenderNemotron3(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  return Nemotron(request, {"\n", "\n", true, false}, out).Render();
}

core::Status RenderNemotron35(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  return Nemotron(request, {"", "", false, true}, out).Render();
}

}  // namespace ingot::text
