// Expressions, from the loosest binding to the tightest.
#include <algorithm>
#include <set>

#include "core/strings.h"
#include "text/jinja/parser.h"

namespace ingot::text::jinja {
namespace {

template <typename Node, typename... Args>
std::unique_ptr<Node> Make(Args&&... args) {
  return std::make_unique<Node>(std::forward<Args>(args)...);
}

template <typename Node, typename... Args>
ExprPtr Leaf(Args&&... args) {
  return std::make_unique<Node>(std::forward<Args>(args)...);
}

std::optional<CompareOp> CompareOpOf(Tok tok) {
  switch (tok) {
    case Tok::kEq:
      return CompareOp::kEq;
    case Tok::kNe:
      return CompareOp::kNe;
    case Tok::kLt:
      return CompareOp::kLt;
    case Tok::kLe:
      return CompareOp::kLe;
    case Tok::kGt:
      return CompareOp::kGt;
    case Tok::kGe:
      return CompareOp::kGe;
    default:
      return std::nullopt;
  }
}

std::optional<BinaryOp> ProductOpOf(Tok tok) {
  switch (tok) {
    case Tok::kMul:
      return BinaryOp::kMul;
    case Tok::kDiv:
      return BinaryOp::kDiv;
    case Tok::kFloorDiv:
      return BinaryOp::kFloorDiv;
    case Tok::kMod:
      return BinaryOp::kMod;
    default:
      return std::nullopt;
  }
}

uint32_t DepthOf(const CallArguments& args) {
  uint32_t depth = 0;
  auto take = [&](const ExprPtr& expr) {
    if (expr != nullptr) depth = std::max(depth, expr->depth);
  };
  for (const ExprPtr& expr : args.positional) take(expr);
  for (const auto& [name, expr] : args.named) take(expr);
  take(args.more_positional);
  take(args.more_named);
  return depth;
}

}  // namespace

Parser::Result Parser::Grown(ExprPtr expr, std::initializer_list<const Expr*> children) const {
  for (const Expr* child : children) {
    if (child != nullptr) expr->depth = std::max(expr->depth, child->depth + 1);
  }
  if (expr->depth > kMaxTreeDepth) return Fail(expr->at, "the expression nests too deep");
  return expr;
}

Parser::Result Parser::ParseExpression(bool conditional) {
  Nesting nesting(*this);
  if (nesting.TooDeep()) return Fail(Current().at, "the expression nests too deep");
  return conditional ? ParseConditional() : ParseOr();
}

Parser::Result Parser::ParseTuple(const TupleRule& rule) {
  uint32_t at = Current().at;
  auto tuple = Make<SequenceExpr>(at, Kind::kTuple);
  bool is_tuple = false;
  while (true) {
    if (!tuple->items.empty()) INGOT_TRY(Expect(Tok::kComma));
    bool over = Is(Tok::kVariableEnd) || Is(Tok::kBlockEnd) || Is(Tok::kRightParen) ||
                (!rule.end_name.empty() && IsName(rule.end_name));
    if (over) break;
    INGOT_ASSIGN(ExprPtr item, rule.simple ? ParsePrimary(rule.allow_namespace)
                                           : ParseExpression(rule.conditional));
    tuple->items.push_back(std::move(item));
    if (!Is(Tok::kComma)) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!tuple->items.empty()) return std::move(tuple->items[0]);
    if (!rule.parentheses) return Unexpected("an expression");
  }
  uint32_t depth = 0;
  for (const ExprPtr& item : tuple->items) depth = std::max(depth, item->depth);
  tuple->depth = depth + 1;
  return Grown(std::move(tuple), {});
}

Parser::Result Parser::ParseConditional() {
  uint32_t at = Current().at;
  INGOT_ASSIGN(ExprPtr expr, ParseOr());
  while (SkipIfName("if")) {
    INGOT_ASSIGN(ExprPtr test, ParseOr());
    ExprPtr otherwise;
    if (SkipIfName("else")) {
      Nesting nesting(*this);
      if (nesting.TooDeep()) return Fail(at, "the expression nests too deep");
      INGOT_ASSIGN(otherwise, ParseConditional());
    }
    const Expr* children[] = {expr.get(), test.get(), otherwise.get()};
    INGOT_ASSIGN(expr, Grown(Make<ConditionalExpr>(at, std::move(test), std::move(expr),
                                                   std::move(otherwise)),
                             {children[0], children[1], children[2]}));
  }
  return expr;
}

