#include "text/chat/chat_template.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/json.h"
#include "core/strings.h"
#include "text/chat/go_chat.h"
#include "text/chat/jinja_chat.h"
#include "text/chat/native.h"

namespace ingot::text {
namespace {

using core::Json;

constexpr uint64_t kLargeModel = 12'000'000'000;

// Special tokens that templates may name, as tokenizer_config.json gives them: text, or an object
// with its content.
SpecialTokens TokensOf(const Json& config) {
  static constexpr std::array<const char*, 7> kNames = {
      "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
  SpecialTokens tokens;
  for (const char* name : kNames) {
    const auto found = config.find(name);
    if (found == config.end()) continue;
    if (found->is_string()) tokens.emplace_back(name, found->get<std::string>());
    if (found->is_object() && found->contains("content") && (*found)["content"].is_string()) {
      tokens.emplace_back(name, (*found)["content"].get<std::string>());
    }
  }
  return tokens;
}

core::Result<Json> ParseObject(std::string_view text, std::string_view name) {
  if (text.empty()) return Json::object();
  INGOT_ASSIGN(Json json, core::ParseJson(text).Context(name));
  if (!json.is_object()) {
    return core::Corrupt(core::StrCat(name, ": expected an object, found ", json.type_name()));
  }
  return json;
}

struct NamedTemplate {
  std::string name;
  std::string source;
};

// "chat_template" of a JSON file: one text, or a list of named ones.
core::Result<std::vector<NamedTemplate>> TemplatesIn(const Json& config, std::string_view file) {
  std::vector<NamedTemplate> templates;
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return templates;
  const auto wrong = [&](std::string_view what) {
    return core::Corrupt(core::StrCat(file, ": chat_template: ", what));
  };
  if (found->is_string()) {
    if (!found->get_ref<const std::string&>().empty()) {
      templates.push_back({"default", found->get<std::string>()});
    }
    return templates;
  }
  if (!found->is_array()) return wrong("expected text or a list of named templates");
  for (const Json& entry : *found) {
    const bool named = entry.is_object() && entry.contains("name") && entry["name"].is_string() &&
                       entry.contains("template") && entry["template"].is_string();
    if (!named) return wrong("an entry without name and template");
    templates.push_back({entry["name"].get<std::string>(), entry["template"].get<std::string>()});
  }
  return templates;
}

bool TrivialTemplate(std::string_view text) {
  std::string plain;
  for (char c : text) {
    if (c != ' ' && c != '\n' && c != '-') plain.push_back(c);
  }
  return plain.empty() || plain == "{{.Prompt}}";
}

}  // namespace

struct ChatTemplate::Impl {
  std::optional<GoChat> go;
  std::optional<JinjaChat> main;
  std::optional<JinjaChat> with_tools;  // where the checkpoint has a template of its own for them
  const NativeRenderer* native = nullptr;
  std::string bos;
  bool large = true;
};

ChatTemplate::ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

core::Result<ChatTemplate> ChatTemplate::Load(const ChatSources& sources) {
  auto impl = std::make_unique<Impl>();
  ChatTemplate made;
  INGOT_ASSIGN(const Json config, ParseObject(sources.tokenizer_config, "tokenizer_config.json"));
  const SpecialTokens tokens = TokensOf(config);
  for (const auto& [name, token] : tokens) {
    if (name == "bos_token") impl->bos = token;
  }
  impl->large = sources.parameters == 0 || sources.parameters >= kLargeModel;
  if (!TrivialTemplate(sources.modelfile_template)) {
    INGOT_ASSIGN(impl->go, GoChat::Load(sources.modelfile_template));
    made.kind_ = "modelfile";
    made.impl_ = std::move(impl);
    return made;
  }
  std::vector<NamedTemplate> templates;
  std::string_view file = "chat_template.jinja";
  if (!sources.chat_template_jinja.empty()) {
    templates.push_back({"default", std::string(sources.chat_template_jinja)});
  } else {
    file = "tokenizer_config.json";
    INGOT_ASSIGN(templates, TemplatesIn(config, file));
  }
  if (templates.empty()) {
    file = "chat_template.json";
    INGOT_ASSIGN(const Json json, ParseObject(sources.chat_template_json, file));
    INGOT_ASSIGN(templates, TemplatesIn(json, file));
  }
  if (!templates.empty()) {
    for (const NamedTemplate& entry : templates) {
      if (entry.name != "default" && entry.name != "tool_use") continue;
      INGOT_ASSIGN(JinjaChat chat, JinjaChat::Load(entry.source, file, tokens));
      (entry.name == "default" ? impl->main : impl->with_tools) = std::move(chat);
    }
    if (!impl->main.has_value()) {
      std::vector<std::string> names;
      for (const NamedTemplate& entry : templates) names.push_back(entry.name);
      return core::Unsupported(core::StrCat(file, ": among the chat templates ",
                                            core::Join(names, ", "), " none is the default"));
    }
    made.kind_ = "checkpoint";
    made.impl_ = std::move(impl);
    return made;
  }
  const bool none = sources.renderer.empty() || sources.renderer == "none";
  const std::string_view name = none ? "generic" : sources.renderer;
  impl->native = FindNativeRenderer(name);
  if (impl->native == nullptr) {
    return core::Unsupported(core::StrCat("no renderer ", core::Quoted(name, 60),
                                          ", and the model carries no chat template"));
  }
  made.kind_ = core::StrCat("renderer ", name);
  made.impl_ = std::move(impl);
  return made;
}

bool ChatTemplate::shows_tools() const {
  if (impl_->go) return impl_->go->shows_tools();
  if (impl_->main) {
    return impl_->main->shows_tools() || impl_->with_tools.has_value();
  }
  return impl_->native->name != "generic";
}

bool ChatTemplate::turns_thinking() const {
  if (impl_->go) return impl_->go->turns_thinking();
  if (impl_->main) return impl_->main->turns_thinking();
  return impl_->native->name != "generic" && !impl_->native->name.starts_with("qwen3-") &&
         impl_->native->name != "qwen3";
}

core::Result<RenderedChat> ChatTemplate::Render(const ChatRequest& request) const {
  RenderedChat rendered;
  for (const Message& message : request.messages) {
    rendered.images += static_cast<size_t>(std::count_if(
        message.content.begin(), message.content.end(),
        [](const ContentPart& part) { return part.kind == ContentPart::Kind::kImage; }));
  }
  if (impl_->native && !impl_->native->images && rendered.images > 0) {
    return core::Unsupported(
        core::StrCat("the renderer ", impl_->native->name, " has no place for images"));
  }
  if (impl_->go) {
    INGOT_ASSIGN(rendered.prompt, impl_->go->Render(request));
  } else if (impl_->main) {
    const bool tools = request.HasTools() && impl_->with_tools.has_value();
    const JinjaChat& chat = tools ? *impl_->with_tools : *impl_->main;
    INGOT_ASSIGN(rendered.prompt, chat.Render(request));
  } else {
    PromptWriter out;
    const NativeOptions options{.bos = impl_->bos, .large = impl_->large};
    INGOT_TRY(impl_->native->render(request, options, out));
    INGOT_ASSIGN(rendered.prompt, std::move(out).Finish());
  }
  rendered.in_thinking = EndsInThinking(rendered.text());
  return rendered;
}

}  // namespace ingot::text
