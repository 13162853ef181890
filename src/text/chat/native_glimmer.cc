// Muse Glimmer: messages with recipients, reasoning addressed to the model itself, calls in tags of
// their own.
#include <algorithm>

#include "core/clock.h"
#include "core/strings.h"
#include "text/chat/native.h"

namespace ingot::text {
namespace {

using core::Json;

constexpr std::string_view kImage = "<|patch|>";
constexpr std::string_view kToolsHead =
    "In this environment you have access to a set of tools you can use to answer the user's "
    "question.\n\nYou can invoke a function by writing a \"<atem:function_calls>\" block like the "
    "following:\n<atem:function_calls>\n<atem:invoke name=\"$FUNCTION_NAME\">\n"
    "<atem:parameter name=\"$PARAMETER_NAME\">$PARAMETER_VALUE</atem:parameter>\n...\n"
    "</atem:invoke>\n</atem:function_calls>\n\nString and scalar parameters should be specified "
    "as is, while lists and objects should use JSON format. Note that spaces for string values "
    "are not stripped. The output is not expected to be valid XML and is parsed with regular "
    "expressions.\nHere are the functions available in JSONSchema format:\n// Tool metadata\n";
constexpr std::string_view kToolsTail =
    "\n\nHere's an example of how to call a function in the tool set:\n(If the tool namespace is "
    "not specified, invoke the function directly as `example_function_name` rather than "
    "`example_tool_name.example_function_name`)\n\nto=example_tool_name.example_function_name\n\n"
    "<atem:function_calls>\n<atem:invoke name=\"example_tool_name.example_function_name\">\n"
    "<atem:parameter name=\"example_parameter_1\">value_1</atem:parameter>\n"
    "<atem:parameter name=\"example_parameter_2\">This is the value for the second parameter\n"
    "that can span\n\"multiple\" lines\n</atem:parameter>\n</atem:invoke>\n"
    "</atem:function_calls>";

const Json& FunctionOf(const Json& tool) {
  return tool.contains("function") ? tool["function"] : tool;
}

class Glimmer {
 public:
  Glimmer(const ChatRequest& request, const NativeOptions& options, PromptWriter& out)
      : request_(request), messages_(request.messages), options_(options), out_(out) {}

  core::Status Render() {
    if (request_.HasTools()) CollectSpaces();
    out_.Raw(options_.bos);
    bool system = false;
    for (const Message& message : messages_) system |= message.role == "system";
    if (!system) {
      out_.Raw(
          "<|start|>system<|message|>You are a helpful AI assistant."
          "\nKnowledge cutoff: 2026-01-04.\nCurrent date: ");
      out_.Raw(core::Rfc3339(request_.wall_ns).substr(0, 10)).Raw(".\n\n");
      Strength();
      Tools();
    }
    for (size_t i = 0; i < messages_.size(); ++i) {
      const bool open = request_.Continues() && i + 1 == messages_.size();
      INGOT_TRY(Turn(i, open));
      if (open) return {};
    }
    if (request_.add_generation_prompt) out_.Raw("<|start|>assistant");
    return {};
  }

 private:
  void CollectSpaces() {
    for (const Json& tool : request_.tools) {
      std::string name = FunctionOf(tool).value("name", "");
      name.resize(std::min(name.find('.'), name.size()));
      if (std::find(spaces_.begin(), spaces_.end(), name) == spaces_.end()) {
        spaces_.push_back(std::move(name));
      }
    }
  }

  void Strength() {
    const std::string& effort = request_.think.effort;
    out_.Raw(core::StrCat("Reasoning strength: ", effort.empty() ? "high" : effort, "."));
  }

  void Tools() {
    if (request_.HasTools()) {
      out_.Raw("\n\n").Raw(kToolsHead);
      for (const std::string& space : spaces_) {
        out_.Raw("{\"name\": ").Json(space).Raw(", \"description\": \"\"}\n");
      }
      out_.Raw("// Function schemas");
      for (const Json& tool : request_.tools) {
        const Json& function = FunctionOf(tool);
        auto field = [&](const char* name) {
          return function.contains(name) ? function[name] : Json();
        };
        out_.Raw("\n{\"name\": ").Json(field("name")).Raw(", \"description\": ");
        out_.Json(field("description")).Raw(", \"parameters\": ").Json(field("parameters"));
        out_.Raw("}");
      }
      out_.Raw(kToolsTail);
    }
    out_.Raw("\n\n# Valid recipients: \"self\", ");
    for (const std::string& space : spaces_) out_.Raw("\"").User(space).Raw(".*\", ");
    out_.Raw("\"user\".<|eot|>");
  }

