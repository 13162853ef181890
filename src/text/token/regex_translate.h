// Patterns of tokenizer.json are written for Oniguruma in its Ruby-like syntax; we run PCRE2. This
// turns one into the other: character classes become explicit ranges of the Unicode version that
// the reference has, and what the two engines read differently ((?m), \h, {,n}, {n,m}+, nested
// classes) is spelled out. What cannot be said is refused by name.
#ifndef INGOT_TEXT_TOKEN_REGEX_TRANSLATE_H_
#define INGOT_TEXT_TOKEN_REGEX_TRANSLATE_H_

#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::text {

// The result is for PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE with LF as the newline.
core::Result<std::string> TranslatePattern(std::string_view pattern);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_REGEX_TRANSLATE_H_
