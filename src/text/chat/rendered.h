// What renderers give: one text, and which bytes of it came from outside, so that the tokenizer
// reads no control token out of them. Plain values; any thread.
#ifndef INGOT_TEXT_CHAT_RENDERED_H_
#define INGOT_TEXT_CHAT_RENDERED_H_

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/text.h"
#include "text/token/tokenizer.h"

namespace ingot::text {

struct RenderedChat {
  jinja::Text prompt;
  size_t images = 0;         // placeholders in it, in the order of the messages' pictures
  bool in_thinking = false;  // the prompt ends where the model is thinking already

  std::string_view text() const { return prompt.view(); }
  // For Tokenizer::EncodeSegments; the views live as long as this object.
  std::vector<TextSegment> Segments() const;
};

// Whether a prompt ends with a tag that opens thinking.
bool EndsInThinking(std::string_view prompt);

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_RENDERED_H_
