#include "text/jinja/scope.h"

#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/strings.h"
#include "text/jinja/builtins.h"
#include "text/jinja/lexer.h"
#include "text/jinja/name_search.h"
#include "text/jinja/walk.h"

namespace ingot::text::jinja {
namespace {

// What runs in one activation.
struct Function {
  Function* outer = nullptr;
  int slots = 0;
  int open_loops = 0;
};

class Scope {
 public:
  Scope(Scope* outer, Function& function) : outer_(outer), function_(function) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  Function& function() { return function_; }

  // The three ways in which a scope meets a name.
  void Read(const std::string& name) {
    if (!Find(name, function_).has_value()) Define(name, VariableLoad::From::kContext);
  }
  void Write(const std::string& name) {
    top_->stores.insert(name);
    if (HasRef(name)) return;
    if (AliasOuter(name)) return;
    Define(name, VariableLoad::From::kNothing);
  }
  int Declare(const std::string& name) {
    top_->stores.insert(name);
    top_->refs.insert(name);
    top_->loads[name].reset();
    return SlotOf(name);
  }

  // Branches of an if: each begins with what the scope knew before it.
  struct Branch {
    std::set<std::string> refs;
    std::set<std::string> stores;
    std::map<std::string, std::optional<VariableLoad>> loads;  // nullopt: a parameter
    Branch* below = nullptr;
  };
  void Begin(Branch& branch) {
    branch.below = top_;
    top_ = &branch;
  }
  void End() { top_ = top_->below; }
  // After its branches: a variable that one of them assigned has what it had outside, or in the
  // context, on the way past the others.
  void Merge(std::initializer_list<Branch*> branches) {
    std::set<std::string> assigned;
    for (Branch* branch : branches) {
      for (const std::string& name : branch->stores) {
        if (!HasStore(name)) assigned.insert(name);
      }
    }
    for (Branch* branch : branches) {
      top_->refs.merge(branch->refs);
      top_->stores.merge(branch->stores);
      for (auto& [name, load] : branch->loads) top_->loads[name] = std::move(load);
    }
    for (const std::string& name : assigned) {
      if (!AliasOuter(name)) Define(name, VariableLoad::From::kContext);
    }
  }

  // Where the name lives, as code of `user` reaches it.
  std::optional<SlotRef> Find(const std::string& name, const Function& user) const {
    if (HasRef(name)) {
      int hops = 0;
      for (const Function* f = &user; f != &function_ && f != nullptr; f = f->outer) ++hops;
      return SlotRef{hops, slots_.at(name)};
    }
    return outer_ != nullptr ? outer_->Find(name, user) : std::nullopt;
  }

  ScopeLoads TakeLoads() {
    ScopeLoads loads;
    for (auto& [name, load] : bottom_.loads) {
      if (load.has_value()) loads.push_back(std::move(*load));
    }
    return loads;
  }

 private:
  bool HasRef(const std::string& name) const {
    for (const Branch* b = top_; b != nullptr; b = b->below) {
      if (b->refs.contains(name)) return true;
    }
    return false;
  }
  bool HasStore(const std::string& name) const {
    for (const Branch* b = top_; b != nullptr; b = b->below) {
      if (b->stores.contains(name)) return true;
    }
    return false;
  }
  int SlotOf(const std::string& name) {
    auto [entry, fresh] = slots_.try_emplace(name, function_.slots);
    if (fresh) ++function_.slots;
    return entry->second;
  }
  void Define(const std::string& name, VariableLoad::From from, SlotRef outer = {}) {
    top_->refs.insert(name);
    top_->loads[name] = VariableLoad{from, SlotOf(name), outer, name};
  }
  bool AliasOuter(const std::string& name) {
    std::optional<SlotRef> outer;
    if (outer_ != nullptr) outer = outer_->Find(name, function_);
    if (!outer.has_value()) return false;
    Define(name, VariableLoad::From::kOuter, *outer);
    return true;
  }

  Scope* outer_;
  Function& function_;
  std::map<std::string, int> slots_;
  Branch bottom_;
  Branch* top_ = &bottom_;
};

// First pass over a scope: which names it reads and writes. It stops where an inner scope begins.
class Collector {
 public:
  explicit Collector(Scope& scope) : scope_(scope) {}

  void Collect(Expr& expr) {
    if (expr.kind == ExprKind::kName) {
      scope_.Read(static_cast<NameExpr&>(expr).name);
    } else {
      ForEachChild(expr, [this](Expr& child) { Collect(child); });
    }
  }