Parser::Result Parser::ParseOr() {
  uint32_t at = Current().at;
  INGOT_ASSIGN(ExprPtr left, ParseAnd());
  while (SkipIfName("or")) {
    INGOT_ASSIGN(ExprPtr right, ParseAnd());
    const Expr* a = left.get();
    const Expr* b = right.get();
    INGOT_ASSIGN(left,
                 Grown(Make<LogicExpr>(at, false, std::move(left), std::move(right)), {a, b}));
  }
  return left;
}

Parser::Result Parser::ParseAnd() {
  uint32_t at = Current().at;
  INGOT_ASSIGN(ExprPtr left, ParseNot());
  while (SkipIfName("and")) {
    INGOT_ASSIGN(ExprPtr right, ParseNot());
    const Expr* a = left.get();
    const Expr* b = right.get();
    INGOT_ASSIGN(left, Grown(Make<LogicExpr>(at, true, std::move(left), std::move(right)), {a, b}));
  }
  return left;
}

Parser::Result Parser::ParseNot() {
  if (!IsName("not")) return ParseCompare();
  Nesting nesting(*this);
  uint32_t at = Take().at;
  if (nesting.TooDeep()) return Fail(at, "the expression nests too deep");
  INGOT_ASSIGN(ExprPtr operand, ParseNot());
  const Expr* child = operand.get();
  return Grown(Make<UnaryExpr>(at, UnaryOp::kNot, std::move(operand)), {child});
}

Parser::Result Parser::ParseCompare() {
  uint32_t at = Current().at;
  INGOT_ASSIGN(ExprPtr first, ParseSum());
  uint32_t depth = first->depth;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
  while (true) {
    std::optional<CompareOp> op = CompareOpOf(Current().type);
    if (op.has_value()) {
      Take();
    } else if (SkipIfName("in")) {
      op = CompareOp::kIn;
    } else if (IsName("not") && Look().type == Tok::kName && Look().text == "in") {
      Take();
      Take();
      op = CompareOp::kNotIn;
    } else {
      break;
    }
    INGOT_ASSIGN(ExprPtr operand, ParseSum());
    depth = std::max(depth, operand->depth);
    rest.emplace_back(*op, std::move(operand));
  }
  if (rest.empty()) return first;
  auto compare = Make<CompareExpr>(at, std::move(first));
  compare->rest = std::move(rest);
  compare->depth = depth + 1;
  return Grown(std::move(compare), {});
}

Parser::Result Parser::ParseSum() {
  uint32_t at = Current().at;
  INGOT_ASSIGN(ExprPtr left, ParseConcat());
  while (Is(Tok::kAdd) || Is(Tok::kSub)) {
    BinaryOp op = Take().type == Tok::kAdd ? BinaryOp::kAdd : BinaryOp::kSub;
    INGOT_ASSIGN(ExprPtr right, ParseConcat());
    const Expr* a = left.get();
    const Expr* b = right.get();
    INGOT_ASSIGN(left, Grown(Make<BinaryExpr>(at, op, std::move(left), std::move(right)), {a, b}));
  }
  return left;
}

Parser::Result Parser::ParseConcat() {
  uint32_t at = Current().at;
  INGOT_ASSIGN(ExprPtr first, ParseProduct());
  if (!Is(Tok::kTilde)) return first;
  auto concat = Make<ConcatExpr>(at);
  concat->items.push_back(std::move(first));
  while (SkipIf(Tok::kTilde)) {
    INGOT_ASSIGN(ExprPtr next, ParseProduct());
    concat->items.push_back(std::move(next));
  }
  uint32_t depth = 0;
  for (const ExprPtr& item : concat->items) depth = std::max(depth, item->depth);
  concat->depth = depth + 1;
  return Grown(std::move(concat), {});
}

Parser::Result Parser::ParseProduct() {
  uint32_t at = Current().at;
  INGOT_ASSIGN(ExprPtr left, ParsePower());
  while (std::optional<BinaryOp> op = ProductOpOf(Current().type)) {
    Take();
    INGOT_ASSIGN(ExprPtr right, ParsePower());
    const Expr* a = left.get();
    const Expr* b = right.get();
    INGOT_ASSIGN(left, Grown(Make<BinaryExpr>(at, *op, std::move(left), std::move(right)), {a, b}));
  }
  return left;
}

