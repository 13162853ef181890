#include "engine/model_tokenizer.h"

#include <optional>
#include <string>
#include <utility>

#include "core/log.h"
#include "core/strings.h"

namespace ingot::engine {

using core::Result;
using core::StrCat;

Result<ModelTokenizer> ModelTokenizer::Load(const ModelFiles& files) {
  ModelTokenizer loaded;
  INGOT_ASSIGN(const std::optional<std::string> json, files.Read("tokenizer.json"));
  if (json) {
    auto tokenizer = text::Tokenizer::Load(*json);
    if (!tokenizer.ok()) {
      return std::move(tokenizer).status().Context(StrCat(files.label(), ": tokenizer.json"));
    }
    loaded.tokenizer_ = *std::move(tokenizer);
    for (const std::string& note : loaded.tokenizer_->notes()) {
      core::LogInfo(StrCat(files.label(), ": tokenizer.json: ", note));
    }
  }
  const auto read = [&](std::string_view name) -> Result<std::string> {
    INGOT_ASSIGN(std::optional<std::string> text, files.Read(name));
    return std::move(text).value_or("");
  };
  INGOT_ASSIGN(const std::string tokenizer_config, read("tokenizer_config.json"));
  INGOT_ASSIGN(const std::string special_tokens_map, read("special_tokens_map.json"));
  INGOT_ASSIGN(const std::string generation_config, read("generation_config.json"));
  INGOT_ASSIGN(const std::string config, read("config.json"));
  Result<text::ControlTokens> control =
      text::ReadControlTokens(loaded.tokenizer(), {.tokenizer_config = tokenizer_config,
                                                   .special_tokens_map = special_tokens_map,
                                                   .generation_config = generation_config,
                                                   .config = config});
  if (!control.ok()) return std::move(control).status().Context(files.label());
  loaded.control_ = *std::move(control);
  return loaded;
}

}  // namespace ingot::engine