  void Target(Expr& target, bool parameter) {
    if (target.kind == ExprKind::kName) {
      const std::string& name = static_cast<NameExpr&>(target).name;
      if (parameter) {
        scope_.Declare(name);
      } else {
        scope_.Write(name);
      }
    } else if (target.kind == ExprKind::kNamespaceField) {
      scope_.Read(static_cast<NamespaceFieldExpr&>(target).name);
    } else {
      ForEachChild(target, [&](Expr& child) { Target(child, parameter); });
    }
  }

  void Collect(Body& body) {
    for (const StmtPtr& stmt : body) Collect(*stmt);
  }

  void Collect(Stmt& stmt) {
    switch (stmt.kind) {
      case StmtKind::kText:
      case StmtKind::kBreak:
      case StmtKind::kContinue:
        return;
      case StmtKind::kPrint:
        Collect(*static_cast<PrintStmt&>(stmt).expr);
        return;
      case StmtKind::kIf:
        If(static_cast<IfStmt&>(stmt));
        return;
      case StmtKind::kFor:
        Collect(*static_cast<ForStmt&>(stmt).iterable);
        return;
      case StmtKind::kSet:
        Collect(*static_cast<SetStmt&>(stmt).value);
        Target(*static_cast<SetStmt&>(stmt).target, false);
        return;
      case StmtKind::kSetBlock:
        Target(*static_cast<SetBlockStmt&>(stmt).target, false);
        return;
      case StmtKind::kMacro:
        scope_.Write(static_cast<MacroStmt&>(stmt).macro.name);
        return;
      case StmtKind::kCallBlock:
        if (auto& call = static_cast<CallBlockStmt&>(stmt).call) Collect(*call);
        return;
      case StmtKind::kFilterBlock:
        Collect(*static_cast<FilterBlockStmt&>(stmt).filter);
        return;
      case StmtKind::kWith:
        for (auto& [target, value] : static_cast<WithStmt&>(stmt).bindings) Collect(*value);
        return;
    }
  }

 private:
  void If(IfStmt& stmt) {
    Scope::Branch first, elifs, otherwise, none;
    Collect(*stmt.branches[0].test);
    scope_.Begin(first);
    Collect(stmt.branches[0].body);
    scope_.End();
    scope_.Begin(elifs);
    for (size_t i = 1; i < stmt.branches.size(); ++i) {
      Scope::Branch inner;
      Collect(*stmt.branches[i].test);
      scope_.Begin(inner);
      Collect(stmt.branches[i].body);
      scope_.End();
      scope_.Merge({&inner});
    }
    scope_.End();
    scope_.Begin(otherwise);
    Collect(stmt.otherwise);
    scope_.End();
    scope_.Merge({&first, &elifs, &otherwise});
  }

  Scope& scope_;
};

// Second pass: writes into the tree where each name lives, and opens the inner scopes.
class Binder {
 public:
  explicit Binder(std::string_view source) : source_(source) {}

  core::Status Bind(Scope& scope, Body& body) {
    for (const StmtPtr& stmt : body) INGOT_TRY(Bind(scope, *stmt));
    return {};
  }

 private:
  core::Status Fail(uint32_t at, std::string_view what) const {
    return core::InvalidArgument(core::StrCat(Place(source_, at), ": ", what));
  }

  // Inside an if, an unknown filter is an error only when it is reached.
  class Soft {
   public:
    Soft(Binder& binder, bool soft) : binder_(binder), before_(binder.soft_) {
      binder_.soft_ = soft;
    }
    ~Soft() { binder_.soft_ = before_; }
    Soft(const Soft&) = delete;
    Soft& operator=(const Soft&) = delete;

   private:
    Binder& binder_;
    bool before_;
  };

  core::Status Bind(Scope& scope, Expr& expr) {
    core::Status status;
    switch (expr.kind) {
      case ExprKind::kName: {
        auto& name = static_cast<NameExpr&>(expr);
        return Locate(scope, name.name, name.at, name.ref);
      }
      case ExprKind::kFilter: {
        auto& filter = static_cast<FilterExpr&>(expr);
        filter.filter = FindFilter(filter.name);
        if (filter.filter == nullptr && !soft_) {
          return Fail(expr.at, core::StrCat("no filter named '", filter.name, "'"));
        }
        break;
      }
      case ExprKind::kTest: {
        auto& test = static_cast<TestExpr&>(expr);
        test.test = FindTest(test.name);
        if (test.test == nullptr && !soft_) {
          return Fail(expr.at, core::StrCat("no test named '", test.name, "'"));
        }
        break;
      }
      default:
        break;
    }
    Soft soft(*this, soft_ || expr.kind == ExprKind::kConditional);
    ForEachChild(expr, [&](Expr& child) {
      if (status.ok()) status = Bind(scope, child);
    });
    return status;
  }

