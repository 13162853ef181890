// Renders conversations through the Go-style TEMPLATE of a Modelfile. Immutable; any thread.
#ifndef INGOT_TEXT_CHAT_GO_CHAT_H_
#define INGOT_TEXT_CHAT_GO_CHAT_H_

#include <string_view>

#include "core/status.h"
#include "text/chat/message.h"
#include "text/gotemplate/go_template.h"

namespace ingot::text {

class GoChat {
 public:
  static core::Result<GoChat> Load(std::string_view source);

  core::Result<jinja::Text> Render(const ChatRequest& request) const;
  bool shows_tools() const { return template_.Mentions("Tools"); }
  bool turns_thinking() const { return template_.Mentions("Think"); }

 private:
  explicit GoChat(GoTemplate parsed) : template_(std::move(parsed)) {}
  core::Result<jinja::Text> RenderRounds(const ChatRequest& request) const;

  GoTemplate template_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_GO_CHAT_H_