Parser::Result Parser::ParsePower() {
  uint32_t at = Current().at;
  INGOT_ASSIGN(ExprPtr left, ParseUnary());
  while (SkipIf(Tok::kPow)) {
    INGOT_ASSIGN(ExprPtr right, ParseUnary());
    const Expr* a = left.get();
    const Expr* b = right.get();
    INGOT_ASSIGN(
        left,
        Grown(Make<BinaryExpr>(at, BinaryOp::kPow, std::move(left), std::move(right)), {a, b}));
  }
  return left;
}

Parser::Result Parser::ParseUnary(bool with_filter) {
  Nesting nesting(*this);
  uint32_t at = Current().at;
  if (nesting.TooDeep()) return Fail(at, "the expression nests too deep");
  ExprPtr expr;
  if (Is(Tok::kSub) || Is(Tok::kAdd)) {
    UnaryOp op = Take().type == Tok::kSub ? UnaryOp::kNegate : UnaryOp::kPosate;
    INGOT_ASSIGN(ExprPtr operand, ParseUnary(false));
    const Expr* child = operand.get();
    INGOT_ASSIGN(expr, Grown(Make<UnaryExpr>(at, op, std::move(operand)), {child}));
  } else {
    INGOT_ASSIGN(expr, ParsePrimary());
  }
  INGOT_ASSIGN(expr, ParsePostfix(std::move(expr)));
  if (!with_filter) return expr;
  return ParseFilters(std::move(expr));
}

Parser::Result Parser::ParsePrimary(bool allow_namespace) {
  uint32_t at = Current().at;
  switch (Current().type) {
    case Tok::kName: {
      std::string name = Take().text;
      if (name == "true" || name == "True") return Leaf<ConstExpr>(at, Value::Bool(true));
      if (name == "false" || name == "False") return Leaf<ConstExpr>(at, Value::Bool(false));
      if (name == "none" || name == "None") return Leaf<ConstExpr>(at, Value::None());
      if (allow_namespace && SkipIf(Tok::kDot)) {
        INGOT_ASSIGN(std::string field, TakeName());
        return Leaf<NamespaceFieldExpr>(at, std::move(name), Value::String(std::move(field)));
      }
      return Leaf<NameExpr>(at, std::move(name));
    }
    case Tok::kString: {
      std::string text;
      while (Is(Tok::kString)) text += Take().text;
      return Leaf<ConstExpr>(at, Value::String(std::move(text)));
    }
    case Tok::kInteger:
    case Tok::kFloat:
      return Leaf<ConstExpr>(at, Take().number);
    case Tok::kLeftParen: {
      Nesting nesting(*this);
      if (nesting.TooDeep()) return Fail(at, "the expression nests too deep");
      Take();
      INGOT_ASSIGN(ExprPtr inside, ParseTuple({.parentheses = true}));
      INGOT_TRY(Expect(Tok::kRightParen));
      return inside;
    }
    case Tok::kLeftBracket:
      return ParseList();
    case Tok::kLeftBrace:
      return ParseDict();
    default:
      return Unexpected("an expression");
  }
}

Parser::Result Parser::ParseList() {
  auto list = Make<SequenceExpr>(Take().at, Kind::kList);
  uint32_t depth = 0;
  while (!Is(Tok::kRightBracket)) {
    if (!list->items.empty()) INGOT_TRY(Expect(Tok::kComma));
    if (Is(Tok::kRightBracket)) break;
    INGOT_ASSIGN(ExprPtr item, ParseExpression());
    depth = std::max(depth, item->depth);
    list->items.push_back(std::move(item));
  }
  INGOT_TRY(Expect(Tok::kRightBracket));
  list->depth = depth + 1;
  return Grown(std::move(list), {});
}

Parser::Result Parser::ParseDict() {
  auto dict = Make<DictExpr>(Take().at);
  uint32_t depth = 0;
  while (!Is(Tok::kRightBrace)) {
    if (!dict->pairs.empty()) INGOT_TRY(Expect(Tok::kComma));
    if (Is(Tok::kRightBrace)) break;
    INGOT_ASSIGN(ExprPtr key, ParseExpression());
    INGOT_TRY(Expect(Tok::kColon));
    INGOT_ASSIGN(ExprPtr value, ParseExpression());
    depth = std::max({depth, key->depth, value->depth});
    dict->pairs.emplace_back(std::move(key), std::move(value));
  }
  INGOT_TRY(Expect(Tok::kRightBrace));
  dict->depth = depth + 1;
  return Grown(std::move(dict), {});
}

