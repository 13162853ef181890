#include "engine/chat_format.h"

#include <utility>

#include "core/log.h"
#include "core/python_json.h"
#include "core/strings.h"
#include "family/chat.h"

namespace ingot::engine {
namespace {

using core::Json;
using core::Result;
using core::StrCat;

Result<Json> ParseObject(const ModelFiles& files, std::string_view name, const std::string& text) {
  if (text.empty()) return Json::object();
  INGOT_ASSIGN(Json json, core::ParsePythonJson(text).Context(StrCat(files.label(), ": ", name)));
  if (json.is_object()) return json;
  return core::Corrupt(StrCat(files.label(), ": ", name, ": expected an object"));
}

// The template that stands in a JSON file, or empty where it is none or a list.
std::string TemplateIn(const Json& config) {
  const auto found = config.find("chat_template");
  return found != config.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A parser by the name that the model says, else by what its template teaches the model to write.
std::string ChooseParser(const ModelFiles& files, const std::string& named,
                         std::string_view template_text) {
  if (!named.empty() && named != "none" && text::HasOutputParser(named)) return named;
  std::string inferred(text::InferOutputParser(template_text));
  if (inferred.empty()) inferred = "generic";
  if (!named.empty() && named != "none") {
    core::LogWarning(StrCat(files.label(), ": no output parser ", core::Quoted(named, 60),
                            "; its answers are read by ", inferred));
  }
  return inferred;
}

}  // namespace

Result<ChatFormat> ChatFormat::Load(const ModelFiles& files) {
  const auto read = [&](std::string_view name) -> Result<std::string> {
    INGOT_ASSIGN(std::optional<std::string> text, files.Read(name));
    return std::move(text).value_or("");
  };
  INGOT_ASSIGN(const std::string config_text, read("config.json"));
  INGOT_ASSIGN(const std::string tokenizer_config, read("tokenizer_config.json"));
  INGOT_ASSIGN(const std::string template_file, read("chat_template.jinja"));
  INGOT_ASSIGN(const std::string template_json, read("chat_template.json"));
  INGOT_ASSIGN(const Json config, ParseObject(files, "config.json", config_text));
  INGOT_ASSIGN(const Json tokens, ParseObject(files, "tokenizer_config.json", tokenizer_config));
  INGOT_ASSIGN(const ModelChoices choices, files.Choices());

  const std::string tokens_template = TemplateIn(tokens);
  const family::ChatSupport support = family::DetectChatSupport(
      config, {.tokenizer_config = tokens_template, .file = template_file}, choices.renderer,
      choices.parser);

  ChatFormat format;
  format.label_ = files.label();
  format.system_ = choices.system;
  text::ChatSources sources;
  sources.modelfile_template = choices.chat_template;
  sources.tokenizer_config = tokenizer_config;
  sources.chat_template_jinja = template_file;
  sources.chat_template_json = template_json;
  sources.renderer = support.renderer;
  Result<text::ChatTemplate> chat = text::ChatTemplate::Load(sources);
  if (!chat.ok()) {
    format.broken_ = std::move(chat).status().Context(files.label());
  } else if (chat->kind() != "renderer generic" || choices.renderer == "generic") {
    format.template_ = *std::move(chat);
  }  // else nobody says how to talk to it: it was not made for that

  const std::string& taught = !template_file.empty() ? template_file : tokens_template;
  format.parser_ = ChooseParser(files, support.parser, taught);
  return format;
}

std::string_view ChatFormat::source() const {
  return template_ ? std::string_view(template_->kind()) : "none";
}

void ChatFormat::AddSystem(text::ChatRequest& request) const {
  const bool has_one = !request.messages.empty() && request.messages[0].role == "system";
  if (has_one || system_.empty()) return;
  text::Message system;
  system.role = "system";
  system.content.push_back({text::ContentPart::Kind::kText, system_});
  request.messages.insert(request.messages.begin(), std::move(system));
}

Result<text::RenderedChat> ChatFormat::Render(const text::ChatRequest& request) const {
  if (!broken_.ok()) return broken_;
  if (!template_) {
    return core::NotFound(StrCat(label_, ": has no chat template"))
        .WithHint("Use --raw to give it the text as it stands.");
  }
  Result<text::RenderedChat> prompt = template_->Render(request);
  if (!prompt.ok()) return std::move(prompt).status().Context(label_);
  return prompt;
}

Result<std::unique_ptr<text::OutputParser>> ChatFormat::NewParser(
    const text::ChatRequest& request, const text::RenderedChat& prompt) const {
  return text::MakeOutputParser(parser_,
                                {.tools = request.tools, .in_thinking = prompt.in_thinking});
}

std::vector<text::TokenId> ChatFormat::GuardedTokens(const text::Tokenizer& tokenizer) const {
  std::vector<text::TokenId> guarded;
  for (const std::string_view tag : text::ParserTags(parser_)) {
    if (const auto id = tokenizer.TokenOf(tag)) guarded.push_back(*id);
  }
  return guarded;
}

Result<std::vector<text::TokenId>> EncodeChatPrompt(const text::Tokenizer& tokenizer,
                                                    const ChatFormat& format,
                                                    const text::RenderedChat& prompt) {
  // Every way to a model leads through here, and none of them has anything to put into the places.
  if (prompt.images > 0) return core::Unsupported("images are not supported");
  const std::vector<text::TokenId> guarded = format.GuardedTokens(tokenizer);
  text::EncodeOptions options;
  options.add_special = false;
  options.also_guarded = guarded;
  return tokenizer.EncodeSegments(prompt.Segments(), options);
}

}  // namespace ingot::engine
