#include "text/chat/prompt_writer.h"

#include "text/jinja/print.h"
#include "text/jinja/template.h"
#include "text/jinja/unicode.h"

namespace ingot::text {
namespace {

// Beyond any context that a model reads.
constexpr size_t kMaxPrompt = size_t{256} << 20;

}  // namespace

PromptWriter::PromptWriter() : out_(kMaxPrompt) {}

PromptWriter& PromptWriter::Raw(std::string_view text) {
  out_.Append(text, jinja::Origin::kTemplate);
  return *this;
}

PromptWriter& PromptWriter::User(std::string_view text) {
  out_.Append(text, jinja::Origin::kUser);
  return *this;
}

PromptWriter& PromptWriter::Json(const core::Json& json) {
  jinja::Heap heap({.max_steps = uint64_t{1} << 40});
  jinja::JsonStyle style;
  style.item_separator = jinja::Value::String(", ");
  style.key_separator = jinja::Value::String(": ");
  core::Status status =
      jinja::AppendJson(heap, out_, jinja::FromJson(json, jinja::Origin::kUser), style);
  if (status_.ok()) status_ = std::move(status);
  return *this;
}

PromptWriter& PromptWriter::Plain(const core::Json& json) {
  jinja::Heap heap({.max_steps = uint64_t{1} << 40});
  core::Status status = jinja::AppendStr(heap, out_, jinja::FromJson(json, jinja::Origin::kUser));
  if (status_.ok()) status_ = std::move(status);
  return *this;
}

PromptWriter& PromptWriter::TextOrJson(const core::Json& json) {
  return json.is_string() ? User(json.get_ref<const std::string&>()) : Json(json);
}

PromptWriter& PromptWriter::Content(const Message& message, std::string_view image) {
  for (const ContentPart& part : message.content) {
    if (part.kind == ContentPart::Kind::kImage) {
      Raw(image);
    } else {
      User(part.text);
    }
  }
  return *this;
}

core::Result<jinja::Text> PromptWriter::Finish() && {
  INGOT_TRY(std::move(status_));
  if (out_.overflowed()) return core::Exhausted("the prompt is too long");
  return std::move(out_).Finish();
}

std::string_view StripEnd(std::string_view text) {
  while (!text.empty()) {
    const size_t last = jinja::PreviousChar(text, text.size());
    if (!jinja::IsSpace(jinja::DecodeUtf8(text, last).code)) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string_view StripStart(std::string_view text) {
  while (!text.empty()) {
    const jinja::Utf8Char first = jinja::DecodeUtf8(text, 0);
    if (!jinja::IsSpace(first.code)) break;
    text.remove_prefix(first.size);
  }
  return text;
}

std::string_view Strip(std::string_view text) { return StripStart(StripEnd(text)); }

Message StripContent(Message message) {
  auto& parts = message.content;
  auto text = [](const ContentPart& part) { return part.kind == ContentPart::Kind::kText; };
  while (!parts.empty() && text(parts.front())) {
    parts.front().text = std::string(StripStart(parts.front().text));
    if (!parts.front().text.empty()) break;
    parts.erase(parts.begin());
  }
  while (!parts.empty() && text(parts.back())) {
    parts.back().text = std::string(StripEnd(parts.back().text));
    if (!parts.back().text.empty()) break;
    parts.pop_back();
  }
  return message;
}

}  // namespace ingot::text
