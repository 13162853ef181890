#include "engine/loaded_model.h"

#include <span>
#include <utility>

#include "core/clock.h"
#include "core/strings.h"
#include "models/load.h"

namespace ingot::engine {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;
namespace jinja = text::jinja;

Result<Json> ReadJson(const ModelFiles& files, std::string_view name) {
  INGOT_ASSIGN(const std::optional<std::string> text, files.Read(name));
  if (!text) return Json::object();
  Result<Json> json = core::ParseJson(*text);
  if (!json.ok()) {
    return std::move(json).status().Context(StrCat(files.label(), ": ", name));
  }
  if (!json->is_object()) {
    return core::Corrupt(StrCat(files.label(), ": ", name, ": expected an object"));
  }
  return json;
}

// "<s>", or {"content": "<s>", ...}.
std::optional<std::string> TokenContent(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return std::nullopt;
  const auto content = value.find("content");
  if (content == value.end() || !content->is_string()) return std::nullopt;
  return content->get<std::string>();
}

// A template may be a text, or a list of named ones of which "default" is for chat.
std::optional<std::string> TemplateText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return std::nullopt;
  for (const Json& entry : value) {
    if (!entry.is_object() || entry.value("name", "") != "default") continue;
    const auto text = entry.find("template");
    if (text != entry.end() && text->is_string()) return text->get<std::string>();
  }
  return std::nullopt;
}

std::vector<int> ToInts(const std::vector<text::TokenId>& ids) {
  return std::vector<int>(ids.begin(), ids.end());
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> LoadedModel::Load(const ModelFiles& files,
                                                       std::optional<ops::mx::Dtype> type) {
  std::unique_ptr<LoadedModel> loaded(new LoadedModel());
  loaded->label_ = files.label();
  INGOT_ASSIGN(const std::string config_text, files.Require("config.json"));
  Result<Json> config = core::ParseJson(config_text);
  if (!config.ok()) {
    return std::move(config).status().Context(StrCat(files.label(), ": config.json"));
  }
  INGOT_ASSIGN(const model::StoredTensors tensors, files.Tensors());
  auto language = models::LoadTensors(*config, tensors, type);
  if (!language.ok()) return std::move(language).status().Context(files.label());
  loaded->language_ = *std::move(language);

  INGOT_TRY(loaded->LoadText(files));
  return loaded;
}

Status LoadedModel::LoadText(const ModelFiles& files) {
  INGOT_ASSIGN(text_, ModelTokenizer::Load(files));
  for (const text::TokenId id : text_.control().eos) {
    // Configs name tokens that a smaller vocabulary does not have.
    if (id < static_cast<uint64_t>(language_->shape().vocabulary)) {
      end_tokens_.push_back(static_cast<int>(id));
    }
  }
  if (tokenizer() == nullptr) return Status::Ok();
  INGOT_ASSIGN(const Json config, ReadJson(files, "tokenizer_config.json"));
  for (const char* key : {"bos_token", "eos_token", "pad_token", "unk_token"}) {
    const auto found = config.find(key);
    if (found == config.end()) continue;
    if (const auto content = TokenContent(*found)) special_texts_[key] = *content;
  }
  return LoadTemplate(files, config);
}

Status LoadedModel::LoadTemplate(const ModelFiles& files, const Json& tokenizer_config) {
  INGOT_ASSIGN(std::optional<std::string> source, files.Read("chat_template.jinja"));
  std::string name = "chat_template.jinja";
  if (!source) {
    const auto found = tokenizer_config.find("chat_template");
    if (found != tokenizer_config.end()) source = TemplateText(*found);
    name = "tokenizer_config.json's chat_template";
  }
  if (!source) return Status::Ok();
  Result<jinja::Template> parsed = jinja::Template::Parse(*source, name);
  if (!parsed.ok()) return std::move(parsed).status().Context(files.label());
  template_ = *std::move(parsed);
  return Status::Ok();
}

Status LoadedModel::RequireTokenizer() const {
  if (tokenizer() != nullptr) return Status::Ok();
  return core::NotFound(StrCat(label_, ": has no tokenizer.json, so it understands no text"))
      .WithHint("Give token numbers with --tokens.");
}

Result<std::vector<int>> LoadedModel::EncodeRaw(std::string_view text) const {
  INGOT_TRY(RequireTokenizer());
  const text::TextSegment segment{text};
  INGOT_ASSIGN(const std::vector<text::TokenId> ids,
               text::EncodePrompt(*tokenizer(), text_.control(), {&segment, 1}));
  return ToInts(ids);
}

Result<std::vector<int>> LoadedModel::EncodeChat(const Json& messages,
                                                 const ChatOptions& options) const {
  INGOT_TRY(RequireTokenizer());
  if (!template_) {
    return core::NotFound(StrCat(label_, ": has no chat template"))
        .WithHint("Use --raw to give it the text as it stands.");
  }
  jinja::Context context;
  context.emplace_back("messages", jinja::FromJson(messages, jinja::Origin::kUser));
  context.emplace_back("add_generation_prompt",
                       jinja::FromJson(Json(true), jinja::Origin::kTemplate));
  for (const auto& [key, value] : special_texts_.items()) {
    context.emplace_back(key, jinja::FromJson(value, jinja::Origin::kTemplate));
  }
  if (options.thinking) {
    context.emplace_back("enable_thinking",
                         jinja::FromJson(Json(*options.thinking), jinja::Origin::kTemplate));
  }
  jinja::RenderOptions render;
  render.wall_ns = core::Clock::System().WallNs();
  INGOT_ASSIGN(const jinja::Text rendered, template_->Render(context, render));
  std::vector<text::TextSegment> segments;
  size_t at = 0;
  for (const jinja::ByteRange& range : rendered.user()) {
    segments.push_back({rendered.view().substr(at, range.begin - at), true});
    segments.push_back({rendered.view().substr(range.begin, range.end - range.begin), false});
    at = range.end;
  }
  segments.push_back({rendered.view().substr(at), true});
  // The template has written whatever belongs in front: nothing is added twice.
  text::EncodeOptions encode;
  encode.add_special = false;
  INGOT_ASSIGN(const std::vector<text::TokenId> ids, tokenizer()->EncodeSegments(segments, encode));
  return ToInts(ids);
}

}  // namespace ingot::engine
