// Expressions.
#include "core/strings.h"
#include "text/jinja/builtins.h"
#include "text/jinja/lexer.h"
#include "text/jinja/ops.h"
#include "text/jinja/runtime.h"

namespace ingot::text::jinja {

core::Status Runtime::At(uint32_t offset, core::Status status) {
  if (located_ || status.ok()) return status;
  located_ = true;
  return std::move(status).Context(Place(source_, offset));
}

core::Status Runtime::TooDeep(uint32_t offset) {
  return At(offset, core::Exhausted("the template nests or recurses too deep"));
}

core::Result<Value> Runtime::Eval(const Expr& expr) {
  if (expr.kind == ExprKind::kConst) return static_cast<const ConstExpr&>(expr).value;
  core::Status charged = heap_.Charge(1);
  if (!charged.ok()) return At(expr.at, std::move(charged));
  if (expr.kind == ExprKind::kName) return EvalName(static_cast<const NameExpr&>(expr));
  if (!heap_.meter().Enter()) return TooDeep(expr.at);
  core::Result<Value> result = EvalNode(expr);
  heap_.meter().Leave();
  if (!result.ok() && !located_) return At(expr.at, std::move(result).status());
  return result;
}

core::Result<Value> Runtime::EvalNode(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kSequence:
      return EvalSequence(static_cast<const SequenceExpr&>(expr));
    case ExprKind::kDict:
      return EvalDict(static_cast<const DictExpr&>(expr));
    case ExprKind::kUnary:
      return EvalUnary(static_cast<const UnaryExpr&>(expr));
    case ExprKind::kBinary:
      return EvalBinary(static_cast<const BinaryExpr&>(expr));
    case ExprKind::kLogic: {
      const auto& logic = static_cast<const LogicExpr&>(expr);
      INGOT_ASSIGN(Value left, Eval(*logic.left));
      if (Truth(left) != logic.is_and) return left;
      return Eval(*logic.right);
    }
    case ExprKind::kCompare:
      return EvalCompare(static_cast<const CompareExpr&>(expr));
    case ExprKind::kConcat:
      return EvalConcat(static_cast<const ConcatExpr&>(expr));
    case ExprKind::kConditional:
      return EvalConditional(static_cast<const ConditionalExpr&>(expr));
    case ExprKind::kAttribute:
      return EvalAttribute(static_cast<const AttributeExpr&>(expr));
    case ExprKind::kItem:
      return EvalItem(static_cast<const ItemExpr&>(expr));
    case ExprKind::kSlice:
      return EvalSlice(static_cast<const SliceExpr&>(expr));
    case ExprKind::kCall:
      return EvalCall(static_cast<const CallExpr&>(expr));
    case ExprKind::kFilter:
      return EvalFilter(static_cast<const FilterExpr&>(expr));
    case ExprKind::kTest:
      return EvalTest(static_cast<const TestExpr&>(expr));
    case ExprKind::kConst:
    case ExprKind::kName:
    case ExprKind::kNamespaceField:
      break;
  }
  return core::Internal("this expression has no value");
}

core::Result<Value> Runtime::EvalName(const NameExpr& expr) {
  const Value& value = Slot(expr.ref);
  if (value.missing()) return UndefinedName(expr.name);
  return value;
}

core::Result<Value> Runtime::EvalSequence(const SequenceExpr& expr) {
  std::vector<Value> items;
  items.reserve(expr.items.size());
  for (const ExprPtr& item : expr.items) {
    INGOT_ASSIGN(Value value, Eval(*item));
    items.push_back(std::move(value));
  }
  return heap_.Items(expr.sequence, std::move(items));
}

core::Result<Value> Runtime::EvalDict(const DictExpr& expr) {
  std::vector<DictObject::Entry> entries;
  entries.reserve(expr.pairs.size());
  for (const auto& [key_expr, value_expr] : expr.pairs) {
    INGOT_ASSIGN(Value key, Eval(*key_expr));
    INGOT_ASSIGN(Value value, Eval(*value_expr));
    entries.emplace_back(std::move(key), std::move(value));
  }
  return heap_.Dict(std::move(entries));
}

core::Result<Value> Runtime::EvalUnary(const UnaryExpr& expr) {
  INGOT_ASSIGN(Value operand, Eval(*expr.operand));
  switch (expr.op) {
    case UnaryOp::kNot:
      return Value::Bool(!Truth(operand));
    case UnaryOp::kNegate:
      return Negate(operand);
    case UnaryOp::kPosate:
      return Posate(operand);
  }
  return core::Internal("no such operator");
}

core::Result<Value> Runtime::EvalBinary(const BinaryExpr& expr) {
  INGOT_ASSIGN(Value left, Eval(*expr.left));
  INGOT_ASSIGN(Value right, Eval(*expr.right));
  return Binary(heap_, expr.op, left, right);
}

