// How a model is talked to: what makes prompts of its conversations, and what takes its answers
// apart. Read from the small files of a model, without its weights.
//
// Immutable once loaded; any thread.
#ifndef INGOT_ENGINE_CHAT_FORMAT_H_
#define INGOT_ENGINE_CHAT_FORMAT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "engine/model_files.h"
#include "text/chat/chat_template.h"
#include "text/parse/output_parser.h"
#include "text/token/tokenizer.h"

namespace ingot::engine {

class ChatFormat {
 public:
  // A Modelfile's TEMPLATE comes first, then the checkpoint's own template, then the renderer that
  // the Modelfile or the model's family names.
  static core::Result<ChatFormat> Load(const ModelFiles& files);

  // Models that were never made for conversations have nothing of all that.
  bool can_chat() const { return template_.has_value() || !broken_.ok(); }
  // What makes the prompts: "checkpoint", "modelfile", "renderer qwen3.5"; "none".
  std::string_view source() const;
  const std::string& parser() const { return parser_; }
  // The SYSTEM of a Modelfile, for conversations that bring none of their own.
  const std::string& system() const { return system_; }
  bool turns_thinking() const { return template_ && template_->turns_thinking(); }
  bool shows_tools() const { return template_ && template_->shows_tools(); }

  // Puts the model's own system text in front of a conversation that has none.
  void AddSystem(text::ChatRequest& request) const;
  // A template that cannot be read is an error here, and not in Load: the model can still be given
  // text as it stands.
  core::Result<text::RenderedChat> Render(const text::ChatRequest& request) const;
  // For the answer to one such prompt.
  core::Result<std::unique_ptr<text::OutputParser>> NewParser(
      const text::ChatRequest& request, const text::RenderedChat& prompt) const;
  // What text from outside must not become, beside special tokens.
  std::vector<text::TokenId> GuardedTokens(const text::Tokenizer& tokenizer) const;

 private:
  ChatFormat() = default;

  std::string label_;
  std::optional<text::ChatTemplate> template_;
  core::Status broken_;  // why there is none although the model has one
  std::string parser_;
  std::string system_;
};

// The tokens of a prompt. What came from outside becomes no control token; the template has written
// whatever belongs in front.
core::Result<std::vector<text::TokenId>> EncodeChatPrompt(const text::Tokenizer& tokenizer,
                                                          const ChatFormat& format,
                                                          const text::RenderedChat& prompt);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_CHAT_FORMAT_H_