  core::Status Locate(Scope& scope, const std::string& name, uint32_t at, SlotRef& ref) {
    std::optional<SlotRef> found = scope.Find(name, scope.function());
    if (!found.has_value()) return Fail(at, core::StrCat("the name '", name, "' has no place"));
    ref = *found;
    return {};
  }

  core::Status BindTarget(Scope& scope, Expr& target) {
    if (target.kind == ExprKind::kName) {
      auto& name = static_cast<NameExpr&>(target);
      if (name.name == "loop" && open_for_ > 0) {
        return Fail(name.at, "the special loop variable cannot be assigned to in a for loop");
      }
      return Locate(scope, name.name, name.at, name.ref);
    }
    if (target.kind == ExprKind::kNamespaceField) {
      auto& field = static_cast<NamespaceFieldExpr&>(target);
      return Locate(scope, field.name, field.at, field.ref);
    }
    core::Status status;
    ForEachChild(target, [&](Expr& child) {
      if (status.ok()) status = BindTarget(scope, child);
    });
    return status;
  }

  core::Status Bind(Scope& scope, Stmt& stmt) {
    switch (stmt.kind) {
      case StmtKind::kText:
        return {};
      case StmtKind::kBreak:
      case StmtKind::kContinue:
        if (scope.function().open_loops > 0) return {};
        return Fail(stmt.at, "break or continue outside of a for loop");
      case StmtKind::kPrint:
        return Bind(scope, *static_cast<PrintStmt&>(stmt).expr);
      case StmtKind::kIf:
        return BindIf(scope, static_cast<IfStmt&>(stmt));
      case StmtKind::kFor:
        return BindFor(scope, static_cast<ForStmt&>(stmt));
      case StmtKind::kSet:
        INGOT_TRY(Bind(scope, *static_cast<SetStmt&>(stmt).value));
        return BindTarget(scope, *static_cast<SetStmt&>(stmt).target);
      case StmtKind::kSetBlock:
        return BindSetBlock(scope, static_cast<SetBlockStmt&>(stmt));
      case StmtKind::kMacro: {
        auto& macro = static_cast<MacroStmt&>(stmt);
        INGOT_TRY(BindMacro(scope, macro.macro, stmt.at));
        return Locate(scope, macro.macro.name, stmt.at, macro.ref);
      }
      case StmtKind::kCallBlock: {
        auto& block = static_cast<CallBlockStmt&>(stmt);
        if (block.call) INGOT_TRY(Bind(scope, *block.call));
        return BindMacro(scope, block.body, stmt.at);
      }
      case StmtKind::kFilterBlock:
        return BindFilterBlock(scope, static_cast<FilterBlockStmt&>(stmt));
      case StmtKind::kWith:
        return BindWith(scope, static_cast<WithStmt&>(stmt));
    }
    return core::Internal("no such statement");
  }

  core::Status BindIf(Scope& scope, IfStmt& stmt) {
    Soft soft(*this, true);
    for (IfStmt::Branch& branch : stmt.branches) {
      INGOT_TRY(Bind(scope, *branch.test));
      INGOT_TRY(Bind(scope, branch.body));
    }
    return Bind(scope, stmt.otherwise);
  }

  core::Status BindFor(Scope& scope, ForStmt& stmt) {
    INGOT_TRY(Bind(scope, *stmt.iterable));
    Soft soft(*this, false);
    ++open_for_;
    Function own{.outer = &scope.function()};
    Function& function = stmt.recursive ? own : scope.function();

    Scope body(&scope, function);
    stmt.has_loop = stmt.recursive || UsesName(stmt.body, "loop");
    if (stmt.has_loop) body.Declare("loop");
    Collector(body).Target(*stmt.target, true);
    Collector(body).Collect(stmt.body);
    INGOT_TRY(BindTarget(body, *stmt.target));
    if (stmt.has_loop) INGOT_TRY(Locate(body, "loop", stmt.at, stmt.loop));
    ++function.open_loops;
    INGOT_TRY(Bind(body, stmt.body));
    --function.open_loops;
    stmt.body_loads = body.TakeLoads();

    if (stmt.test) {
      Scope test(&scope, function);
      Collector(test).Target(*stmt.test_target, true);
      Collector(test).Collect(*stmt.test);
      INGOT_TRY(BindTarget(test, *stmt.test_target));
      INGOT_TRY(Bind(test, *stmt.test));
      stmt.test_loads = test.TakeLoads();
    }
    Scope otherwise(&scope, function);
    Collector(otherwise).Collect(stmt.otherwise);
    INGOT_TRY(Bind(otherwise, stmt.otherwise));
    stmt.else_loads = otherwise.TakeLoads();
    stmt.slots = function.slots;
    --open_for_;
    return {};
  }

