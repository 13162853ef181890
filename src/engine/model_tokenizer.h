// The tokenizer of a model, and what the files beside it say of the tokens that begin and end
// texts. Immutable once loaded: any thread.
#ifndef INGOT_ENGINE_MODEL_TOKENIZER_H_
#define INGOT_ENGINE_MODEL_TOKENIZER_H_

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "engine/model_files.h"
#include "text/token/control_tokens.h"
#include "text/token/tokenizer.h"

namespace ingot::engine {

class ModelTokenizer {
 public:
  // Models without a tokenizer.json have control tokens all the same: as numbers.
  static core::Result<ModelTokenizer> Load(const ModelFiles& files);

  // Null when the model has none.
  const text::Tokenizer* tokenizer() const { return tokenizer_.get(); }
  const text::ControlTokens& control() const { return control_; }

 private:
  std::unique_ptr<text::Tokenizer> tokenizer_;
  text::ControlTokens control_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_MODEL_TOKENIZER_H_
