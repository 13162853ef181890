#include "engine/loaded_model.h"

#include <span>
#include <utility>

#include "core/clock.h"
#include "core/strings.h"
#include "models/load.h"

namespace ingot::engine {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

std::vector<int> ToInts(const std::vector<text::TokenId>& ids) {
  return std::vector<int>(ids.begin(), ids.end());
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> LoadedModel::Load(const ModelFiles& files,
                                                       std::optional<ops::mx::Dtype> type,
                                                       std::optional<ops::mx::Dtype> cache) {
  std::unique_ptr<LoadedModel> loaded(new LoadedModel());
  loaded->label_ = files.label();
  INGOT_ASSIGN(const Json config, files.Config());
  INGOT_ASSIGN(const model::StoredTensors tensors, files.Tensors());
  auto language = models::LoadTensors(config, tensors, type, cache);
  if (!language.ok()) return std::move(language).status().Context(files.label());
  loaded->language_ = *std::move(language);
  loaded->memory_.Hold();

  INGOT_ASSIGN(loaded->chat_, ChatFormat::Load(files));
  INGOT_TRY(loaded->LoadText(files));
  loaded->constraints_ = std::make_unique<AnswerConstraints>(
      ConstrainedModel{.tokenizer = loaded->tokenizer(),
                       .parser = loaded->chat_->parser(),
                       .ends = loaded->end_tokens_,
                       .vocabulary = loaded->language_->shape().vocabulary});
  return loaded;
}

Status LoadedModel::LoadText(const ModelFiles& files) {
  INGOT_ASSIGN(text_, ModelTokenizer::Load(files));
  // Configs name tokens that a smaller vocabulary does not have.
  const auto known = [&](const std::vector<text::TokenId>& ids) {
    std::vector<int> tokens;
    for (const text::TokenId id : ids) {
      if (id < static_cast<uint64_t>(language_->shape().vocabulary)) {
        tokens.push_back(static_cast<int>(id));
      }
    }
    return tokens;
  };
  end_tokens_ = known(text_.control().eos);
  suppressed_tokens_ = known(text_.control().suppressed);
  return Status::Ok();
}

Status LoadedModel::RequireTokenizer() const {
  if (tokenizer() != nullptr) return Status::Ok();
  return core::NotFound(StrCat(label_, ": has no tokenizer.json, so it understands no text"))
      .WithHint("Give token numbers with --tokens.");
}

Result<std::vector<int>> LoadedModel::EncodeRaw(std::string_view text) const {
  INGOT_TRY(RequireTokenizer());
  const text::TextSegment segment{text};
  INGOT_ASSIGN(const std::vector<text::TokenId> ids,
               text::EncodePrompt(*tokenizer(), text_.control(), {&segment, 1}));
  return ToInts(ids);
}

Result<ChatPrompt> LoadedModel::PrepareChat(text::ChatRequest request) const {
  INGOT_TRY(RequireTokenizer());
  chat_->AddSystem(request);
  if (request.wall_ns == 0) request.wall_ns = core::Clock::System().WallNs();
  INGOT_ASSIGN(const text::RenderedChat rendered, chat_->Render(request));
  INGOT_ASSIGN(const std::vector<text::TokenId> ids,
               EncodeChatPrompt(*tokenizer(), *chat_, rendered));
  ChatPrompt prompt;
  prompt.tokens = ToInts(ids);
  INGOT_ASSIGN(prompt.parser, chat_->NewParser(request, rendered));
  return prompt;
}

Result<std::vector<int>> LoadedModel::EncodeChat(const Json& messages,
                                                 const ChatOptions& options) const {
  text::ChatRequest request;
  INGOT_ASSIGN(request.messages, text::MessagesFromJson(messages));
  request.think.on = options.thinking;
  INGOT_ASSIGN(ChatPrompt prompt, PrepareChat(std::move(request)));
  return std::move(prompt.tokens);
}

}  // namespace ingot::engine
