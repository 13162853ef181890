// Renders conversations through a checkpoint's own template. When it is loaded, the template is
// tried on small conversations, to learn what it makes of system turns, tools and lists of parts.
// Immutable after that; any number of threads may render at once.
#ifndef INGOT_TEXT_CHAT_JINJA_CHAT_H_
#define INGOT_TEXT_CHAT_JINJA_CHAT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "text/chat/message.h"
#include "text/jinja/template.h"

namespace ingot::text {

// Names that templates use for special tokens: {"bos_token", "<s>"}, …
using SpecialTokens = std::vector<std::pair<std::string, std::string>>;

class JinjaChat {
 public:
  // name stands in error messages.
  static core::Result<JinjaChat> Load(std::string_view source, std::string_view name,
                                      SpecialTokens tokens);

  core::Result<jinja::Text> Render(const ChatRequest& request) const;

  // What the template was seen to do.
  bool shows_tools() const { return shows_tools_; }
  bool shows_system() const { return shows_system_; }
  bool shows_images() const { return shows_images_; }
  bool wants_parts() const { return wants_parts_; }        // content must be a list
  bool turns_thinking() const { return turns_thinking_; }  // reacts to enable_thinking
  const jinja::Template& source() const { return template_; }

 private:
  JinjaChat(jinja::Template parsed, SpecialTokens tokens)
      : template_(std::move(parsed)), tokens_(std::move(tokens)) {}

  void Probe();
  core::Result<jinja::Text> RenderOnce(const ChatRequest& request) const;
  jinja::Context ContextOf(const ChatRequest& request) const;
  jinja::Value MessageValue(const Message& message, bool last_open) const;
  void SetThinking(const ThinkSetting& think, jinja::Context& context) const;

  jinja::Template template_;
  SpecialTokens tokens_;
  bool shows_tools_ = false;
  bool shows_system_ = true;
  bool shows_images_ = false;
  bool wants_parts_ = false;
  bool turns_thinking_ = false;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_JINJA_CHAT_H_
