// Statements and variables.
#include "core/strings.h"
#include "text/jinja/builtins.h"
#include "text/jinja/iterate.h"
#include "text/jinja/ops.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace ingot::text::jinja {

Runtime::Runtime(std::string_view source, const Context& context, const Limits& limits,
                 int64_t wall_ns)
    : source_(source), context_(context), wall_ns_(wall_ns), heap_(limits) {}

Runtime::~Runtime() = default;

core::Result<Text> Runtime::Render(const Body& body, const RootScope& root) {
  scope_ = NewActivation(root.slots, nullptr);
  Enter(root.loads);
  TextBuilder out = heap_.NewText();
  out_ = &out;
  core::Result<Flow> flow = Run(body);
  out_ = nullptr;
  scope_->slots.clear();
  if (!flow.ok()) return std::move(flow).status();
  return std::move(out).Finish();
}

Runtime::Scope Runtime::NewActivation(int slots, Scope outer) {
  auto activation = std::make_shared<Activation>();
  activation->slots.resize(static_cast<size_t>(slots));
  activation->outer = std::move(outer);
  return activation;
}

Value& Runtime::Slot(const SlotRef& ref) {
  Activation* activation = scope_.get();
  for (int i = 0; i < ref.hops; ++i) activation = activation->outer.get();
  return activation->slots[static_cast<size_t>(ref.slot)];
}

Value Runtime::LookUp(const std::string& name) const {
  // The last binding of a name wins.
  for (auto entry = context_.rbegin(); entry != context_.rend(); ++entry) {
    if (entry->first == name) return entry->second;
  }
  if (const NativeDef* def = FindGlobal(name)) {
    return Value::OfObject(Kind::kFunction, std::make_shared<FunctionObject>(*def));
  }
  return {};
}

void Runtime::Enter(const ScopeLoads& loads) {
  for (const VariableLoad& load : loads) {
    Value& slot = scope_->slots[static_cast<size_t>(load.slot)];
    switch (load.from) {
      case VariableLoad::From::kContext:
        slot = LookUp(load.name);
        break;
      case VariableLoad::From::kOuter:
        slot = Value(Slot(load.outer));
        break;
      case VariableLoad::From::kNothing:
        slot = Value();
        break;
    }
  }
}

core::Status Runtime::Assign(const Expr& target, Value value) {
  switch (target.kind) {
    case ExprKind::kName:
      Slot(static_cast<const NameExpr&>(target).ref) = std::move(value);
      return {};
    case ExprKind::kNamespaceField: {
      const auto& field = static_cast<const NamespaceFieldExpr&>(target);
      const Value& object = Slot(field.ref);
      if (!object.is(Kind::kNamespace)) {
        return At(target.at,
                  core::InvalidArgument("cannot assign attribute on non-namespace object"));
      }
      if (field.attribute.view().starts_with('_')) {
        return At(target.at,
                  core::InvalidArgument("a namespace cannot have attributes that begin with _"));
      }
      object.as<NamespaceObject>().Set(field.attribute, std::move(value));
      return {};
    }
    default:
      break;
  }
  const auto& targets = static_cast<const SequenceExpr&>(target).items;
  auto items = Collect(heap_, value);
  if (!items.ok()) return At(target.at, std::move(items).status());
  if (items->size() != targets.size()) {
    return At(target.at,
              TypeError(core::StrCat(items->size() < targets.size() ? "not enough" : "too many",
                                     " values to unpack (expected ", targets.size(), ", got ",
                                     items->size(), ")")));
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    INGOT_TRY(Assign(*targets[i], std::move((*items)[i])));
  }
  return {};
}

