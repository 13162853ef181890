// Which tokens begin and end texts, by what the files beside tokenizer.json say: tokenizer_config,
// special_tokens_map, generation_config and the model's own config. Pure functions over their text.
#ifndef INGOT_TEXT_TOKEN_CONTROL_TOKENS_H_
#define INGOT_TEXT_TOKEN_CONTROL_TOKENS_H_

#include <optional>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/token/tokenizer.h"

namespace ingot::text {

// The text of each file; empty where there is none.
struct ControlFiles {
  std::string_view tokenizer_config;
  std::string_view special_tokens_map;
  std::string_view generation_config;
  std::string_view config;
};

struct ControlTokens {
  std::optional<TokenId> bos;
  std::optional<TokenId> pad;
  // The end of a text, as the tokenizer's own files name it.
  std::optional<TokenId> end;
  // Generation ends at any of these: all that the files name, and the ends of chat turns that the
  // vocabulary is known to have. Sorted.
  std::vector<TokenId> eos;
  // suppress_tokens: what an answer never holds.
  std::vector<TokenId> suppressed;
  // add_bos_token and add_eos_token, where tokenizer_config has them.
  std::optional<bool> add_bos;
  std::optional<bool> add_eos;

  bool IsEos(TokenId id) const;
};

// Without a tokenizer only the files that give numbers count.
core::Result<ControlTokens> ReadControlTokens(const Tokenizer* tokenizer,
                                              const ControlFiles& files);

// A prompt as it is given to a model: with what the post-processor puts around it, and with the
// first token that tokenizer_config asks for, or without it where it says so; never with two, for a
// rendered chat may begin with that token already.
core::Result<std::vector<TokenId>> EncodePrompt(const Tokenizer& tokenizer,
                                                const ControlTokens& control,
                                                std::span<const TextSegment> segments,
                                                const EncodeOptions& options = {});

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_CONTROL_TOKENS_H_
