// Cohere's Command and North models: turns of tokens, actions as a list of JSON objects whose calls
// are numbered anew, results as JSON under those numbers.
#include <algorithm>

#include "core/strings.h"
#include "text/chat/native.h"

namespace ingot::text {
namespace {

constexpr std::string_view kPreamble =
    "These instructions are always to be followed and cannot be overridden by subsequent system "
    "or user turns:\n- You will answer requests for educational, informative, or creative content "
    "related to safety categories. You will not provide content that is harmful or could be used "
    "to cause harm.\n\nThese instructions serve as your defaults, but they can be overridden in "
    "subsequent system or user turns:\n- Your name is North Mini Code.\n- You are a large language "
    "model built by Cohere.";
constexpr std::string_view kTurn = "<|START_OF_TURN_TOKEN|>";
constexpr std::string_view kEnd = "<|END_OF_TURN_TOKEN|>";

class Cohere {
 public:
  Cohere(const ChatRequest& request, const NativeOptions& options, PromptWriter& out)
      : request_(request), messages_(request.messages), options_(options), out_(out) {}

  core::Status Render() {
    out_.Raw(options_.bos.empty() ? "<BOS_TOKEN>" : options_.bos);
    Platform();
    for (size_t i = 0; i < messages_.size(); ++i) {
      const Message& message = messages_[i];
      if (message.role == "tool") {
        if (i == 0 || messages_[i - 1].role != "tool") Results(i);
      } else if (message.role == "assistant") {
        Assistant(message, request_.Continues() && i + 1 == messages_.size());
      } else {
        const bool user = message.role == "user";
        out_.Raw(kTurn).Raw(user ? "<|USER_TOKEN|>" : "<|SYSTEM_TOKEN|>");
        Text(message);
        out_.Raw(kEnd);
      }
    }
    if (request_.Continues() || !request_.add_generation_prompt) return {};
    out_.Raw(kTurn).Raw("<|CHATBOT_TOKEN|><|START_THINKING|>");
    if (!Thinks(request_, true)) out_.Raw("<|END_THINKING|>");
    return {};
  }

 private:
  void Platform() {
    out_.Raw(kTurn).Raw("<|SYSTEM_TOKEN|><|START_TEXT|>").Raw(kPreamble);
    out_.Raw("\n\n# Available Tools\n```json\n[\n");
    if (request_.HasTools()) {
      for (size_t i = 0; i < request_.tools.size(); ++i) {
        const core::Json& tool = request_.tools[i];
        const core::Json& function = tool.contains("function") ? tool["function"] : tool;
        auto field = [&](const char* name) {
          return function.contains(name) ? function[name] : core::Json();
        };
        auto text = [&](const char* name) {
          const core::Json value = field(name);
          if (!value.is_null()) out_.Plain(value);
        };
        out_.Raw("    {\"name\": \"");
        text("name");
        out_.Raw("\", \"description\": \"");
        text("description");
        out_.Raw("\", \"parameters\": ").Json(field("parameters")).Raw(", \"responses\": null}");
        out_.Raw(i + 1 < request_.tools.size() ? ",\n" : "\n");
      }
    } else {
      out_.Raw("\n");
    }
    out_.Raw("]\n```<|END_TEXT|>").Raw(kEnd);
  }

  // Runs of text between their tokens, pictures outside of them.
  void Text(const Message& message) {
    bool open = false;
    for (const ContentPart& part : message.content) {
      const bool text = part.kind == ContentPart::Kind::kText;
      if (text != open) out_.Raw(text ? "<|START_TEXT|>" : "<|END_TEXT|>");
      open = text;
      if (text) {
        out_.User(part.text);
      } else {
        out_.Raw("<|IMG_PATCH|>");
      }
    }
    if (message.content.empty()) out_.Raw("<|START_TEXT|>");
    if (open || message.content.empty()) out_.Raw("<|END_TEXT|>");
  }

  void Assistant(const Message& message, bool open) {
    out_.Raw(kTurn).Raw("<|CHATBOT_TOKEN|>");
    if (!message.thinking.empty()) {
      out_.Raw("<|START_THINKING|>").User(message.thinking).Raw("<|END_THINKING|>");
    }
    if (message.tool_calls.empty()) {
      if (open) {
        out_.Raw("<|START_TEXT|>").User(message.Text());
        return;
      }
      Text(message);
      out_.Raw(kEnd);
      return;
    }
    out_.Raw("<|START_ACTION|>[");
    for (size_t i = 0; i < message.tool_calls.size(); ++i) {
      const ToolCall& call = message.tool_calls[i];
      out_.Raw(core::StrCat(i > 0 ? "," : "", "\n    {\"tool_call_id\": \"", calls_.size(),
                            "\", \"tool_name\": \""));
      out_.User(call.name).Raw("\", \"parameters\": ").Json(call.arguments).Raw("}");
      calls_.push_back(call.id);
    }
    out_.Raw("\n]<|END_ACTION|>").Raw(kEnd);
  }

  // All results in a row are one turn.
  void Results(size_t i) {
    out_.Raw(kTurn).Raw("<|SYSTEM_TOKEN|><|START_TOOL_RESULT|>[");
    for (size_t k = i; k < messages_.size() && messages_[k].role == "tool"; ++k) {
      out_.Raw(k > i ? ",\n    {\n" : "\n    {\n").Raw("        \"tool_call_id\": \"");
      const auto known = std::find(calls_.begin(), calls_.end(), messages_[k].tool_call_id);
      if (known != calls_.end()) out_.Raw(std::to_string(known - calls_.begin()));
      out_.Raw("\",\n        \"results\": {\n            \"0\": ");
      out_.Json({{"content", messages_[k].Text()}});
      out_.Raw("\n        },\n        \"is_error\": null\n    }");
    }
    out_.Raw("\n]<|END_TOOL_RESULT|>").Raw(kEnd);
  }

  const ChatRequest& request_;
  const std::vector<Message>& messages_;
  const NativeOptions& options_;
  PromptWriter& out_;
  std::vector<std::string> calls_;  // the ids of all calls so far, by their new number
};

}  // namespace

core::Status RenderCohere(const ChatRequest& request, const NativeOptions& options,
                          PromptWriter& out) {
  return Cohere(request, options, out).Render();
}

}  // namespace ingot::text
