// Collects a prompt for the native renderers: control text and what came from outside apart. One
// rendering, one thread.
#ifndef INGOT_TEXT_CHAT_PROMPT_WRITER_H_
#define INGOT_TEXT_CHAT_PROMPT_WRITER_H_

#include <string_view>

#include "core/json.h"
#include "core/status.h"
#include "text/chat/message.h"
#include "text/jinja/text.h"

namespace ingot::text {

class PromptWriter {
 public:
  PromptWriter();

  // The renderer's own text, in which control tokens count.
  PromptWriter& Raw(std::string_view text);
  // Text of the user, a tool or the model.
  PromptWriter& User(std::string_view text);
  // JSON from outside, as Python's json.dumps writes it: ", " and ": ", no escapes beyond need.
  PromptWriter& Json(const core::Json& json);
  // A value as Python's str() writes it: True, None, 1.0; strings as they are.
  PromptWriter& Plain(const core::Json& json);
  // Strings as they are, everything else as JSON.
  PromptWriter& TextOrJson(const core::Json& json);
  // A message's parts: text as it is, each picture as `image`.
  PromptWriter& Content(const Message& message, std::string_view image);

  // kExhausted where the prompt is beyond all measure.
  core::Result<jinja::Text> Finish() &&;

 private:
  jinja::TextBuilder out_;
  core::Status status_;
};

// White space off both ends, as Python's strip() does.
std::string_view Strip(std::string_view text);
std::string_view StripStart(std::string_view text);
std::string_view StripEnd(std::string_view text);
// A message's parts with the white space at both ends of the whole taken off: Python's trim of the
// content that a template would have put together.
Message StripContent(Message message);

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_PROMPT_WRITER_H_
