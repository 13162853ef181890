// The tree of a parsed template. It is built once and never changes after scope.cc has told every
// name where its variable lives, so any number of renderings may walk it together.
#ifndef INGOT_TEXT_JINJA_AST_H_
#define INGOT_TEXT_JINJA_AST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/ops.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

struct NativeDef;

// ---- Expressions

enum class ExprKind : uint8_t {
  kConst,
  kName,
  kSequence,
  kDict,
  kUnary,
  kBinary,
  kLogic,
  kCompare,
  kConcat,
  kConditional,
  kAttribute,
  kItem,
  kSlice,
  kCall,
  kFilter,
  kTest,
  kNamespaceField,
};

struct Expr {
  Expr(ExprKind expr_kind, uint32_t offset) : kind(expr_kind), at(offset) {}
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;
  virtual ~Expr() = default;
  const ExprKind kind;
  const uint32_t at;   // byte offset in the source
  uint32_t depth = 1;  // how far expressions nest inside
};
using ExprPtr = std::unique_ptr<Expr>;

// Where a variable lives: in the activation `hops` calls outwards, at `slot`.
struct SlotRef {
  int hops = 0;
  int slot = -1;
};

struct ConstExpr final : Expr {
  ConstExpr(uint32_t offset, Value constant)
      : Expr(ExprKind::kConst, offset), value(std::move(constant)) {}
  const Value value;
};

struct NameExpr final : Expr {
  NameExpr(uint32_t offset, std::string variable)
      : Expr(ExprKind::kName, offset), name(std::move(variable)) {}
  const std::string name;
  SlotRef ref;
};

// ns.attribute as the target of a set.
struct NamespaceFieldExpr final : Expr {
  NamespaceFieldExpr(uint32_t offset, std::string variable, Value field)
      : Expr(ExprKind::kNamespaceField, offset),
        name(std::move(variable)),
        attribute(std::move(field)) {}
  const std::string name;
  const Value attribute;
  SlotRef ref;
};

struct SequenceExpr final : Expr {
  SequenceExpr(uint32_t offset, Kind type) : Expr(ExprKind::kSequence, offset), sequence(type) {}
  const Kind sequence;  // kList or kTuple
  std::vector<ExprPtr> items;
};

struct DictExpr final : Expr {
  explicit DictExpr(uint32_t offset) : Expr(ExprKind::kDict, offset) {}
  std::vector<std::pair<ExprPtr, ExprPtr>> pairs;
};

enum class UnaryOp : uint8_t { kNot, kNegate, kPosate };

struct UnaryExpr final : Expr {
  UnaryExpr(uint32_t offset, UnaryOp unary, ExprPtr inner)
      : Expr(ExprKind::kUnary, offset), op(unary), operand(std::move(inner)) {}
  const UnaryOp op;
  const ExprPtr operand;
};

struct BinaryExpr final : Expr {
  BinaryExpr(uint32_t offset, BinaryOp binary, ExprPtr a, ExprPtr b)
      : Expr(ExprKind::kBinary, offset), op(binary), left(std::move(a)), right(std::move(b)) {}
  const BinaryOp op;
  const ExprPtr left;
  const ExprPtr right;
};

struct LogicExpr final : Expr {
  LogicExpr(uint32_t offset, bool conjunction, ExprPtr a, ExprPtr b)
      : Expr(ExprKind::kLogic, offset),
        is_and(conjunction),
        left(std::move(a)),
        right(std::move(b)) {}
  const bool is_and;
  const ExprPtr left;
  const ExprPtr right;
};

struct CompareExpr final : Expr {
  CompareExpr(uint32_t offset, ExprPtr operand)
      : Expr(ExprKind::kCompare, offset), first(std::move(operand)) {}
  const ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};

struct ConcatExpr final : Expr {
  explicit ConcatExpr(uint32_t offset) : Expr(ExprKind::kConcat, offset) {}
  std::vector<ExprPtr> items;
};

struct ConditionalExpr final : Expr {
  ConditionalExpr(uint32_t offset, ExprPtr condition, ExprPtr then, ExprPtr otherwise)
      : Expr(ExprKind::kConditional, offset),
        test(std::move(condition)),
        yes(std::move(then)),
        no(std::move(otherwise)) {}
  const ExprPtr test;
  const ExprPtr yes;
  const ExprPtr no;  // null: undefined
};

struct AttributeExpr final : Expr {
  AttributeExpr(uint32_t offset, ExprPtr of, std::string attribute)
      : Expr(ExprKind::kAttribute, offset), object(std::move(of)), name(std::move(attribute)) {}
  const ExprPtr object;
  const std::string name;
};

struct ItemExpr final : Expr {
  ItemExpr(uint32_t offset, ExprPtr of, ExprPtr key)
      : Expr(ExprKind::kItem, offset), object(std::move(of)), index(std::move(key)) {}
  const ExprPtr object;
  const ExprPtr index;
};

struct SliceExpr final : Expr {
  explicit SliceExpr(uint32_t offset) : Expr(ExprKind::kSlice, offset) {}
  ExprPtr object;
  ExprPtr start, stop, step;  // null: not given
};

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr more_positional;  // *args
  ExprPtr more_named;       // **kwargs
};

struct CallExpr final : Expr {
  CallExpr(uint32_t offset, ExprPtr function, CallArguments arguments)
      : Expr(ExprKind::kCall, offset), callee(std::move(function)), args(std::move(arguments)) {}
  const ExprPtr callee;
  const CallArguments args;
};

