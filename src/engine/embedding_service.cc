#include "engine/embedding_service.h"

#include <optional>

#include "core/strings.h"

namespace ingot::engine {

using core::Result;

Result<std::vector<Embedding>> EmbeddingService::Embed(
    const std::vector<std::string>& texts, const EmbedOptions& options, bool truncate,
    const std::function<bool()>& cancelled) const {
  std::vector<Embedding> all;
  for (const std::string& text : texts) {
    if (cancelled && cancelled()) return core::Cancelled("nobody waits for the vectors any more");
    INGOT_ASSIGN(const Embedder::Encoded encoded, embedder_->Encode(text, options));
    if (encoded.truncated && !truncate) {
      return core::InvalidArgument(
          core::StrCat("the input length exceeds the context length: text ", all.size() + 1,
                       " has more than ", encoded.tokens.size(), " tokens"));
    }
    INGOT_ASSIGN(Embedding one, EmbedTokens(encoded.tokens, options));
    one.truncated = encoded.truncated;
    all.push_back(std::move(one));
  }
  return all;
}

Result<Embedding> EmbeddingService::EmbedTokens(const std::vector<int>& tokens,
                                                const EmbedOptions& options) const {
  std::optional<Result<Embedding>> result;
  thread_->Run([&] { result.emplace(embedder_->EmbedTokens(tokens, options)); });
  return *std::move(result);
}

}  // namespace ingot::engine
