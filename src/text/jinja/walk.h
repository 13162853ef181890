// Visits the direct children of a tree's nodes in the order in which they are written.
#ifndef INGOT_TEXT_JINJA_WALK_H_
#define INGOT_TEXT_JINJA_WALK_H_

#include "text/jinja/ast.h"

namespace ingot::text::jinja {

template <typename Visit>
void ForEachArgument(const CallArguments& args, Visit&& visit) {
  for (const ExprPtr& expr : args.positional) visit(*expr);
  for (const auto& [name, expr] : args.named) visit(*expr);
  if (args.more_positional) visit(*args.more_positional);
  if (args.more_named) visit(*args.more_named);
}

template <typename Visit>
void ForEachChild(Expr& expr, Visit&& visit) {
  switch (expr.kind) {
    case ExprKind::kConst:
    case ExprKind::kName:
    case ExprKind::kNamespaceField:
      return;
    case ExprKind::kSequence:
      for (const ExprPtr& item : static_cast<SequenceExpr&>(expr).items) visit(*item);
      return;
    case ExprKind::kDict:
      for (const auto& [key, value] : static_cast<DictExpr&>(expr).pairs) {
        visit(*key);
        visit(*value);
      }
      return;
    case ExprKind::kUnary:
      visit(*static_cast<UnaryExpr&>(expr).operand);
      return;
    case ExprKind::kBinary:
      visit(*static_cast<BinaryExpr&>(expr).left);
      visit(*static_cast<BinaryExpr&>(expr).right);
      return;
    case ExprKind::kLogic:
      visit(*static_cast<LogicExpr&>(expr).left);
      visit(*static_cast<LogicExpr&>(expr).right);
      return;
    case ExprKind::kCompare:
      visit(*static_cast<CompareExpr&>(expr).first);
      for (const auto& [op, operand] : static_cast<CompareExpr&>(expr).rest) visit(*operand);
      return;
    case ExprKind::kConcat:
      for (const ExprPtr& item : static_cast<ConcatExpr&>(expr).items) visit(*item);
      return;
    case ExprKind::kConditional: {
      auto& node = static_cast<ConditionalExpr&>(expr);
      visit(*node.test);
      visit(*node.yes);
      if (node.no) visit(*node.no);
      return;
    }
    case ExprKind::kAttribute:
      visit(*static_cast<AttributeExpr&>(expr).object);
      return;
    case ExprKind::kItem:
      visit(*static_cast<ItemExpr&>(expr).object);
      visit(*static_cast<ItemExpr&>(expr).index);
      return;
    case ExprKind::kSlice: {
      auto& node = static_cast<SliceExpr&>(expr);
      for (const ExprPtr* part : {&node.object, &node.start, &node.stop, &node.step}) {
        if (*part) visit(**part);
      }
      return;
    }
    case ExprKind::kCall:
      visit(*static_cast<CallExpr&>(expr).callee);
      ForEachArgument(static_cast<CallExpr&>(expr).args, visit);
      return;
    case ExprKind::kFilter:
      if (static_cast<FilterExpr&>(expr).operand) visit(*static_cast<FilterExpr&>(expr).operand);
      ForEachArgument(static_cast<FilterExpr&>(expr).args, visit);
      return;
    case ExprKind::kTest:
      visit(*static_cast<TestExpr&>(expr).operand);
      ForEachArgument(static_cast<TestExpr&>(expr).args, visit);
      return;
  }
}

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_WALK_H_