  core::Status Turn(size_t i, bool open) {
    const Message& message = messages_[i];
    if (message.role == "system") {
      System(message);
    } else if (message.role == "user") {
      out_.Raw("<|start|>user<|message|>").Content(message, kImage).Raw("<|eot|>");
    } else if (message.role == "tool") {
      const std::string name = NameOf(message);
      out_.Raw("<|start|>tool ").User(name).Raw("<|message|><tool_output name=\"").User(name);
      out_.Raw("\">\n").Content(message, kImage).Raw("\n</tool_output><|eot|>");
    } else if (message.role == "assistant") {
      Assistant(i, open);
    } else {
      return core::InvalidArgument(
          core::StrCat("the renderer knows no role ", core::Quoted(message.role, 40)));
    }
    return {};
  }

  // What callers write about effort themselves is put into the model's own words.
  void System(const Message& message) {
    std::string text = message.Text();
    for (const auto& [from, to] : {std::pair("Reasoning effort", "Reasoning strength"),
                                   std::pair("Reasoning Effort", "Reasoning Strength"),
                                   std::pair("reasoning effort", "reasoning strength"),
                                   std::pair("REASONING EFFORT", "REASONING STRENGTH")}) {
      for (size_t at = 0; (at = text.find(from, at)) != std::string_view::npos; at += 18) {
        text.replace(at, 16, to);
      }
    }
    out_.Raw("<|start|>system<|message|>").User(text);
    if (core::ToLower(text).find("reasoning strength") == std::string_view::npos) {
      out_.Raw("\n\n");
      Strength();
    }
    Tools();
  }

  std::string NameOf(const Message& result) const {
    if (!result.tool_name.empty()) return result.tool_name;
    std::string name = result.tool_call_id;
    for (const Message& message : messages_) {
      for (const ToolCall& call : message.tool_calls) {
        if (call.id == result.tool_call_id) name = call.name;
      }
    }
    return name;
  }

  void Assistant(size_t i, bool open) {
    const Message& message = messages_[i];
    const bool more = i + 1 < messages_.size() && messages_[i + 1].role == "assistant";
    if (!message.thinking.empty()) {
      out_.Raw("<|start|>assistant to=self<|message|>").User(message.thinking).Raw("<|eom|>");
    }
    if (message.tool_calls.empty()) {
      out_.Raw("<|start|>assistant to=user<|message|>").Content(message, kImage);
      if (!open) out_.Raw("<|eot|>");
      return;
    }
    for (size_t k = 0; k < message.tool_calls.size(); ++k) {
      Call(message.tool_calls[k]);
      out_.Raw(k + 1 < message.tool_calls.size() || more ? "<|eom|>" : "<|eot|>");
    }
  }

  void Call(const ToolCall& call) {
    out_.Raw("<|start|>assistant to=").User(call.name);
    out_.Raw("<|message|><atem:function_calls>\n<atem:invoke name=\"").User(call.name);
    out_.Raw("\">\n");
    for (const auto& [name, value] : call.arguments.items()) {
      out_.Raw("<atem:parameter name=\"").User(name).Raw("\">");
      out_.TextOrJson(value).Raw("</atem:parameter>\n");
    }
    out_.Raw("</atem:invoke>\n</atem:function_calls>");
  }

  const ChatRequest& request_;
  const std::vector<Message>& messages_;
  const NativeOptions& options_;
  PromptWriter& out_;
  std::vector<std::string> spaces_;  // of the tools' names, what stands before the first dot
};

}  // namespace

core::Status RenderGlimmer(const ChatRequest& request, const NativeOptions& options,
                           PromptWriter& out) {
  return Glimmer(request, options, out).Render();
}

}  // namespace ingot::text
