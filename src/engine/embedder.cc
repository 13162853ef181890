#include "engine/embedder.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/json.h"
#include "core/strings.h"
#include "models/load.h"
#include "models/registry.h"

namespace ingot::engine {

namespace mx = ops::mx;
using core::Result;
using core::StrCat;

Result<std::unique_ptr<Embedder>> Embedder::Load(const ModelFiles& files,
                                                 std::optional<mx::Dtype> type) {
  std::unique_ptr<Embedder> embedder(new Embedder());
  embedder->label_ = files.label();
  INGOT_ASSIGN(const core::Json config, files.Config());
  INGOT_ASSIGN(embedder->config_, SentenceConfig::Read(files));
  INGOT_ASSIGN(embedder->text_, ModelTokenizer::Load(files));
  INGOT_ASSIGN(const model::StoredTensors tensors, files.Tensors());
  if (models::IsTextEncoder(config)) {
    INGOT_ASSIGN(embedder->encoder_, models::LoadEncoderTensors(config, tensors, type));
  } else {
    INGOT_ASSIGN(embedder->language_, models::LoadTensors(config, tensors, type));
  }
  embedder->memory_.Hold();
  return embedder;
}

const model::ModelShape& Embedder::shape() const {
  return encoder_ ? encoder_->shape() : language_->shape();
}

size_t Embedder::row_width() const { return static_cast<size_t>(shape().hidden); }

size_t Embedder::width() const { return row_width() * config_.pooling.size(); }

Result<std::string_view> Embedder::PromptOf(const EmbedOptions& options) const {
  const std::string& name = options.prompt ? *options.prompt : config_.default_prompt;
  if (name.empty()) return std::string_view();
  const auto found = config_.prompts.find(name);
  if (found != config_.prompts.end()) return std::string_view(found->second);
  std::vector<std::string> names;
  for (const auto& [known, prompt] : config_.prompts) names.push_back(core::Quoted(known, 40));
  return core::InvalidArgument(StrCat(label_, ": has no prompt ", core::Quoted(name, 40)))
      .WithHint(names.empty() ? "It has none at all."
                              : StrCat("It has ", core::Join(names, ", "), "."));
}

ops::Array Embedder::Rows(const ops::Array& tokens) const {
  if (encoder_) return encoder_->Forward(tokens);
  model::SequenceState state = language_->NewState();
  return language_->Forward(tokens, state);
}

core::Status Embedder::Check(const EmbedOptions& options) const {
  if (options.dimensions <= width()) return core::Status::Ok();
  return core::InvalidArgument(
      StrCat("dimensions: ", label_, " has ", width(), ", not ", options.dimensions));
}

Result<Embedder::Encoded> Embedder::Encode(std::string_view text,
                                           const EmbedOptions& options) const {
  if (text_.tokenizer() == nullptr) {
    return core::NotFound(StrCat(label_, ": has no tokenizer.json, so it understands no text"))
        .WithHint("Give token numbers with --tokens.");
  }
  INGOT_ASSIGN(const std::string_view prompt, PromptOf(options));
  const auto context = static_cast<size_t>(shape().context);
  const size_t limit = config_.max_tokens == 0 ? context : std::min(context, config_.max_tokens);
  // One more than can be read tells that there was more.
  const text::TextSegment segments[] = {{prompt, true}, {text, false}};
  INGOT_ASSIGN(
      std::vector<text::TokenId> kept,
      text_.tokenizer()->EncodeSegments(segments, {.also_guarded = {}, .max_tokens = limit + 1}));
  const bool truncated = kept.size() > limit;
  if (truncated) {
    // Again within the limit, so that what the tokenizer puts at the end is still there.
    INGOT_ASSIGN(kept, text_.tokenizer()->EncodeSegments(
                           segments, {.also_guarded = {}, .max_tokens = limit}));
  }
  if (kept.empty()) return core::InvalidArgument("an empty text has no embedding");
  for (const text::TokenId id : kept) {
    if (id >= static_cast<text::TokenId>(shape().vocabulary)) {
      return core::Corrupt(StrCat(label_, ": its tokenizer gives token ", id,
                                  ", and the model has ", shape().vocabulary));
    }
  }
  return Encoded{{kept.begin(), kept.end()}, truncated};
}

Result<std::vector<float>> Embedder::HiddenRows(const std::vector<int>& tokens) const {
  const model::ModelShape& shape = this->shape();
  if (tokens.empty() || tokens.size() > static_cast<size_t>(shape.context)) {
    return core::InvalidArgument(
        StrCat(tokens.size(), " tokens: ", label_, " reads from 1 to ", shape.context));
  }
  for (const int token : tokens) {
    if (token >= 0 && token < shape.vocabulary) continue;
    return core::InvalidArgument(
        StrCat("token ", token, " is not in the vocabulary of ", shape.vocabulary));
  }
  try {
    const ops::Array ids(tokens.data(), {1, static_cast<int>(tokens.size())}, mx::int32);
    ops::Array rows = mx::contiguous(ops::ToFloat32(Rows(ids)));
    rows.eval();
    return std::vector<float>(rows.data<float>(), rows.data<float>() + rows.size());
  } catch (const std::exception& error) {
    return core::Internal(StrCat(label_, ": the model failed: ", error.what()));
  }
}

Result<Embedding> Embedder::EmbedTokens(const std::vector<int>& tokens,
                                        const EmbedOptions& options) const {
  INGOT_TRY(Check(options));
  INGOT_ASSIGN(const std::vector<float> rows, HiddenRows(tokens));
  Embedding result{.values = Pool(rows, row_width(), config_.pooling),
                   .tokens = tokens.size(),
                   .truncated = false};
  if (options.dimensions > 0) result.values.resize(options.dimensions);
  if (options.normalise.value_or(config_.normalise)) Normalise(result.values);
  return result;
}

Result<Embedding> Embedder::Embed(std::string_view text, const EmbedOptions& options) const {
  INGOT_TRY(Check(options));
  INGOT_ASSIGN(const Encoded encoded, Encode(text, options));
  if (encoded.truncated && !options.truncate) {
    return core::InvalidArgument(StrCat("the text is longer than the ", encoded.tokens.size(),
                                        " tokens that the model reads"));
  }
  INGOT_ASSIGN(Embedding result, EmbedTokens(encoded.tokens, options));
  result.truncated = encoded.truncated;
  return result;
}

}  // namespace ingot::engine
