// Statements: what stands between {% and %}.
#include <algorithm>
#include <array>
#include <set>

#include "core/strings.h"
#include "text/jinja/parser.h"

namespace ingot::text::jinja {
namespace {

// Tags that the language has and we do not.
constexpr std::array<std::string_view, 12> kRefused = {
    "extends", "block", "include", "import",    "from",     "autoescape",
    "do",      "debug", "trans",   "pluralize", "endblock", "endautoescape"};

}  // namespace

bool Parser::SkipIf(Tok type) {
  if (!Is(type)) return false;
  Take();
  return true;
}

bool Parser::SkipIfName(std::string_view name) {
  if (!IsName(name)) return false;
  Take();
  return true;
}

Token Parser::Take() {
  Token token = tokens_[next_];
  if (next_ + 1 < tokens_.size()) ++next_;
  return token;
}

core::Status Parser::Expect(Tok type) {
  if (!Is(type)) return Unexpected(TokName(type));
  Take();
  return {};
}

core::Status Parser::ExpectName(std::string_view name) {
  if (!IsName(name)) return Unexpected(core::StrCat("'", name, "'"));
  Take();
  return {};
}

core::Result<std::string> Parser::TakeName() {
  if (!Is(Tok::kName)) return Unexpected("a name");
  return Take().text;
}

core::Status Parser::Fail(uint32_t at, std::string_view what) const {
  return core::InvalidArgument(core::StrCat(Place(source_, at), ": ", what));
}

core::Status Parser::Unexpected(std::string_view expected) const {
  std::string found =
      Is(Tok::kName) ? core::Quoted(Current().text, 60) : std::string(TokName(Current().type));
  return Fail(Current().at, core::StrCat("expected ", expected, ", got ", found));
}

core::Result<Body> Parser::ParseTemplate() {
  Body body;
  INGOT_TRY(ParseBody(body, {}, ""));
  return body;
}

core::Status Parser::ParseBody(Body& body, std::initializer_list<std::string_view> end_tags,
                               std::string_view opened_by) {
  Nesting nesting(*this);
  if (nesting.TooDeep()) return Fail(Current().at, "blocks nest too deep");
  while (true) {
    uint32_t at = Current().at;
    switch (Current().type) {
      case Tok::kData:
        body.push_back(std::make_unique<TextStmt>(at, Take().text));
        break;
      case Tok::kVariableBegin: {
        Take();
        INGOT_ASSIGN(ExprPtr expr, ParseTuple({}));
        INGOT_TRY(Expect(Tok::kVariableEnd));
        body.push_back(std::make_unique<PrintStmt>(at, std::move(expr)));
        break;
      }
      case Tok::kBlockBegin: {
        Take();
        bool ends = Is(Tok::kName) &&
                    std::find(end_tags.begin(), end_tags.end(), Current().text) != end_tags.end();
        if (ends) return {};
        if (IsName("print")) {
          INGOT_TRY(ParsePrint(body));
        } else {
          INGOT_ASSIGN(StmtPtr statement, ParseStatement());
          body.push_back(std::move(statement));
        }
        INGOT_TRY(Expect(Tok::kBlockEnd));
        break;
      }
      default:
        if (end_tags.size() == 0) return {};
        return Fail(at, core::StrCat("unexpected end of template: the tag '", opened_by,
                                     "' is not closed"));
    }
  }
}

core::Status Parser::ParseBlock(Body& body, std::initializer_list<std::string_view> end_tags,
                                std::string_view opened_by) {
  SkipIf(Tok::kColon);
  INGOT_TRY(Expect(Tok::kBlockEnd));
  return ParseBody(body, end_tags, opened_by);
}

core::Result<StmtPtr> Parser::ParseStatement() {
  if (!Is(Tok::kName)) return Unexpected("a tag name");
  using Method = core::Result<StmtPtr> (Parser::*)();
  static constexpr std::pair<std::string_view, Method> kTags[] = {
      {"for", &Parser::ParseFor},        {"if", &Parser::ParseIf},
      {"set", &Parser::ParseSet},        {"macro", &Parser::ParseMacro},
      {"call", &Parser::ParseCallBlock}, {"filter", &Parser::ParseFilterBlock},
      {"with", &Parser::ParseWith},      {"generation", &Parser::ParseGeneration},
  };
  const std::string& tag = Current().text;
  for (const auto& [name, method] : kTags) {
    if (tag == name) return (this->*method)();
  }
  uint32_t at = Current().at;
  if (SkipIfName("break")) return StmtPtr(std::make_unique<PlainStmt>(StmtKind::kBreak, at));
  if (SkipIfName("continue")) return StmtPtr(std::make_unique<PlainStmt>(StmtKind::kContinue, at));
  if (std::find(kRefused.begin(), kRefused.end(), tag) != kRefused.end()) {
    return core::Unsupported(
        core::StrCat(Place(source_, at), ": the tag '", tag, "' is not supported"));
  }
  return Fail(at, core::StrCat("unknown tag ", core::Quoted(tag, 60)));
}

core::Result<StmtPtr> Parser::ParseFor() {
  auto loop = std::make_unique<ForStmt>(Take().at);
  INGOT_ASSIGN(loop->target, ParseTarget(false, "in"));
  INGOT_TRY(ExpectName("in"));
  INGOT_ASSIGN(loop->iterable, ParseTuple({.conditional = false, .end_name = "recursive"}));
  if (SkipIfName("if")) {
    INGOT_ASSIGN(loop->test, ParseExpression());
    INGOT_ASSIGN(loop->test_target, CloneTarget(*loop->target));
  }
  loop->recursive = SkipIfName("recursive");
  INGOT_TRY(ParseBlock(loop->body, {"endfor", "else"}, "for"));
  if (Take().text == "else") {
    INGOT_TRY(ParseBlock(loop->otherwise, {"endfor"}, "for"));
    Take();
  }
  return StmtPtr(std::move(loop));
}

core::Result<StmtPtr> Parser::ParseIf() {
  auto statement = std::make_unique<IfStmt>(Take().at);
  while (true) {
    IfStmt::Branch branch;
    INGOT_ASSIGN(branch.test, ParseTuple({.conditional = false}));
    INGOT_TRY(ParseBlock(branch.body, {"elif", "else", "endif"}, "if"));
    statement->branches.push_back(std::move(branch));
    std::string tag = Take().text;
    if (tag == "elif") continue;
    if (tag == "else") {
      INGOT_TRY(ParseBlock(statement->otherwise, {"endif"}, "if"));
      Take();
    }
    return StmtPtr(std::move(statement));
  }
}

core::Result<StmtPtr> Parser::ParseSet() {
  uint32_t at = Take().at;
  INGOT_ASSIGN(ExprPtr target, ParseTarget(true, ""));
  if (SkipIf(Tok::kAssign)) {
    INGOT_ASSIGN(ExprPtr value, ParseTuple({}));
    return StmtPtr(std::make_unique<SetStmt>(at, std::move(target), std::move(value)));
  }
  auto block = std::make_unique<SetBlockStmt>(at, std::move(target));
  INGOT_ASSIGN(block->filter, ParseFilter(nullptr, false));
  INGOT_TRY(ParseBlock(block->body, {"endset"}, "set"));
  Take();
  return StmtPtr(std::move(block));
}

core::Status Parser::ParseSignature(MacroNode& macro) {
  INGOT_TRY(Expect(Tok::kLeftParen));
  std::set<std::string> names;
  bool defaults = false;
  while (!Is(Tok::kRightParen)) {
    if (!macro.parameters.empty()) INGOT_TRY(Expect(Tok::kComma));
    uint32_t at = Current().at;
    MacroNode::Parameter parameter;
    INGOT_ASSIGN(parameter.name, TakeName());
    INGOT_TRY(MakeTarget(std::make_unique<NameExpr>(at, parameter.name)).status());
    if (!names.insert(parameter.name).second) {
      return Fail(at, core::StrCat("duplicate argument '", parameter.name, "'"));
    }
    if (SkipIf(Tok::kAssign)) {
      INGOT_ASSIGN(parameter.fallback, ParseExpression());
      defaults = true;
    } else if (defaults) {
      return Fail(at, "non-default argument follows default argument");
    }
    macro.parameters.push_back(std::move(parameter));
  }
  return Expect(Tok::kRightParen);
}

core::Result<StmtPtr> Parser::ParseMacro() {
  auto statement = std::make_unique<MacroStmt>(Take().at);
  uint32_t at = Current().at;
  INGOT_ASSIGN(statement->macro.name, TakeName());
  INGOT_TRY(MakeTarget(std::make_unique<NameExpr>(at, statement->macro.name)).status());
  INGOT_TRY(ParseSignature(statement->macro));
  INGOT_TRY(ParseBlock(statement->macro.body, {"endmacro"}, "macro"));
  Take();
  return StmtPtr(std::move(statement));
}

core::Result<StmtPtr> Parser::ParseCallBlock() {
  auto statement = std::make_unique<CallBlockStmt>(Take().at);
  if (Is(Tok::kLeftParen)) INGOT_TRY(ParseSignature(statement->body));
  INGOT_ASSIGN(statement->call, ParseExpression());
  if (statement->call->kind != ExprKind::kCall) return Fail(statement->at, "expected a call");
  INGOT_TRY(ParseBlock(statement->body.body, {"endcall"}, "call"));
  Take();
  return StmtPtr(std::move(statement));
}

core::Result<StmtPtr> Parser::ParseFilterBlock() {
  auto statement = std::make_unique<FilterBlockStmt>(Take().at);
  INGOT_ASSIGN(statement->filter, ParseFilter(nullptr, true));
  INGOT_TRY(ParseBlock(statement->body, {"endfilter"}, "filter"));
  Take();
  return StmtPtr(std::move(statement));
}

core::Result<StmtPtr> Parser::ParseWith() {
  auto statement = std::make_unique<WithStmt>(Take().at);
  while (!Is(Tok::kBlockEnd)) {
    if (!statement->bindings.empty()) INGOT_TRY(Expect(Tok::kComma));
    INGOT_ASSIGN(ExprPtr target, ParseTarget(false, ""));
    INGOT_TRY(Expect(Tok::kAssign));
    INGOT_ASSIGN(ExprPtr value, ParseExpression());
    statement->bindings.emplace_back(std::move(target), std::move(value));
  }
  INGOT_TRY(ParseBlock(statement->body, {"endwith"}, "with"));
  Take();
  return StmtPtr(std::move(statement));
}

core::Result<StmtPtr> Parser::ParseGeneration() {
  auto statement = std::make_unique<CallBlockStmt>(Take().at);
  INGOT_TRY(ParseBlock(statement->body.body, {"endgeneration"}, "generation"));
  Take();
  return StmtPtr(std::move(statement));
}

core::Status Parser::ParsePrint(Body& body) {
  uint32_t at = Take().at;
  bool first = true;
  while (!Is(Tok::kBlockEnd)) {
    if (!first) INGOT_TRY(Expect(Tok::kComma));
    first = false;
    INGOT_ASSIGN(ExprPtr expr, ParseExpression());
    body.push_back(std::make_unique<PrintStmt>(at, std::move(expr)));
  }
  return {};
}

Parser::Result Parser::ParseTarget(bool allow_namespace, std::string_view end_name) {
  INGOT_ASSIGN(
      ExprPtr expr,
      ParseTuple({.simple = true, .allow_namespace = allow_namespace, .end_name = end_name}));
  return MakeTarget(std::move(expr));
}

// Checks that a value can be assigned to it.
Parser::Result Parser::MakeTarget(ExprPtr expr) {
  switch (expr->kind) {
    case ExprKind::kName: {
      static constexpr std::string_view kConstants[] = {"true", "false", "none",
                                                        "True", "False", "None"};
      const std::string& name = static_cast<const NameExpr&>(*expr).name;
      if (std::find(std::begin(kConstants), std::end(kConstants), name) == std::end(kConstants)) {
        return expr;
      }
      break;
    }
    case ExprKind::kNamespaceField:
      return expr;
    case ExprKind::kSequence: {
      auto& tuple = static_cast<SequenceExpr&>(*expr);
      if (tuple.sequence != Kind::kTuple) break;
      for (ExprPtr& item : tuple.items) {
        INGOT_ASSIGN(item, MakeTarget(std::move(item)));
      }
      return expr;
    }
    default:
      break;
  }
  return Fail(expr->at, "this cannot be assigned to");
}

Parser::Result Parser::CloneTarget(const Expr& target) const {
  if (target.kind == ExprKind::kName) {
    return ExprPtr(
        std::make_unique<NameExpr>(target.at, static_cast<const NameExpr&>(target).name));
  }
  auto tuple = std::make_unique<SequenceExpr>(target.at, Kind::kTuple);
  for (const ExprPtr& item : static_cast<const SequenceExpr&>(target).items) {
    INGOT_ASSIGN(ExprPtr copy, CloneTarget(*item));
    tuple->items.push_back(std::move(copy));
  }
  return ExprPtr(std::move(tuple));
}

}  // namespace ingot::text::jinja
