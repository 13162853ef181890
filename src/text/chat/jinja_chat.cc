#include "text/chat/jinja_chat.h"

#include <algorithm>
#include <array>

#include "core/strings.h"

namespace ingot::text {
namespace {

using jinja::Origin;
using jinja::Value;

// Stands behind the text of a turn that the model goes on with, so that the prompt can be cut
// there. Nobody writes these private characters.
constexpr std::string_view kCut = "\uF8F3\uF8F1\uF8F4";

Value Text(std::string_view text, Origin origin) {
  return Value::String(std::string(text), origin);
}

// Builds a dict whose keys are the renderer's own.
class DictBuilder {
 public:
  void Add(std::string_view key, Value value) {
    entries_.emplace_back(Text(key, Origin::kTemplate), std::move(value));
  }
  Value Finish() { return Value::Of(std::make_shared<jinja::DictObject>(std::move(entries_))); }

 private:
  std::vector<jinja::DictObject::Entry> entries_;
};

Value List(std::vector<Value> items) {
  return Value::Of(jinja::Kind::kList, std::make_shared<jinja::ListObject>(std::move(items)));
}

// The roles that every template knows are not the user's words.
Value RoleValue(std::string_view role) {
  static constexpr std::array<std::string_view, 5> kKnown = {"system", "developer", "user",
                                                             "assistant", "tool"};
  const bool known = std::find(kKnown.begin(), kKnown.end(), role) != kKnown.end();
  return Text(role, known ? Origin::kTemplate : Origin::kUser);
}

Value CallValue(const ToolCall& call) {
  DictBuilder function;
  function.Add("name", Text(call.name, Origin::kUser));
  function.Add("arguments", jinja::FromJson(call.arguments, Origin::kUser));
  DictBuilder dict;
  if (!call.id.empty()) dict.Add("id", Text(call.id, Origin::kUser));
  dict.Add("type", Text("function", Origin::kTemplate));
  dict.Add("function", function.Finish());
  return dict.Finish();
}

// The prompt up to the mark, or an error where the template dropped it.
core::Result<jinja::Text> CutAtMark(const jinja::Text& prompt) {
  const size_t cut = prompt.view().rfind(kCut);
  if (cut == std::string_view::npos) {
    return core::Unsupported("the chat template drops the turn that the model should go on with");
  }
  jinja::TextBuilder out(prompt.size());
  out.AppendSlice(prompt, 0, cut);
  return std::move(out).Finish();
}

// Puts the system turns' text in front of the first turn of the user.
ChatRequest FoldSystem(const ChatRequest& request) {
  ChatRequest folded = request;
  std::string text;
  std::erase_if(folded.messages, [&](const Message& message) {
    if (message.role != "system" && message.role != "developer") return false;
    if (!text.empty()) text += "\n\n";
    text += message.Text();
    return true;
  });
  const auto user = std::find_if(folded.messages.begin(), folded.messages.end(),
                                 [](const Message& message) { return message.role == "user"; });
  if (text.empty()) return folded;
  const ContentPart part{ContentPart::Kind::kText, text + "\n\n"};
  if (user != folded.messages.end()) {
    user->content.insert(user->content.begin(), part);
  } else {
    folded.messages.insert(folded.messages.begin(), {.role = "user",
                                                     .content = {part},
                                                     .thinking = {},
                                                     .tool_calls = {},
                                                     .tool_name = {},
                                                     .tool_call_id = {}});
  }
  return folded;
}

Message Turn(std::string_view role, std::string_view text) {
  Message message;
  message.role = std::string(role);
  message.content.push_back({ContentPart::Kind::kText, std::string(text)});
  return message;
}

bool Shows(const core::Result<jinja::Text>& prompt, std::string_view text) {
  return prompt.ok() && prompt->view().find(text) != std::string_view::npos;
}

}  // namespace

core::Result<JinjaChat> JinjaChat::Load(std::string_view source, std::string_view name,
                                        SpecialTokens tokens) {
  INGOT_ASSIGN(jinja::Template parsed, jinja::Template::Parse(source, name));
  JinjaChat chat(std::move(parsed), std::move(tokens));
  chat.Probe();
  return chat;
}

void JinjaChat::Probe() {
  constexpr std::string_view kAsked = "pr0be question";
  constexpr std::string_view kRules = "pr0be rules";
  constexpr std::string_view kTool = "pr0be_tool";
  ChatRequest request;
  request.messages = {Turn("user", kAsked)};
  const auto plain = RenderOnce(request);
  if (!Shows(plain, kAsked)) {
    wants_parts_ = true;
    wants_parts_ = Shows(RenderOnce(request), kAsked);
  }
  ChatRequest with_system = request;
  with_system.messages.insert(with_system.messages.begin(), Turn("system", kRules));
  shows_system_ = Shows(RenderOnce(with_system), kRules);
  ChatRequest with_tools = request;
  with_tools.tools =
      core::Json::array({{{"type", "function"},
                          {"function",
                           {{"name", kTool},
                            {"description", "d"},
                            {"parameters",
                             {{"type", "object"},
                              {"properties", {{"a", {{"type", "string"}, {"description", "d"}}}}},
                              {"required", {"a"}}}}}}}});
  shows_tools_ = Shows(RenderOnce(with_tools), kTool);
  ChatRequest with_image = request;
  with_image.messages[0].content.push_back({ContentPart::Kind::kImage, ""});
  const auto pictured = RenderOnce(with_image);
  // Some templates drop what they do not know, or print the list as Python would.
  shows_images_ = Shows(pictured, kAsked) && !Shows(pictured, "'type'") &&
                  (!plain.ok() || pictured->view() != plain->view());
  ChatRequest on = request;
  ChatRequest off = request;
  on.think.on = true;
  off.think.on = false;
  const auto thinking = RenderOnce(on);
  const auto silent = RenderOnce(off);
  turns_thinking_ = thinking.ok() && silent.ok() && thinking->view() != silent->view();
}

Value JinjaChat::MessageValue(const Message& message, bool last_open) const {
  DictBuilder dict;
  dict.Add("role", RoleValue(message.role));
  if (wants_parts_ || message.HasImages()) {
    std::vector<Value> parts;
    for (size_t i = 0; i < message.content.size(); ++i) {
      const ContentPart& part = message.content[i];
      const bool text = part.kind == ContentPart::Kind::kText;
      DictBuilder piece;
      piece.Add("type", Text(text ? "text" : "image", Origin::kTemplate));
      if (text) piece.Add("text", Text(part.text, Origin::kUser));
      parts.push_back(piece.Finish());
    }
    if (last_open) {
      DictBuilder piece;
      piece.Add("type", Text("text", Origin::kTemplate));
      piece.Add("text", Text(kCut, Origin::kUser));
      parts.push_back(piece.Finish());
    }
    dict.Add("content", List(std::move(parts)));
  } else {
    std::string text = message.Text();
    if (last_open) text += kCut;
    dict.Add("content", Text(text, Origin::kUser));
  }
  if (!message.thinking.empty()) {
    dict.Add("reasoning_content", Text(message.thinking, Origin::kUser));
    dict.Add("thinking", Text(message.thinking, Origin::kUser));
  }
  if (!message.tool_calls.empty()) {
    std::vector<Value> calls;
    for (const ToolCall& call : message.tool_calls) calls.push_back(CallValue(call));
    dict.Add("tool_calls", List(std::move(calls)));
  }
  if (!message.tool_name.empty()) dict.Add("name", Text(message.tool_name, Origin::kUser));
  if (!message.tool_call_id.empty()) {
    dict.Add("tool_call_id", Text(message.tool_call_id, Origin::kUser));
  }
  return dict.Finish();
}

void JinjaChat::SetThinking(const ThinkSetting& think, jinja::Context& context) const {
  if (think.on.has_value()) {
    for (const char* name : {"enable_thinking", "thinking", "reasoning"}) {
      context.emplace_back(name, Value::Bool(*think.on));
    }
  }
  if (think.effort.empty()) return;
  // Levels go by different names: the nearest one that the template's text speaks of.
  const std::string& source = template_.source();
  auto knows = [&](const std::string& level) {
    return source.find("'" + level + "'") != std::string::npos ||
           source.find("\"" + level + "\"") != std::string::npos;
  };
  std::string effort = think.effort;
  if (effort == "max" && !knows("max")) effort = "high";
  if (effort == "high" && !knows("high") && knows("xhigh")) effort = "xhigh";
  for (const char* name : {"reasoning_effort", "reasoning_strength"}) {
    context.emplace_back(name, Text(effort, Origin::kTemplate));
  }
  const bool less = think.effort == "low" || think.effort == "medium";
  context.emplace_back("medium_effort", Value::Bool(less));
  context.emplace_back("low_effort", Value::Bool(think.effort == "low"));
}

jinja::Context JinjaChat::ContextOf(const ChatRequest& request) const {
  jinja::Context context;
  for (const auto& [name, token] : tokens_) {
    context.emplace_back(name, Text(token, Origin::kTemplate));
  }
  std::vector<Value> messages;
  for (const Message& message : request.messages) {
    const bool open = request.Continues() && &message == &request.messages.back();
    messages.push_back(MessageValue(message, open));
  }
  context.emplace_back("messages", List(std::move(messages)));
  context.emplace_back(
      "tools", request.HasTools() ? jinja::FromJson(request.tools, Origin::kUser) : Value::None());
  context.emplace_back("documents", Value::None());
  context.emplace_back("add_generation_prompt",
                       Value::Bool(request.add_generation_prompt && !request.Continues()));
  SetThinking(request.think, context);
  for (const auto& [name, value] : request.variables.items()) {
    context.emplace_back(name, jinja::FromJson(value, Origin::kUser));
  }
  return context;
}

core::Result<jinja::Text> JinjaChat::RenderOnce(const ChatRequest& request) const {
  jinja::RenderOptions options;
  options.wall_ns = request.wall_ns;
  INGOT_ASSIGN(jinja::Text prompt, template_.Render(ContextOf(request), options));
  if (request.Continues()) return CutAtMark(prompt);
  return prompt;
}

core::Result<jinja::Text> JinjaChat::Render(const ChatRequest& request) const {
  const bool images = std::any_of(request.messages.begin(), request.messages.end(),
                                  [](const Message& message) { return message.HasImages(); });
  if (images && !shows_images_) {
    return core::Unsupported("the chat template has no place for images");
  }
  if (!shows_system_) return RenderOnce(FoldSystem(request));
  return RenderOnce(request);
}

}  // namespace ingot::text
