// One rendering of a template: walks the tree and collects the output. Belongs to one thread; the
// tree and the context outlive it.
#ifndef INGOT_TEXT_JINJA_RUNTIME_H_
#define INGOT_TEXT_JINJA_RUNTIME_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "text/jinja/ast.h"
#include "text/jinja/heap.h"
#include "text/jinja/objects.h"
#include "text/jinja/scope.h"

namespace ingot::text::jinja {

using Context = std::vector<std::pair<std::string, Value>>;

class Runtime {
 public:
  // wall_ns: what strftime_now shows, nanoseconds since the Unix epoch.
  Runtime(std::string_view source, const Context& context, const Limits& limits, int64_t wall_ns);
  ~Runtime();

  core::Result<Text> Render(const Body& body, const RootScope& root);

  // For filters, tests and functions.
  Heap& heap() { return heap_; }
  int64_t wall_ns() const { return wall_ns_; }
  core::Result<Value> Call(const Value& callee, Args args);
  core::Result<Value> CallFilter(const Value& name, const Value& input, Args args);
  core::Result<bool> CallTest(const Value& name, const Value& input, Args args);
  // The next element of a loop, or false at its end.
  core::Result<bool> Advance(LoopObject& loop, Value& element);
  // Reads ahead by one, or to the end.
  core::Result<bool> Peek(LoopObject& loop);
  core::Result<Int> LoopLength(LoopObject& loop);
  core::Result<Value> LoopAttribute(const Value& loop, std::string_view name);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  using Scope = std::shared_ptr<Activation>;

  // Replaces the activation or the output while it lives.
  template <typename T>
  class Swap {
   public:
    Swap(T& place, T value) : place_(place), before_(std::exchange(place, std::move(value))) {}
    ~Swap() { place_ = std::move(before_); }
    Swap(const Swap&) = delete;
    Swap& operator=(const Swap&) = delete;

   private:
    T& place_;
    T before_;
  };

  // Where an error happened, said once.
  core::Status At(uint32_t offset, core::Status status);
  core::Status TooDeep(uint32_t offset);

  // Variables.
  Value& Slot(const SlotRef& ref);
  void Enter(const ScopeLoads& loads);
  Value LookUp(const std::string& name) const;
  core::Status Assign(const Expr& target, Value value);
  Scope NewActivation(int slots, Scope outer);

  // Statements (run.cc).
  core::Result<Flow> Run(const Body& body);
  core::Result<Flow> Run(const Stmt& stmt);
  core::Result<Flow> RunIf(const IfStmt& stmt);
  core::Result<Flow> RunFor(const ForStmt& stmt, Value iterable, Int depth0);
  core::Status RunForRecursive(const ForStmt& stmt);
  core::Result<Value> RecurseLoop(LoopObject& loop, const Value& iterable);
  core::Result<Flow> RunSetBlock(const SetBlockStmt& stmt);
  core::Result<Flow> RunFilterBlock(const FilterBlockStmt& stmt);
  core::Result<Flow> RunWith(const WithStmt& stmt);
  core::Result<Flow> RunCallBlock(const CallBlockStmt& stmt);
  core::Status Print(const Value& value);
  core::Status PrintBlock(const Value& value);
  core::Status TooLong() const;
  // The text that a body writes; break and continue pass through.
  core::Result<Flow> Capture(const Body& body, Value& text);
  core::Result<bool> Pull(LoopSource& source, Value& element);
  core::Result<bool> Passes(const ForStmt& stmt, const Value& element);

  // Macros (call.cc).
  core::Result<Value> CallMacro(const MacroObject& macro, Args args);
  core::Status BindMacro(const MacroNode& node, Args& args, Activation& activation);
  core::Result<Value> NewMacro(const MacroNode& node);

  // Expressions (eval.cc).
  core::Result<Value> Eval(const Expr& expr);
  core::Result<Value> EvalNode(const Expr& expr);
  core::Result<Value> EvalName(const NameExpr& expr);
  core::Result<Value> EvalSequence(const SequenceExpr& expr);
  core::Result<Value> EvalDict(const DictExpr& expr);
  core::Result<Value> EvalUnary(const UnaryExpr& expr);
  core::Result<Value> EvalBinary(const BinaryExpr& expr);
  core::Result<Value> EvalCompare(const CompareExpr& expr);
  core::Result<Value> EvalConcat(const ConcatExpr& expr);
  core::Result<Value> EvalConditional(const ConditionalExpr& expr);
  core::Result<Value> EvalAttribute(const AttributeExpr& expr);
  core::Result<Value> EvalItem(const ItemExpr& expr);
  core::Result<Value> EvalSlice(const SliceExpr& expr);
  core::Result<Value> EvalCall(const CallExpr& expr, Value caller = {});
  core::Result<Value> EvalFilter(const FilterExpr& expr);
  core::Result<Value> EvalTest(const TestExpr& expr);
  core::Result<Args> EvalArguments(const CallArguments& args);

  std::string_view source_;
  const Context& context_;
  int64_t wall_ns_;
  Heap heap_;  // before every value below
  Scope scope_;
  TextBuilder* out_ = nullptr;
  Value block_text_;  // what a filter without operand filters
  bool located_ = false;
};

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_RUNTIME_H_
