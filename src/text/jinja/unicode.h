// UTF-8 and the character classes and case mappings that Python's str methods use. Pure functions;
// text given here is valid UTF-8 already.
#ifndef INGOT_TEXT_JINJA_UNICODE_H_
#define INGOT_TEXT_JINJA_UNICODE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/utf8.h"

namespace ingot::text::jinja {

// The character that starts at text[at], and how many bytes it takes.
struct Utf8Char {
  uint32_t code = 0;
  uint32_t size = 1;
};
Utf8Char DecodeUtf8(std::string_view text, size_t at);
using core::AppendUtf8;
size_t CountChars(std::string_view text);
// The start of the character before text[at]; at > 0.
size_t PreviousChar(std::string_view text, size_t at);
// Invalid sequences become U+FFFD, one for each byte that cannot belong to a character.
std::string ValidUtf8(std::string_view text);

bool IsAlpha(uint32_t code);
bool IsDecimal(uint32_t code);
bool IsDigit(uint32_t code);
bool IsNumeric(uint32_t code);
bool IsAlnum(uint32_t code);
bool IsPrintable(uint32_t code);
bool IsLower(uint32_t code);
bool IsUpper(uint32_t code);
bool IsTitle(uint32_t code);  // a title-case digraph such as U+01C5
bool IsSpace(uint32_t code);

// One character's mapping: up to three characters, the rest 0.
using CaseChars = std::array<uint32_t, 3>;
CaseChars ToUpper(uint32_t code);
CaseChars ToLower(uint32_t code);
CaseChars ToTitle(uint32_t code);
CaseChars ToFolded(uint32_t code);
// Whether the U+03A3 at text[at] ends a word, so that its lower case is the final sigma.
bool IsFinalSigma(std::string_view text, size_t at);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_UNICODE_H_
