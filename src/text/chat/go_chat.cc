#include "text/chat/go_chat.h"

#include <span>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "text/gotemplate/go_functions.h"
#include "text/jinja/template.h"

namespace ingot::text {
namespace {

using core::Json;
using jinja::Origin;
using jinja::Value;

class Dict {
 public:
  Dict& Add(std::string_view key, Value value) {
    entries_.emplace_back(Value::String(std::string(key)), std::move(value));
    return *this;
  }
  Dict& Text(std::string_view key, std::string_view text) {
    return Add(key, Value::String(std::string(text), Origin::kUser));
  }
  Value Finish() { return Value::Of(std::make_shared<jinja::DictObject>(std::move(entries_))); }

 private:
  std::vector<jinja::DictObject::Entry> entries_;
};

Value List(std::vector<Value> items) {
  return Value::Of(jinja::Kind::kList, std::make_shared<jinja::ListObject>(std::move(items)));
}

// A member of a structure: as templates name it, and as its JSON does.
struct Member {
  const char* field;
  const char* key;
};
constexpr Member kTool[] = {{"Type", "type"}, {"Items", "items"}, {"Function", "function"}};
constexpr Member kFunction[] = {
    {"Name", "name"}, {"Description", "description"}, {"Parameters", "parameters"}};
constexpr Member kParameters[] = {{"Type", "type"},
                                  {"Defs", "$defs"},
                                  {"Items", "items"},
                                  {"Required", "required"},
                                  {"Properties", "properties"}};

// The object's known members as a structure whose JSON has them in their own order. `inner` makes
// the last member a structure too.
using MakeInner = std::pair<Value, Json> (*)(const Json&);
std::pair<Value, Json> Structure(const Json& object, std::span<const Member> members,
                                 MakeInner inner) {
  Dict dict;
  Json json = Json::object();
  for (const Member& member : members) {
    const auto found = object.find(member.key);
    if (found == object.end()) {
      dict.Add(member.field, Value::None());
      continue;
    }
    if (inner != nullptr && &member == &members.back() && found->is_object()) {
      auto [value, text] = inner(*found);
      dict.Add(member.field, std::move(value));
      json[member.key] = std::move(text);
    } else {
      dict.Add(member.field, jinja::FromJson(*found, Origin::kUser));
      json[member.key] = *found;
    }
  }
  dict.Add(kGoJsonKey, jinja::FromJson(json, Origin::kUser));
  return {dict.Finish(), std::move(json)};
}

Value ToolValue(const Json& tool) {
  return Structure(tool, kTool,
                   [](const Json& function) {
                     return Structure(function, kFunction, [](const Json& parameters) {
                       return Structure(parameters, kParameters, nullptr);
                     });
                   })
      .first;
}

Value CallValue(const ToolCall& call, size_t index) {
  const Json function = {{"index", index}, {"name", call.name}, {"arguments", call.arguments}};
  Dict inner;
  inner.Add("Index", Value::Of(static_cast<jinja::Int>(index))).Text("Name", call.name);
  inner.Add("Arguments", jinja::FromJson(call.arguments, Origin::kUser));
  inner.Add(kGoJsonKey, jinja::FromJson(function, Origin::kUser));
  Dict dict;
  dict.Text("ID", call.id).Add("Function", inner.Finish());
  dict.Add(kGoJsonKey, jinja::FromJson({{"id", call.id}, {"function", function}}, Origin::kUser));
  return dict.Finish();
}

Value MessageValue(const Message& message, size_t& images) {
  jinja::TextBuilder content(size_t{1} << 30);
  for (const ContentPart& part : message.content) {
    if (part.kind == ContentPart::Kind::kImage) {
      content.Append(core::StrCat("[img-", images++, "]"));
    } else {
      content.Append(part.text, Origin::kUser);
    }
  }
  std::vector<Value> calls;
  for (size_t i = 0; i < message.tool_calls.size(); ++i) {
    calls.push_back(CallValue(message.tool_calls[i], i));
  }
  Dict dict;
  dict.Text("Role", message.role);
  dict.Add("Content",
           Value::Of(std::make_shared<jinja::StringObject>(std::move(content).Finish())));
  dict.Text("Thinking", message.thinking);
  dict.Add("ToolCalls", List(std::move(calls)));
  dict.Text("ToolName", message.tool_name).Text("ToolCallID", message.tool_call_id);
  return dict.Finish();
}

// Turns of the same role in a row are one turn to these templates.
std::vector<Message> Joined(const std::vector<Message>& messages) {
  std::vector<Message> joined;
  for (const Message& message : messages) {
    const bool same = !joined.empty() && joined.back().role == message.role &&
                      message.role != "tool" && message.tool_calls.empty() &&
                      joined.back().tool_calls.empty();
    if (!same) {
      joined.push_back(message);
      continue;
    }
    auto& content = joined.back().content;
    content.push_back({ContentPart::Kind::kText, "\n\n"});
    content.insert(content.end(), message.content.begin(), message.content.end());
  }
  return joined;
}

void AddThinking(const ThinkSetting& think, Dict& data) {
  data.Add("Think", Value::Bool(think.on.value_or(false)));
  data.Add("ThinkLevel", Value::String(think.effort));
  data.Add("IsThinkSet", Value::Bool(think.on.has_value()));
}

}  // namespace

core::Result<GoChat> GoChat::Load(std::string_view source) {
  INGOT_ASSIGN(GoTemplate parsed, GoTemplate::Parse(source, "TEMPLATE"));
  return GoChat(std::move(parsed));
}

core::Result<jinja::Text> GoChat::Render(const ChatRequest& request) const {
  if (!template_.Mentions("Messages")) return RenderRounds(request);
  std::string system;
  std::vector<Value> messages;
  size_t images = 0;
  for (const Message& message : Joined(request.messages)) {
    if (message.role == "system") {
      if (!system.empty()) system += "\n\n";
      system += message.Text();
    }
    messages.push_back(MessageValue(message, images));
  }
  std::vector<Value> tools;
  if (request.HasTools()) {
    for (const Json& tool : request.tools) tools.push_back(ToolValue(tool));
  }
  Dict data;
  data.Text("System", system);
  data.Add("Messages", List(std::move(messages)));
  data.Add("Tools", List(std::move(tools)));
  data.Text("Prompt", "").Text("Response", "").Text("Suffix", "");
  AddThinking(request.think, data);
  GoRenderOptions options;
  options.wall_ns = request.wall_ns;
  return template_.Render(data.Finish(), options);
}

// Older templates know one question and one answer: they are rendered once a round, the last round
// up to where the answer goes.
core::Result<jinja::Text> GoChat::RenderRounds(const ChatRequest& request) const {
  struct Round {
    std::string system, prompt, response;
  };
  if (request.HasTools() && !shows_tools()) {
    return core::Unsupported("the model's TEMPLATE knows no tools");
  }
  jinja::TextBuilder out(size_t{256} << 20);
  Round round;
  auto render = [&](bool last) -> core::Status {
    Dict data;
    data.Text("System", round.system).Text("Prompt", round.prompt);
    data.Text("Response", round.response).Text("Suffix", "");
    AddThinking(request.think, data);
    GoRenderOptions options;
    options.wall_ns = request.wall_ns;
    options.cut_at_response = last;
    INGOT_ASSIGN(jinja::Text text, template_.Render(data.Finish(), options));
    out.Append(text);
    if (last) out.Append(round.response, Origin::kUser);
    // A template that does not mention the answer gets it behind.
    if (!last && !template_.Mentions("Response")) out.Append(round.response, Origin::kUser);
    round = Round();
    return {};
  };
  for (const Message& message : Joined(request.messages)) {
    if (message.HasImages()) {
      return core::Unsupported("the model's TEMPLATE knows no images");
    }
    if (message.role == "system") {
      if (!round.prompt.empty() || !round.response.empty()) INGOT_TRY(render(false));
      round.system = message.Text();
    } else if (message.role == "user") {
      if (!round.response.empty()) INGOT_TRY(render(false));
      round.prompt = message.Text();
    } else if (message.role == "assistant") {
      round.response = message.Text();
    } else {
      return core::Unsupported(core::StrCat("the model's TEMPLATE knows no turns of the role ",
                                            core::Quoted(message.role, 40)));
    }
  }
  INGOT_TRY(render(true));
  if (out.overflowed()) return core::Exhausted("the prompt is too long");
  return std::move(out).Finish();
}

}  // namespace ingot::text
