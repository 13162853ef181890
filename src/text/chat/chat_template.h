// How a model's conversations become prompts: by the TEMPLATE of a Modelfile where a person wrote
// one, else by the checkpoint's own template, else by a renderer of ours for its family.
// Immutable after loading; any number of threads may render at once.
#ifndef INGOT_TEXT_CHAT_CHAT_TEMPLATE_H_
#define INGOT_TEXT_CHAT_CHAT_TEMPLATE_H_

#include <memory>
#include <string>
#include <string_view>

#include "core/status.h"
#include "text/chat/message.h"
#include "text/chat/rendered.h"

namespace ingot::text {

// The texts of a model's files; empty where it has none.
struct ChatSources {
  std::string_view modelfile_template;   // Go-style TEMPLATE
  std::string_view tokenizer_config;     // tokenizer_config.json
  std::string_view chat_template_jinja;  // chat_template.jinja
  std::string_view chat_template_json;   // chat_template.json
  std::string_view renderer;             // "qwen3.5"; empty or "none": none
  uint64_t parameters = 0;               // of the model; 0: not known
};

class ChatTemplate {
 public:
  static core::Result<ChatTemplate> Load(const ChatSources& sources);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  core::Result<RenderedChat> Render(const ChatRequest& request) const;

  // "modelfile", "checkpoint" or "renderer qwen3.5".
  const std::string& kind() const { return kind_; }
  // What the prompts can hold.
  bool shows_tools() const;
  bool turns_thinking() const;

 private:
  struct Impl;
  ChatTemplate();
  std::string kind_;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_CHAT_TEMPLATE_H_