struct FilterExpr final : Expr {
  FilterExpr(uint32_t offset, ExprPtr input, std::string filter, CallArguments arguments)
      : Expr(ExprKind::kFilter, offset),
        operand(std::move(input)),
        name(std::move(filter)),
        args(std::move(arguments)) {}
  const ExprPtr operand;  // null: the text of the block that it filters
  const std::string name;
  const NativeDef* filter = nullptr;  // null: unknown, an error when it is reached
  const CallArguments args;
};

struct TestExpr final : Expr {
  TestExpr(uint32_t offset, ExprPtr input, std::string condition, CallArguments arguments)
      : Expr(ExprKind::kTest, offset),
        operand(std::move(input)),
        name(std::move(condition)),
        args(std::move(arguments)) {}
  const ExprPtr operand;
  const std::string name;
  const NativeDef* test = nullptr;
  const CallArguments args;
};

// ---- Statements

// What entering a scope does to one of its variables.
struct VariableLoad {
  enum class From : uint8_t { kContext, kOuter, kNothing } from = From::kNothing;
  int slot = -1;
  SlotRef outer;     // kOuter: copied from there
  std::string name;  // kContext: looked up under this name
};
using ScopeLoads = std::vector<VariableLoad>;

enum class StmtKind : uint8_t {
  kText,
  kPrint,
  kIf,
  kFor,
  kSet,
  kSetBlock,
  kMacro,
  kCallBlock,
  kFilterBlock,
  kWith,
  kBreak,
  kContinue,
};

struct Stmt {
  Stmt(StmtKind stmt_kind, uint32_t offset) : kind(stmt_kind), at(offset) {}
  Stmt(const Stmt&) = delete;
  Stmt& operator=(const Stmt&) = delete;
  virtual ~Stmt() = default;
  const StmtKind kind;
  const uint32_t at;
};
using StmtPtr = std::unique_ptr<Stmt>;
using Body = std::vector<StmtPtr>;

struct PlainStmt final : Stmt {  // break, continue
  using Stmt::Stmt;
};

struct TextStmt final : Stmt {
  TextStmt(uint32_t offset, std::string data)
      : Stmt(StmtKind::kText, offset), text(std::move(data)) {}
  const std::string text;
};

struct PrintStmt final : Stmt {
  PrintStmt(uint32_t offset, ExprPtr value)
      : Stmt(StmtKind::kPrint, offset), expr(std::move(value)) {}
  const ExprPtr expr;
};

struct IfStmt final : Stmt {
  explicit IfStmt(uint32_t offset) : Stmt(StmtKind::kIf, offset) {}
  struct Branch {
    ExprPtr test;
    Body body;
  };
  std::vector<Branch> branches;  // if, elif, …
  Body otherwise;
};

struct ForStmt final : Stmt {
  explicit ForStmt(uint32_t offset) : Stmt(StmtKind::kFor, offset) {}
  ExprPtr target;
  ExprPtr iterable;
  ExprPtr test;         // null: none
  ExprPtr test_target;  // the target again, with the variables that the test sees
  Body body;
  Body otherwise;
  bool recursive = false;
  int slots = 0;          // of its own activation, where it is recursive
  bool has_loop = false;  // the body uses `loop`
  SlotRef loop;
  ScopeLoads body_loads, test_loads, else_loads;
};

struct SetStmt final : Stmt {
  SetStmt(uint32_t offset, ExprPtr to, ExprPtr from)
      : Stmt(StmtKind::kSet, offset), target(std::move(to)), value(std::move(from)) {}
  const ExprPtr target;
  const ExprPtr value;
};

struct SetBlockStmt final : Stmt {
  SetBlockStmt(uint32_t offset, ExprPtr to)
      : Stmt(StmtKind::kSetBlock, offset), target(std::move(to)) {}
  const ExprPtr target;
  ExprPtr filter;  // null, or filters whose innermost operand is null
  Body body;
  ScopeLoads loads;
};

struct FilterBlockStmt final : Stmt {
  explicit FilterBlockStmt(uint32_t offset) : Stmt(StmtKind::kFilterBlock, offset) {}
  ExprPtr filter;
  Body body;
  ScopeLoads loads;
};

struct WithStmt final : Stmt {
  explicit WithStmt(uint32_t offset) : Stmt(StmtKind::kWith, offset) {}
  std::vector<std::pair<ExprPtr, ExprPtr>> bindings;  // target, value
  Body body;
  ScopeLoads loads;
};

// A macro, or the body of a call block.
struct MacroNode {
  struct Parameter {
    std::string name;
    ExprPtr fallback;  // null: undefined when it is not given
    int slot = -1;
  };
  std::string name;  // empty: a call block's
  std::vector<Parameter> parameters;
  Body body;
  int slots = 0;
  // Slots of the variables that the body uses without declaring them; -1 where it does not.
  int caller_slot = -1;
  int kwargs_slot = -1;
  int varargs_slot = -1;
  ScopeLoads loads;
};

struct MacroStmt final : Stmt {
  explicit MacroStmt(uint32_t offset) : Stmt(StmtKind::kMacro, offset) {}
  MacroNode macro;
  SlotRef ref;
};

struct CallBlockStmt final : Stmt {
  explicit CallBlockStmt(uint32_t offset) : Stmt(StmtKind::kCallBlock, offset) {}
  ExprPtr call;  // a CallExpr; null: a generation block, which only marks its text
  MacroNode body;
};

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_AST_H_