core::Result<Value> Runtime::EvalCompare(const CompareExpr& expr) {
  INGOT_ASSIGN(Value left, Eval(*expr.first));
  for (const auto& [op, operand] : expr.rest) {
    INGOT_ASSIGN(Value right, Eval(*operand));
    INGOT_ASSIGN(bool holds, Compare(heap_, op, left, right));
    if (!holds) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

core::Result<Value> Runtime::EvalConcat(const ConcatExpr& expr) {
  std::vector<Value> values;
  values.reserve(expr.items.size());
  for (const ExprPtr& item : expr.items) {
    INGOT_ASSIGN(Value value, Eval(*item));
    values.push_back(std::move(value));
  }
  return Concat(heap_, values);
}

core::Result<Value> Runtime::EvalConditional(const ConditionalExpr& expr) {
  INGOT_ASSIGN(Value test, Eval(*expr.test));
  if (Truth(test)) return Eval(*expr.yes);
  if (expr.no) return Eval(*expr.no);
  return UndefinedHint(
      "the inline if-expression evaluated to false and no else section was defined");
}

core::Result<Value> Runtime::EvalAttribute(const AttributeExpr& expr) {
  INGOT_ASSIGN(Value object, Eval(*expr.object));
  if (object.is(Kind::kLoop)) return LoopAttribute(object, expr.name);
  return GetAttribute(heap_, object, expr.name);
}

core::Result<Value> Runtime::EvalItem(const ItemExpr& expr) {
  INGOT_ASSIGN(Value object, Eval(*expr.object));
  INGOT_ASSIGN(Value index, Eval(*expr.index));
  if (object.is(Kind::kLoop) && index.is_string()) return LoopAttribute(object, index.view());
  return GetItem(heap_, object, index);
}

core::Result<Value> Runtime::EvalSlice(const SliceExpr& expr) {
  INGOT_ASSIGN(Value object, Eval(*expr.object));
  Value bounds[3];
  const ExprPtr* parts[3] = {&expr.start, &expr.stop, &expr.step};
  for (int i = 0; i < 3; ++i) {
    if (*parts[i]) {
      INGOT_ASSIGN(bounds[i], Eval(**parts[i]));
    }
  }
  return GetSlice(heap_, object, bounds[0], bounds[1], bounds[2]);
}

core::Result<Args> Runtime::EvalArguments(const CallArguments& arguments) {
  Args args;
  args.positional.reserve(arguments.positional.size());
  for (const ExprPtr& expr : arguments.positional) {
    INGOT_ASSIGN(Value value, Eval(*expr));
    args.positional.push_back(std::move(value));
  }
  for (const auto& [name, expr] : arguments.named) {
    INGOT_ASSIGN(Value value, Eval(*expr));
    args.named.emplace_back(name, std::move(value));
  }
  if (arguments.more_positional) {
    INGOT_ASSIGN(Value more, Eval(*arguments.more_positional));
    INGOT_ASSIGN(std::vector<Value> items, Collect(heap_, more));
    for (Value& item : items) args.positional.push_back(std::move(item));
  }
  if (arguments.more_named) {
    INGOT_ASSIGN(Value more, Eval(*arguments.more_named));
    if (!more.is(Kind::kDict)) {
      return TypeError(core::StrCat("argument after ** must be a mapping, not ", TypeName(more)));
    }
    INGOT_TRY(heap_.Charge(more.dict().size() * (args.named.size() + 1)));
    for (const auto& [key, value] : more.dict().entries()) {
      if (!key.is_string()) return TypeError("keywords must be strings");
      for (const auto& [name, given] : args.named) {
        if (name != key.view()) continue;
        return TypeError(
            core::StrCat("got multiple values for keyword argument ", core::Quoted(name)));
      }
      args.named.emplace_back(key.view(), value);
    }
    args.keep_alive = std::move(more);
  }
  return args;
}

core::Result<Value> Runtime::EvalCall(const CallExpr& expr, Value caller) {
  INGOT_ASSIGN(Value callee, Eval(*expr.callee));
  INGOT_ASSIGN(Args args, EvalArguments(expr.args));
  if (!caller.missing()) {
    for (const auto& [name, value] : args.named) {
      if (name == "caller") return TypeError("got multiple values for keyword argument 'caller'");
    }
    args.named.emplace_back("caller", std::move(caller));
  }
  return Call(callee, std::move(args));
}

core::Result<Value> Runtime::EvalFilter(const FilterExpr& expr) {
  Value operand = block_text_;
  if (expr.operand) {
    INGOT_ASSIGN(operand, Eval(*expr.operand));
  }
  INGOT_ASSIGN(Args args, EvalArguments(expr.args));
  if (expr.filter == nullptr) {
    return core::InvalidArgument(core::StrCat("no filter named '", expr.name, "'"));
  }
  return CallNative(*this, *expr.filter, operand, std::move(args));
}

core::Result<Value> Runtime::EvalTest(const TestExpr& expr) {
  INGOT_ASSIGN(Value operand, Eval(*expr.operand));
  INGOT_ASSIGN(Args args, EvalArguments(expr.args));
  if (expr.test == nullptr) {
    return core::InvalidArgument(core::StrCat("no test named '", expr.name, "'"));
  }
  return CallNative(*this, *expr.test, operand, std::move(args));
}

}  // namespace ingot::text::jinja
