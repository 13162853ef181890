// The tree of a Go-style template, and the parser that builds it. Never changes once built.
#ifndef INGOT_TEXT_GOTEMPLATE_GO_AST_H_
#define INGOT_TEXT_GOTEMPLATE_GO_AST_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "text/jinja/value.h"

namespace ingot::text {

struct GoPipe;
struct GoFunction;

enum class GoTermKind : uint8_t { kConst, kDot, kVariable, kFunction, kPipe };

// One operand: a term and the fields taken of it.
struct GoOperand {
  uint32_t at = 0;
  GoTermKind kind = GoTermKind::kConst;
  jinja::Value constant;
  std::string variable;                  // "$", "$x"
  const GoFunction* function = nullptr;  // kFunction
  std::unique_ptr<GoPipe> pipe;          // kPipe
  std::vector<std::string> fields;       // .A.B
};

struct GoCommand {
  uint32_t at = 0;
  std::vector<GoOperand> operands;  // a function with its arguments, or one operand
};

struct GoPipe {
  uint32_t at = 0;
  std::vector<std::string> variables;  // those it declares or sets
  bool assigns = false;                // = rather than :=
  std::vector<GoCommand> commands;
};

struct GoNode;
using GoBody = std::vector<std::unique_ptr<GoNode>>;

enum class GoNodeKind : uint8_t {
  kText,
  kPrint,
  kIf,
  kWith,
  kRange,
  kTemplate,
  kBreak,
  kContinue,
};

struct GoNode {
  GoNodeKind kind = GoNodeKind::kText;
  uint32_t at = 0;
  std::string text;  // of kText, or the name of a kTemplate
  GoPipe pipe;
  GoBody body;
  GoBody otherwise;
};

struct GoTree {
  std::string source;
  GoBody body;
  std::map<std::string, GoBody, std::less<>> definitions;
  std::set<std::string, std::less<>> fields;  // all that are mentioned
};

core::Result<GoTree> ParseGoTemplate(std::string_view source);

}  // namespace ingot::text

#endif  // INGOT_TEXT_GOTEMPLATE_GO_AST_H_
