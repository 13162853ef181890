// Texts to vectors: a text encoder, or a language model whose hidden rows serve as well, with the
// tokenizer and the pooling that its files declare.
//
// Used by the one thread that builds graphs.
#ifndef INGOT_ENGINE_EMBEDDER_H_
#define INGOT_ENGINE_EMBEDDER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "engine/model_files.h"
#include "engine/model_tokenizer.h"
#include "engine/sentence_config.h"
#include "model/language_model.h"
#include "model/text_encoder.h"
#include "ops/array.h"
#include "ops/gpu/memory.h"

namespace ingot::engine {

struct EmbedOptions {
  std::optional<std::string> prompt;  // by name; absent: the model's default, "": none
  size_t dimensions = 0;              // the first so many, normalised again; 0: all
  std::optional<bool> normalise;      // absent: as the model declares
  bool truncate = true;               // false: a text longer than the model can read is an error
};

struct Embedding {
  std::vector<float> values;
  size_t tokens = 0;
  bool truncated = false;  // the text was longer than the model can read
};

class Embedder {
 public:
  static core::Result<std::unique_ptr<Embedder>> Load(const ModelFiles& files,
                                                      std::optional<ops::mx::Dtype> type);

  const SentenceConfig& config() const { return config_; }
  size_t width() const;      // of a whole vector
  size_t row_width() const;  // of a token's row
  // Whether the model has as many dimensions as are asked for.
  core::Status Check(const EmbedOptions& options) const;
  core::Result<Embedding> Embed(std::string_view text, const EmbedOptions& options) const;
  // The same from token numbers as they stand: nothing is put around them, and no prompt.
  core::Result<Embedding> EmbedTokens(const std::vector<int>& tokens,
                                      const EmbedOptions& options) const;
  // The tokens of a text, with its prompt, as Embed reads them.
  struct Encoded {
    std::vector<int> tokens;
    bool truncated = false;
  };
  core::Result<Encoded> Encode(std::string_view text, const EmbedOptions& options) const;
  // What the model makes of the tokens before it is pooled: [tokens · row_width()].
  core::Result<std::vector<float>> HiddenRows(const std::vector<int>& tokens) const;

 private:
  Embedder() = default;
  const model::ModelShape& shape() const;
  core::Result<std::string_view> PromptOf(const EmbedOptions& options) const;
  ops::Array Rows(const ops::Array& tokens) const;

  std::string label_;
  SentenceConfig config_;
  ModelTokenizer text_;
  ops::gpu::HeldMemory memory_;  // outlives the arrays below
  // One of the two.
  std::unique_ptr<model::TextEncoder> encoder_;
  std::unique_ptr<model::LanguageModel> language_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_EMBEDDER_H_
