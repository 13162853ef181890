// Cuts a template into tokens: text between tags, and what stands inside them. White space control
// (the - and + signs, trim_blocks and lstrip_blocks as chat templates expect them) and raw blocks
// are dealt with here; the parser sees neither.
#ifndef INGOT_TEXT_JINJA_LEXER_H_
#define INGOT_TEXT_JINJA_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

enum class Tok : uint8_t {
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kPow,
  kMod,
  kTilde,
  kEq,
  kNe,
  kGt,
  kGe,
  kLt,
  kLe,
  kAssign,
  kDot,
  kColon,
  kPipe,
  kComma,
  kSemicolon,
  kLeftParen,
  kRightParen,
  kLeftBracket,
  kRightBracket,
  kLeftBrace,
  kRightBrace,
  kEof,
};

// "end of print statement", "'+'", for messages.
std::string_view TokName(Tok tok);

struct Token {
  Tok type = Tok::kEof;
  uint32_t at = 0;   // byte offset in the source
  std::string text;  // of data, a name, or a string with its escapes undone
  Value number;
};

// "line 3, column 14" of a byte offset.
std::string Place(std::string_view source, uint32_t at);

// Refuses source that is too long, or no UTF-8, for any kind of template.
core::Status CheckSource(std::string_view source);

// Line ends as "\n", and without the last one: what offsets refer to.
std::string NormalizeSource(std::string_view source);

// Takes normalized source. Errors name the place.
core::Result<std::vector<Token>> Tokenize(std::string_view source);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_LEXER_H_