  core::Status BindSetBlock(Scope& scope, SetBlockStmt& stmt) {
    Soft soft(*this, false);
    Scope inner(&scope, scope.function());
    Collector(inner).Collect(stmt.body);
    if (stmt.filter) Collector(inner).Collect(*stmt.filter);
    INGOT_TRY(Bind(inner, stmt.body));
    if (stmt.filter) INGOT_TRY(Bind(inner, *stmt.filter));
    stmt.loads = inner.TakeLoads();
    return BindTarget(scope, *stmt.target);
  }

  core::Status BindFilterBlock(Scope& scope, FilterBlockStmt& stmt) {
    Soft soft(*this, false);
    Scope inner(&scope, scope.function());
    Collector(inner).Collect(stmt.body);
    Collector(inner).Collect(*stmt.filter);
    INGOT_TRY(Bind(inner, stmt.body));
    INGOT_TRY(Bind(inner, *stmt.filter));
    stmt.loads = inner.TakeLoads();
    return {};
  }

  core::Status BindWith(Scope& scope, WithStmt& stmt) {
    for (auto& [target, value] : stmt.bindings) INGOT_TRY(Bind(scope, *value));
    Soft soft(*this, false);
    Scope inner(&scope, scope.function());
    for (auto& [target, value] : stmt.bindings) Collector(inner).Target(*target, true);
    Collector(inner).Collect(stmt.body);
    for (auto& [target, value] : stmt.bindings) INGOT_TRY(BindTarget(inner, *target));
    INGOT_TRY(Bind(inner, stmt.body));
    stmt.loads = inner.TakeLoads();
    return {};
  }

  core::Status BindMacro(Scope& scope, MacroNode& macro, uint32_t at) {
    Soft soft(*this, false);
    Function function{.outer = &scope.function()};
    Scope inner(&scope, function);
    bool own_caller = false, own_kwargs = false, own_varargs = false;
    for (MacroNode::Parameter& parameter : macro.parameters) {
      parameter.slot = inner.Declare(parameter.name);
      own_kwargs |= parameter.name == "kwargs";
      own_varargs |= parameter.name == "varargs";
      if (parameter.name != "caller") continue;
      own_caller = true;
      if (!parameter.fallback && UsesName(macro.body, "caller")) {
        return Fail(at, "the special argument 'caller' must be omitted or be given a default");
      }
    }
    for (MacroNode::Parameter& parameter : macro.parameters) {
      if (parameter.fallback) Collector(inner).Collect(*parameter.fallback);
    }
    Collector(inner).Collect(macro.body);
    auto special = [&](const char* name, bool own, int& slot) {
      if (!own && UsesName(macro.body, name)) slot = inner.Declare(name);
    };
    special("caller", own_caller, macro.caller_slot);
    special("kwargs", own_kwargs, macro.kwargs_slot);
    special("varargs", own_varargs, macro.varargs_slot);
    for (MacroNode::Parameter& parameter : macro.parameters) {
      if (parameter.fallback) INGOT_TRY(Bind(inner, *parameter.fallback));
    }
    INGOT_TRY(Bind(inner, macro.body));
    macro.loads = inner.TakeLoads();
    macro.slots = function.slots;
    return {};
  }

  std::string_view source_;
  bool soft_ = false;
  int open_for_ = 0;
};

}  // namespace

core::Result<RootScope> ResolveNames(std::string_view source, Body& body) {
  if (UsesName(body, "self")) {
    return core::Unsupported("the name 'self', which stands for blocks, is not supported");
  }
  Function function;
  Scope scope(nullptr, function);
  Collector(scope).Collect(body);
  INGOT_TRY(Binder(source).Bind(scope, body));
  RootScope root;
  root.loads = scope.TakeLoads();
  root.slots = function.slots;
  return root;
}

}  // namespace ingot::text::jinja
