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
#include "engine/model_files.h"
#include "engine/model_tokenizer.h"
#include "model/language_model.h"
#include "ops/array.h"
#include "text/jinja/template.h"
#include "text/token/tokenizer.h"

namespace ingot::engine {

struct ChatOptions {
  std::optional<bool> thinking;  // absent: as the template does by itself
};

class LoadedModel {
 public:
  // type: what activations are computed in; absent: as the checkpoint was written.
  static core::Result<std::unique_ptr<LoadedModel>> Load(const ModelFiles& files,
                                                         std::optional<ops::mx::Dtype> type);

  const model::LanguageModel& language() const { return *language_; }
  // Without one, only token numbers can go in and come out.
  const text::Tokenizer* tokenizer() const { return text_.tokenizer(); }
  bool has_chat_template() const { return template_.has_value(); }
  const std::vector<int>& end_tokens() const { return end_tokens_; }

  // The tokens of a text as it stands.
  core::Result<std::vector<int>> EncodeRaw(std::string_view text) const;
  // The tokens of a conversation, ready for the answer. What the messages say never becomes a
  // control token.
  core::Result<std::vector<int>> EncodeChat(const core::Json& messages,
                                            const ChatOptions& options) const;

 private:
  LoadedModel() = default;
  core::Status LoadText(const ModelFiles& files);
  core::Status LoadTemplate(const ModelFiles& files, const core::Json& tokenizer_config);
  core::Status RequireTokenizer() const;

  std::string label_;
  std::unique_ptr<model::LanguageModel> language_;
  ModelTokenizer text_;
  std::optional<text::jinja::Template> template_;
  core::Json special_texts_ = core::Json::object();  // bos_token and the like, for the template
  std::vector<int> end_tokens_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_LOADED_MODEL_H_