Parser::Result Parser::ParsePostfix(ExprPtr expr) {
  while (true) {
    if (Is(Tok::kDot) || Is(Tok::kLeftBracket)) {
      INGOT_ASSIGN(expr, ParseSubscript(std::move(expr)));
    } else if (Is(Tok::kLeftParen)) {
      INGOT_ASSIGN(expr, ParseCall(std::move(expr)));
    } else {
      return expr;
    }
  }
}

Parser::Result Parser::ParseFilters(ExprPtr expr) {
  while (true) {
    if (Is(Tok::kPipe)) {
      INGOT_ASSIGN(expr, ParseFilter(std::move(expr), false));
    } else if (IsName("is")) {
      INGOT_ASSIGN(expr, ParseTest(std::move(expr)));
    } else if (Is(Tok::kLeftParen)) {
      INGOT_ASSIGN(expr, ParseCall(std::move(expr)));
    } else {
      return expr;
    }
  }
}

Parser::Result Parser::ParseSubscript(ExprPtr object) {
  uint32_t at = Current().at;
  const Expr* child = object.get();
  if (SkipIf(Tok::kDot)) {
    if (Is(Tok::kName)) {
      return Grown(Make<AttributeExpr>(at, std::move(object), Take().text), {child});
    }
    if (!Is(Tok::kInteger)) return Unexpected("a name or number");
    ExprPtr index = Make<ConstExpr>(Current().at, Current().number);
    Take();
    return Grown(Make<ItemExpr>(at, std::move(object), std::move(index)), {child});
  }
  INGOT_TRY(Expect(Tok::kLeftBracket));
  auto tuple = Make<SequenceExpr>(at, Kind::kTuple);
  while (!Is(Tok::kRightBracket)) {
    if (!tuple->items.empty()) INGOT_TRY(Expect(Tok::kComma));
    ExprPtr start;
    if (!Is(Tok::kColon)) {
      INGOT_ASSIGN(start, ParseExpression());
    }
    if (!Is(Tok::kColon)) {
      tuple->items.push_back(std::move(start));
      continue;
    }
    if (!tuple->items.empty()) return Fail(Current().at, "a slice cannot be part of a tuple");
    INGOT_ASSIGN(ExprPtr slice, ParseSlice(std::move(start), at));
    if (Is(Tok::kComma)) return Fail(Current().at, "a slice cannot be part of a tuple");
    INGOT_TRY(Expect(Tok::kRightBracket));
    static_cast<SliceExpr&>(*slice).object = std::move(object);
    return Grown(std::move(slice), {child});
  }
  INGOT_TRY(Expect(Tok::kRightBracket));
  ExprPtr index;
  if (tuple->items.size() == 1) {
    index = std::move(tuple->items[0]);
  } else {
    uint32_t depth = 0;
    for (const ExprPtr& item : tuple->items) depth = std::max(depth, item->depth);
    tuple->depth = depth + 1;
    index = std::move(tuple);
  }
  const Expr* key = index.get();
  return Grown(Make<ItemExpr>(at, std::move(object), std::move(index)), {child, key});
}

// The rest of a slice, from its first colon.
Parser::Result Parser::ParseSlice(ExprPtr start, uint32_t at) {
  auto slice = Make<SliceExpr>(at);
  slice->start = std::move(start);
  INGOT_TRY(Expect(Tok::kColon));
  auto over = [&] { return Is(Tok::kColon) || Is(Tok::kRightBracket) || Is(Tok::kComma); };
  if (!over()) {
    INGOT_ASSIGN(slice->stop, ParseExpression());
  }
  if (SkipIf(Tok::kColon) && !over()) {
    INGOT_ASSIGN(slice->step, ParseExpression());
  }
  const Expr* children[] = {slice->start.get(), slice->stop.get(), slice->step.get()};
  return Grown(std::move(slice), {children[0], children[1], children[2]});
}

