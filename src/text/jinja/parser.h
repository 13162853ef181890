// Builds the tree from the tokens. Tags that need other templates (extends, block, include, import,
// from) and tags of extensions that chat renderers do not load are refused by name.
#ifndef INGOT_TEXT_JINJA_PARSER_H_
#define INGOT_TEXT_JINJA_PARSER_H_

#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace ingot::text::jinja {

// Nested expressions or blocks beyond this are an error.
inline constexpr uint32_t kMaxTreeDepth = 400;

class Parser {
 public:
  // source is what the tokens' offsets refer to.
  Parser(std::string_view source, std::vector<Token> tokens)
      : source_(source), tokens_(std::move(tokens)) {}

  core::Result<Body> ParseTemplate();

 private:
  using Result = core::Result<ExprPtr>;

  // Tokens.
  const Token& Current() const { return tokens_[next_]; }
  const Token& Look() const { return tokens_[std::min(next_ + 1, tokens_.size() - 1)]; }
  bool Is(Tok type) const { return Current().type == type; }
  bool IsName(std::string_view name) const { return Is(Tok::kName) && Current().text == name; }
  bool SkipIf(Tok type);
  bool SkipIfName(std::string_view name);
  Token Take();
  core::Status Expect(Tok type);
  core::Status ExpectName(std::string_view name);
  core::Result<std::string> TakeName();
  core::Status Fail(uint32_t at, std::string_view what) const;
  core::Status Unexpected(std::string_view expected) const;

  // Statements (parse_stmt.cc). Bodies end before one of the end tags.
  core::Status ParseBody(Body& body, std::initializer_list<std::string_view> end_tags,
                         std::string_view opened_by);
  // A body after the end of its opening tag.
  core::Status ParseBlock(Body& body, std::initializer_list<std::string_view> end_tags,
                          std::string_view opened_by);
  core::Result<StmtPtr> ParseStatement();
  core::Result<StmtPtr> ParseFor();
  core::Result<StmtPtr> ParseIf();
  core::Result<StmtPtr> ParseSet();
  core::Result<StmtPtr> ParseMacro();
  core::Result<StmtPtr> ParseCallBlock();
  core::Result<StmtPtr> ParseFilterBlock();
  core::Result<StmtPtr> ParseWith();
  core::Result<StmtPtr> ParseGeneration();
  core::Status ParsePrint(Body& body);
  core::Status ParseSignature(MacroNode& macro);
  Result ParseTarget(bool allow_namespace, std::string_view end_name);
  Result MakeTarget(ExprPtr expr);
  Result CloneTarget(const Expr& target) const;

  // Expressions (parse_expr.cc).
  Result ParseExpression(bool conditional = true);
  struct TupleRule {
    bool simple = false;       // only names and literals
    bool conditional = true;   // x if y else z is allowed
    bool parentheses = false;  // an empty tuple is fine
    bool allow_namespace = false;
    std::string_view end_name = {};  // a name that ends it too
  };
  Result ParseTuple(const TupleRule& rule);
  Result ParseConditional();
  Result ParseOr();
  Result ParseAnd();
  Result ParseNot();
  Result ParseCompare();
  Result ParseSum();
  Result ParseConcat();
  Result ParseProduct();
  Result ParsePower();
  Result ParseUnary(bool with_filter = true);
  Result ParsePrimary(bool allow_namespace = false);
  Result ParseList();
  Result ParseDict();
  Result ParsePostfix(ExprPtr expr);
  Result ParseFilters(ExprPtr expr);
  Result ParseSubscript(ExprPtr expr);
  Result ParseSlice(ExprPtr start, uint32_t at);
  Result ParseCall(ExprPtr callee);
  Result ParseFilter(ExprPtr operand, bool inline_start);
  Result ParseTest(ExprPtr operand);
  core::Result<CallArguments> ParseArguments();
  core::Result<std::string> ParseDottedName();

  // Sets the depth of a node from its children's, and refuses trees that nest too deep.
  Result Grown(ExprPtr expr, std::initializer_list<const Expr*> children) const;

  // Counts recursion while it lives.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) { ++parser_.nesting_; }
    ~Nesting() { --parser_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    bool TooDeep() const { return parser_.nesting_ > kMaxTreeDepth; }

   private:
    Parser& parser_;
  };

  std::string_view source_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
  uint32_t nesting_ = 0;
};

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_PARSER_H_
