// Gemma 4: turns between <|turn> and <turn|>, tools declared in a notation of their own
// (gemma4_values.h), results of tools inside the turn that called them.
#include "core/strings.h"
#include "text/chat/gemma4_values.h"
#include "text/chat/native.h"

namespace ingot::text {
namespace {

constexpr std::string_view kImage = "<|image|>";

bool LeadsSystem(const Message& message) {
  return message.role == "system" || message.role == "developer";
}

// Thoughts are not for later turns: what stands between <|channel> and <channel|> goes.
std::string WithoutThoughts(std::string_view text) {
  std::string kept;
  while (true) {
    const size_t close = text.find("<channel|>");
    const std::string_view part = text.substr(0, close);
    kept += part.substr(0, part.find("<|channel>"));
    if (close == std::string_view::npos) return std::string(Strip(kept));
    text.remove_prefix(close + 10);
  }
}

class Gemma4 {
 public:
  Gemma4(const ChatRequest& request, const NativeOptions& options, PromptWriter& out)
      : request_(request), messages_(request.messages), options_(options), out_(out) {}

  core::Status Render() {
    thinks_ = Thinks(request_, false);
    out_.Raw(options_.bos.empty() ? "<bos>" : options_.bos);
    first_ = !messages_.empty() && LeadsSystem(messages_[0]) ? 1 : 0;
    System();
    last_user_ = LastUser(request_);
    for (size_t i = first_; i < messages_.size(); ++i) {
      if (messages_[i].role != "tool") Turn(i);
    }
    if (request_.Continues() || !request_.add_generation_prompt) return {};
    if (state_ == State::kText) {
      out_.Raw("<|turn>model\n");
      if (!thinks_ && options_.large) out_.Raw("<|channel>thought\n<channel|>");
    } else if (state_ == State::kResponse && thinks_) {
      out_.Raw("<|channel>thought\n");
    }
    return {};
  }

 private:
  enum class State { kText, kCall, kResponse };

  void System() {
    if (!thinks_ && !request_.HasTools() && first_ == 0) return;
    out_.Raw("<|turn>system\n");
    if (thinks_) out_.Raw("<|think|>\n");
    if (first_ > 0) out_.Content(StripContent(messages_[0]), kImage);
    if (request_.HasTools()) {
      for (const core::Json& tool : request_.tools) {
        out_.Raw("<|tool>");
        WriteGemma4Declaration(tool, out_);
        out_.Raw("<tool|>");
      }
    }
    out_.Raw("<turn|>\n");
  }

  // The role of the nearest turn before or behind that is no tool's result; empty: none.
  std::string_view Neighbour(size_t i, int step) const {
    for (auto at = static_cast<ptrdiff_t>(i) + step;
         at >= static_cast<ptrdiff_t>(first_) && at < static_cast<ptrdiff_t>(messages_.size());
         at += step) {
      const std::string& role = messages_[static_cast<size_t>(at)].role;
      if (role != "tool") return role;
    }
    return "";
  }

  void Turn(size_t i) {
    const Message& message = messages_[i];
    const bool model = message.role == "assistant";
    state_ = State::kText;
    if (!model || Neighbour(i, -1) != "assistant") {
      out_.Raw("<|turn>").User(model ? "model" : message.role).Raw("\n");
    }
    if (!message.thinking.empty() && static_cast<int>(i) > last_user_) {
      out_.Raw("<|channel>thought\n").User(message.thinking).Raw("\n<channel|>");
    }
    for (const ToolCall& call : message.tool_calls) {
      out_.Raw("<|tool_call>call:").User(call.name);
      WriteGemma4Value(call.arguments, false, out_);
      out_.Raw("<tool_call|>");
      state_ = State::kCall;
    }
    if (!message.tool_calls.empty()) Responses(i);
    const bool has_content = Content(message, model, i);
    if (request_.Continues() && i + 1 == messages_.size()) return;
    const bool responded = state_ == State::kResponse;
    const std::string_view next = Neighbour(i, 1);
    if (state_ == State::kCall) {
      out_.Raw("<|tool_response>");
    } else if (model && next == "assistant") {
      // The turn goes on.
    } else if (!responded || has_content || !next.empty()) {
      out_.Raw("<turn|>\n");
    }
  }

  // The results that follow a call, each under the name of what was called.
  void Responses(size_t i) {
    for (size_t k = i + 1; k < messages_.size() && messages_[k].role == "tool"; ++k) {
      const Message& result = messages_[k];
      std::string name = result.tool_name.empty() ? "unknown" : result.tool_name;
      for (const ToolCall& call : messages_[i].tool_calls) {
        if (call.id == result.tool_call_id) name = call.name;
      }
      out_.Raw("<|tool_response>response:").User(name).Raw("{value:");
      WriteGemma4Value(result.Text(), false, out_);
      out_.Raw("}<tool_response|>");
      for (const ContentPart& part : result.content) {
        if (part.kind == ContentPart::Kind::kImage) out_.Raw(kImage);
      }
      state_ = State::kResponse;
    }
  }

  bool Content(const Message& message, bool model, size_t i) {
    const bool open = request_.Continues() && i + 1 == messages_.size();
    bool any = false;
    for (const ContentPart& part : message.content) {
      if (part.kind == ContentPart::Kind::kImage) {
        out_.Raw(kImage);
        any = true;
        continue;
      }
      const std::string text = open    ? std::string(StripStart(part.text))
                               : model ? WithoutThoughts(part.text)
                                       : std::string(Strip(part.text));
      out_.User(text);
      any |= !text.empty();
    }
    return any;
  }

  const ChatRequest& request_;
  const std::vector<Message>& messages_;
  const NativeOptions& options_;
  PromptWriter& out_;
  size_t first_ = 0;
  int last_user_ = -1;
  bool thinks_ = false;
  State state_ = State::kText;
};

}  // namespace

core::Status RenderGemma4(const ChatRequest& request, const NativeOptions& options,
                          PromptWriter& out) {
  return Gemma4(request, options, out).Render();
}

}  // namespace ingot::text