core::Result<Runtime::Flow> Runtime::Run(const Body& body) {
  for (const StmtPtr& stmt : body) {
    INGOT_ASSIGN(Flow flow, Run(*stmt));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

core::Result<Runtime::Flow> Runtime::Run(const Stmt& stmt) {
  if (stmt.kind == StmtKind::kText) {
    const std::string& text = static_cast<const TextStmt&>(stmt).text;
    core::Status charged = heap_.meter().ChargeBytes(text.size());
    if (!charged.ok()) return At(stmt.at, std::move(charged));
    out_->Append(text);
    if (out_->overflowed()) return At(stmt.at, TooLong());
    return Flow::kNext;
  }
  core::Status charged = heap_.Charge(1);
  if (!charged.ok()) return At(stmt.at, std::move(charged));
  if (!heap_.meter().Enter()) return TooDeep(stmt.at);
  auto run = [&]() -> core::Result<Flow> {
    switch (stmt.kind) {
      case StmtKind::kText:
        break;
      case StmtKind::kPrint: {
        INGOT_ASSIGN(Value value, Eval(*static_cast<const PrintStmt&>(stmt).expr));
        INGOT_TRY(Print(value));
        break;
      }
      case StmtKind::kIf:
        return RunIf(static_cast<const IfStmt&>(stmt));
      case StmtKind::kFor: {
        const auto& loop = static_cast<const ForStmt&>(stmt);
        if (loop.recursive) {
          INGOT_TRY(RunForRecursive(loop));
          break;
        }
        INGOT_ASSIGN(Value iterable, Eval(*loop.iterable));
        return RunFor(loop, std::move(iterable), 0);
      }
      case StmtKind::kSet: {
        const auto& set = static_cast<const SetStmt&>(stmt);
        INGOT_ASSIGN(Value value, Eval(*set.value));
        INGOT_TRY(Assign(*set.target, std::move(value)));
        break;
      }
      case StmtKind::kSetBlock:
        return RunSetBlock(static_cast<const SetBlockStmt&>(stmt));
      case StmtKind::kMacro: {
        const auto& macro = static_cast<const MacroStmt&>(stmt);
        INGOT_ASSIGN(Value value, NewMacro(macro.macro));
        Slot(macro.ref) = std::move(value);
        break;
      }
      case StmtKind::kCallBlock:
        return RunCallBlock(static_cast<const CallBlockStmt&>(stmt));
      case StmtKind::kFilterBlock:
        return RunFilterBlock(static_cast<const FilterBlockStmt&>(stmt));
      case StmtKind::kWith:
        return RunWith(static_cast<const WithStmt&>(stmt));
      case StmtKind::kBreak:
        return Flow::kBreak;
      case StmtKind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kNext;
  };
  core::Result<Flow> flow = run();
  heap_.meter().Leave();
  if (!flow.ok()) return At(stmt.at, std::move(flow).status());
  return flow;
}

core::Status Runtime::Print(const Value& value) {
  INGOT_TRY(AppendStr(heap_, *out_, value));
  return out_->overflowed() ? TooLong() : core::Status();
}

// What a filter or call block gives must be text already.
core::Status Runtime::PrintBlock(const Value& value) {
  if (value.is_string()) return Print(value);
  return TypeError(core::StrCat("the block gives '", TypeName(value), "', not text"));
}

core::Status Runtime::TooLong() const {
  return core::Exhausted(
      core::StrCat("the output grows beyond ", core::HumanBytes(out_->max_bytes())));
}

core::Result<Runtime::Flow> Runtime::RunIf(const IfStmt& stmt) {
  for (const IfStmt::Branch& branch : stmt.branches) {
    INGOT_ASSIGN(Value test, Eval(*branch.test));
    if (Truth(test)) return Run(branch.body);
  }
  return Run(stmt.otherwise);
}

core::Result<bool> Runtime::Passes(const ForStmt& stmt, const Value& element) {
  INGOT_TRY(Assign(*stmt.test_target, element));
  INGOT_ASSIGN(Value test, Eval(*stmt.test));
  return Truth(test);
}

core::Result<bool> Runtime::Pull(LoopSource& source, Value& element) {
  while (source.cursor.Next(heap_, element)) {
    if (source.filter == nullptr) return true;
    // The condition sees the variables of the scope that the loop stands in.
    Scope scope = source.scope.lock();
    if (scope == nullptr) return false;
    Swap<Scope> swap(scope_, std::move(scope));
    if (!source.entered) {
      source.entered = true;
      Enter(source.filter->test_loads);
    }
    INGOT_ASSIGN(bool passes, Passes(*source.filter, element));
    if (passes) return true;
  }
  if (!source.cursor.status().ok()) return source.cursor.status();
  return false;
}

core::Result<Runtime::Flow> Runtime::RunFor(const ForStmt& stmt, Value iterable, Int depth0) {
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(iterable));
  LoopSource source(std::move(cursor));
  if (stmt.test) {
    source.filter = &stmt;
    source.scope = scope_;
  }
  std::shared_ptr<LoopObject> loop;
  if (stmt.has_loop) {
    loop = std::make_shared<LoopObject>(stmt, std::move(iterable), std::move(source));
    loop->depth0 = depth0;
    loop->outer = scope_->outer;
    INGOT_TRY(heap_.Other(Kind::kLoop, loop).status());
  }
  // As the original has it: the else part runs unless the body came to its end at least once, so
  // also where every turn was continued or broken off.
  bool completed = false;
  Value element;
  while (true) {
    INGOT_TRY(heap_.Charge(1));
    INGOT_ASSIGN(bool more, loop ? Advance(*loop, element) : Pull(source, element));
    if (!more) break;
    INGOT_TRY(Assign(*stmt.target, std::move(element)));
    if (loop) Slot(stmt.loop) = Value::OfObject(Kind::kLoop, loop);
    Enter(stmt.body_loads);
    INGOT_ASSIGN(Flow flow, Run(stmt.body));
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNext) completed = true;
  }
  if (loop) Slot(stmt.loop) = Value();
  if (completed || stmt.otherwise.empty()) return Flow::kNext;
  Enter(stmt.else_loads);
  return Run(stmt.otherwise);
}

core::Status Runtime::RunForRecursive(const ForStmt& stmt) {
  INGOT_ASSIGN(Value iterable, Eval(*stmt.iterable));
  Scope inner = NewActivation(stmt.slots, scope_);
  Swap<Scope> swap(scope_, std::move(inner));
  return RunFor(stmt, std::move(iterable), 0).status();
}

core::Result<Value> Runtime::RecurseLoop(LoopObject& loop, const Value& iterable) {
  if (!loop.stmt.recursive) {
    return TypeError("the loop must have the 'recursive' marker to be called recursively");
  }
  Scope outer = loop.outer.lock();
  if (outer == nullptr) return TypeError("the loop is over");
  if (!heap_.meter().Enter()) return core::Exhausted("the loop recurses too deep");
  TextBuilder text = heap_.NewText();
  core::Status status;
  {
    Swap<Scope> scope(scope_, NewActivation(loop.stmt.slots, std::move(outer)));
    Swap<TextBuilder*> out(out_, &text);
    status = RunFor(loop.stmt, iterable, loop.depth0 + 1).status();
  }
  heap_.meter().Leave();
  INGOT_TRY(std::move(status));
  return heap_.String(std::move(text));
}

core::Result<Runtime::Flow> Runtime::Capture(const Body& body, Value& text) {
  TextBuilder builder = heap_.NewText();
  Flow flow = Flow::kNext;
  {
    Swap<TextBuilder*> out(out_, &builder);
    INGOT_ASSIGN(flow, Run(body));
  }
  INGOT_ASSIGN(text, heap_.String(std::move(builder)));
  return flow;
}

core::Result<Runtime::Flow> Runtime::RunSetBlock(const SetBlockStmt& stmt) {
  Enter(stmt.loads);
  Value text;
  INGOT_ASSIGN(Flow flow, Capture(stmt.body, text));
  if (flow != Flow::kNext) return flow;
  if (stmt.filter) {
    Swap<Value> swap(block_text_, std::move(text));
    INGOT_ASSIGN(text, Eval(*stmt.filter));
  }
  INGOT_TRY(Assign(*stmt.target, std::move(text)));
  return Flow::kNext;
}

core::Result<Runtime::Flow> Runtime::RunFilterBlock(const FilterBlockStmt& stmt) {
  Enter(stmt.loads);
  Value text;
  INGOT_ASSIGN(Flow flow, Capture(stmt.body, text));
  if (flow != Flow::kNext) return flow;
  {
    Swap<Value> swap(block_text_, std::move(text));
    INGOT_ASSIGN(text, Eval(*stmt.filter));
  }
  INGOT_TRY(PrintBlock(text));
  return Flow::kNext;
}

core::Result<Runtime::Flow> Runtime::RunWith(const WithStmt& stmt) {
  Enter(stmt.loads);
  for (const auto& [target, value_expr] : stmt.bindings) {
    INGOT_ASSIGN(Value value, Eval(*value_expr));
    INGOT_TRY(Assign(*target, std::move(value)));
  }
  return Run(stmt.body);
}

core::Result<Runtime::Flow> Runtime::RunCallBlock(const CallBlockStmt& stmt) {
  INGOT_ASSIGN(Value body, NewMacro(stmt.body));
  Value text;
  if (stmt.call) {
    INGOT_ASSIGN(text, EvalCall(static_cast<const CallExpr&>(*stmt.call), std::move(body)));
  } else {
    INGOT_ASSIGN(text, Call(body, {}));
  }
  INGOT_TRY(PrintBlock(text));
  return Flow::kNext;
}

core::Result<Value> Runtime::NewMacro(const MacroNode& node) {
  INGOT_TRY(heap_.Keep(scope_));
  return heap_.Other(Kind::kMacro, std::make_shared<MacroObject>(node, scope_));
}

}  // namespace ingot::text::jinja
