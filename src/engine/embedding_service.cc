#include "engine/embedding_service.h"

#include <optional>
#include <utility>

#include "core/strings.h"

namespace ingot::engine {

using core::Result;

Result<std::vector<Embedding>> EmbeddingService::Embed(
    std::span<const EmbedInput> inputs, const EmbedOptions& options, bool truncate,
    const std::function<bool()>& cancelled) const {
  std::vector<Embedding> all;
  all.reserve(inputs.size());
  EmbedOptions asked = options;
  asked.truncate = truncate;
  INGOT_TRY(embedder_->Check(asked));
  for (const EmbedInput& input : inputs) {
    if (cancelled && cancelled()) return core::Cancelled("nobody waits for the vectors any more");
    std::optional<Result<Embedding>> result;
    thread_->Run([&] {
      const auto* text = std::get_if<std::string>(&input);
      result.emplace(text != nullptr ? embedder_->Embed(*text, asked)
                                     : embedder_->EmbedTokens(std::get<1>(input), asked));
    });
    INGOT_ASSIGN(Embedding one,
                 (*std::move(result)).Context(core::StrCat("input[", all.size(), "]")));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace ingot::engine
