// Cuts a Go-style template into text and the tokens inside its actions.
#ifndef INGOT_TEXT_GOTEMPLATE_GO_LEXER_H_
#define INGOT_TEXT_GOTEMPLATE_GO_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/jinja/value.h"

namespace ingot::text {

enum class GoTok : uint8_t {
  kText,
  kOpen,   // {{
  kClose,  // }}
  kDot,
  kField,     // .Name
  kVariable,  // $, $name
  kName,
  kConst,    // a literal
  kDeclare,  // :=
  kAssign,   // =
  kComma,
  kPipe,
  kLeftParen,
  kRightParen,
  kEof,
};

struct GoToken {
  GoTok type = GoTok::kEof;
  uint32_t at = 0;
  std::string text;
  jinja::Value constant;
  bool spaced = false;  // white space stands before it
};

core::Result<std::vector<GoToken>> TokenizeGo(std::string_view source);

}  // namespace ingot::text

#endif  // INGOT_TEXT_GOTEMPLATE_GO_LEXER_H_