Parser::Result Parser::ParseCall(ExprPtr callee) {
  uint32_t at = Current().at;
  const Expr* child = callee.get();
  INGOT_ASSIGN(CallArguments args, ParseArguments());
  uint32_t depth = DepthOf(args);
  auto call = Make<CallExpr>(at, std::move(callee), std::move(args));
  call->depth = depth + 1;
  return Grown(std::move(call), {child});
}

core::Result<CallArguments> Parser::ParseArguments() {
  uint32_t at = Current().at;
  INGOT_TRY(Expect(Tok::kLeftParen));
  CallArguments args;
  std::set<std::string> names;
  bool first = true;
  auto misplaced = [&] { return Fail(at, "invalid syntax for function call expression"); };
  while (!Is(Tok::kRightParen)) {
    if (!first) {
      INGOT_TRY(Expect(Tok::kComma));
      if (Is(Tok::kRightParen)) break;
    }
    first = false;
    if (SkipIf(Tok::kMul)) {
      if (args.more_positional || args.more_named) return misplaced();
      INGOT_ASSIGN(args.more_positional, ParseExpression());
    } else if (SkipIf(Tok::kPow)) {
      if (args.more_named) return misplaced();
      INGOT_ASSIGN(args.more_named, ParseExpression());
    } else if (Is(Tok::kName) && Look().type == Tok::kAssign) {
      if (args.more_named) return misplaced();
      uint32_t name_at = Current().at;
      std::string name = Take().text;
      Take();
      INGOT_ASSIGN(ExprPtr value, ParseExpression());
      if (!names.insert(name).second) {
        return Fail(name_at, core::StrCat("keyword argument repeated: ", name));
      }
      args.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (args.more_positional || args.more_named || !args.named.empty()) return misplaced();
      INGOT_ASSIGN(ExprPtr value, ParseExpression());
      args.positional.push_back(std::move(value));
    }
  }
  INGOT_TRY(Expect(Tok::kRightParen));
  return args;
}

core::Result<std::string> Parser::ParseDottedName() {
  INGOT_ASSIGN(std::string name, TakeName());
  while (SkipIf(Tok::kDot)) {
    INGOT_ASSIGN(std::string part, TakeName());
    name.append(".").append(part);
  }
  return name;
}

Parser::Result Parser::ParseFilter(ExprPtr operand, bool inline_start) {
  while (Is(Tok::kPipe) || inline_start) {
    if (!inline_start) Take();
    inline_start = false;
    uint32_t at = Current().at;
    INGOT_ASSIGN(std::string name, ParseDottedName());
    CallArguments args;
    if (Is(Tok::kLeftParen)) {
      INGOT_ASSIGN(args, ParseArguments());
    }
    uint32_t depth = DepthOf(args);
    const Expr* child = operand.get();
    auto filter = Make<FilterExpr>(at, std::move(operand), std::move(name), std::move(args));
    filter->depth = depth + 1;
    INGOT_ASSIGN(operand, Grown(std::move(filter), {child}));
  }
  return operand;
}

Parser::Result Parser::ParseTest(ExprPtr operand) {
  uint32_t at = Take().at;
  bool negated = SkipIfName("not");
  INGOT_ASSIGN(std::string name, ParseDottedName());
  CallArguments args;
  bool argument = Is(Tok::kName) || Is(Tok::kString) || Is(Tok::kInteger) || Is(Tok::kFloat) ||
                  Is(Tok::kLeftBracket) || Is(Tok::kLeftBrace);
  if (Is(Tok::kLeftParen)) {
    INGOT_ASSIGN(args, ParseArguments());
  } else if (argument && !IsName("else") && !IsName("or") && !IsName("and")) {
    if (IsName("is")) return Fail(Current().at, "tests cannot be chained with is");
    INGOT_ASSIGN(ExprPtr value, ParsePrimary());
    INGOT_ASSIGN(value, ParsePostfix(std::move(value)));
    args.positional.push_back(std::move(value));
  }
  uint32_t depth = DepthOf(args);
  const Expr* child = operand.get();
  auto made = Make<TestExpr>(at, std::move(operand), std::move(name), std::move(args));
  made->depth = depth + 1;
  INGOT_ASSIGN(ExprPtr test, Grown(std::move(made), {child}));
  if (!negated) return test;
  child = test.get();
  return Grown(Make<UnaryExpr>(at, UnaryOp::kNot, std::move(test)), {child});
}

}  // namespace ingot::text::jinja
