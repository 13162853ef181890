// A model ready to be talked to: its weights, its tokenizer, its chat template, and the tokens that
// end an answer.
//
// Immutable once loaded. Text functions may be called by any thread, the language model by the one
// that builds graphs.
#ifndef INGOT_ENGINE_LOADED_MODEL_H_
#define INGOT_ENGINE_LOADED_MODEL_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "engine/answer_constraint.h"
#include "engine/chat_format.h"
#include "engine/model_files.h"
#include "engine/model_tokenizer.h"
#include "model/language_model.h"
#include "ops/array.h"
#include "ops/gpu/memory.h"
#include "text/token/tokenizer.h"

namespace ingot::engine {

struct ChatOptions {
  std::optional<bool> thinking;  // absent: as the template does by itself
};

// A conversation as the model reads it, and what will take its answer apart.
struct ChatPrompt {
  std::vector<int> tokens;
  std::unique_ptr<text::OutputParser> parser;
};

class LoadedModel {
 public:
  // type: what activations are computed in; absent: as the checkpoint was written. cache: what keys
  // and values are kept in, as models/load.h says.
  static core::Result<std::unique_ptr<LoadedModel>> Load(const ModelFiles& files,
                                                         std::optional<ops::mx::Dtype> type,
                                                         std::optional<ops::mx::Dtype> cache = {});

  const model::LanguageModel& language() const { return *language_; }
  // Without one, only token numbers can go in and come out.
  const text::Tokenizer* tokenizer() const { return text_.tokenizer(); }
  const ChatFormat& chat() const { return *chat_; }
  bool has_chat_template() const { return chat_->can_chat(); }
  const std::vector<int>& end_tokens() const { return end_tokens_; }
  // Those that its makers want never said.
  const std::vector<int>& suppressed_tokens() const { return suppressed_tokens_; }

  // What answers can be held to: any thread.
  const AnswerConstraints& constraints() const { return *constraints_; }

  // The tokens of a text as it stands.
  core::Result<std::vector<int>> EncodeRaw(std::string_view text) const;
  // A conversation, ready for the answer. What it says never becomes a control token. The model's
  // own system text goes in front where the conversation has none.
  core::Result<ChatPrompt> PrepareChat(text::ChatRequest request) const;
  // The tokens of that alone, from messages as the HTTP interfaces write them.
  core::Result<std::vector<int>> EncodeChat(const core::Json& messages,
                                            const ChatOptions& options) const;

 private:
  LoadedModel() = default;
  core::Status LoadText(const ModelFiles& files);
  core::Status RequireTokenizer() const;

  std::string label_;
  ops::gpu::HeldMemory memory_;  // outlives the arrays below
  std::unique_ptr<model::LanguageModel> language_;
  ModelTokenizer text_;
  std::optional<ChatFormat> chat_;                  // always there once loaded,
  std::unique_ptr<AnswerConstraints> constraints_;  // and so are these
  std::vector<int> end_tokens_;
  std::vector<int> suppressed_tokens_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_LOADED_MODEL_H_
