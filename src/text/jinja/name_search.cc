#include "text/jinja/name_search.h"

#include "text/jinja/walk.h"

namespace ingot::text::jinja {
namespace {

class Search {
 public:
  explicit Search(std::string_view name) : name_(name) {}

  bool found() const { return found_; }

  void Visit(Body& body) {
    for (const StmtPtr& stmt : body) {
      if (decided_) return;
      Visit(*stmt);
    }
  }

 private:
  void Visit(Expr& expr) {
    if (decided_) return;
    if (expr.kind != ExprKind::kName) {
      ForEachChild(expr, [this](Expr& child) { Visit(child); });
    } else if (static_cast<NameExpr&>(expr).name == name_) {
      found_ = decided_ = true;
    }
  }

  void Target(Expr& target) {
    if (target.kind == ExprKind::kName) {
      Assigned(static_cast<NameExpr&>(target).name);
    } else {
      ForEachChild(target, [this](Expr& child) { Target(child); });
    }
  }
  // From here on the name is the body's own.
  void Assigned(std::string_view name) { decided_ = decided_ || name == name_; }

  void Visit(MacroNode& macro) {
    for (const auto& parameter : macro.parameters) Assigned(parameter.name);
    for (const auto& parameter : macro.parameters) {
      if (parameter.fallback) Visit(*parameter.fallback);
    }
    Visit(macro.body);
  }

  void Visit(Stmt& stmt) {
    switch (stmt.kind) {
      case StmtKind::kText:
      case StmtKind::kBreak:
      case StmtKind::kContinue:
        return;
      case StmtKind::kPrint:
        return Visit(*static_cast<PrintStmt&>(stmt).expr);
      case StmtKind::kIf: {
        auto& node = static_cast<IfStmt&>(stmt);
        for (auto& branch : node.branches) {
          Visit(*branch.test);
          Visit(branch.body);
        }
        return Visit(node.otherwise);
      }
      case StmtKind::kFor: {
        auto& node = static_cast<ForStmt&>(stmt);
        Target(*node.target);
        Visit(*node.iterable);
        Visit(node.body);
        Visit(node.otherwise);
        if (node.test) Visit(*node.test);
        return;
      }
      case StmtKind::kSet:
        Target(*static_cast<SetStmt&>(stmt).target);
        return Visit(*static_cast<SetStmt&>(stmt).value);
      case StmtKind::kSetBlock: {
        auto& node = static_cast<SetBlockStmt&>(stmt);
        Target(*node.target);
        if (node.filter) Visit(*node.filter);
        return Visit(node.body);
      }
      case StmtKind::kMacro:
        return Visit(static_cast<MacroStmt&>(stmt).macro);
      case StmtKind::kCallBlock: {
        auto& node = static_cast<CallBlockStmt&>(stmt);
        if (node.call) Visit(*node.call);
        return Visit(node.body);
      }
      case StmtKind::kFilterBlock: {
        auto& node = static_cast<FilterBlockStmt&>(stmt);
        Visit(node.body);
        return Visit(*node.filter);
      }
      case StmtKind::kWith: {
        auto& node = static_cast<WithStmt&>(stmt);
        for (auto& [target, value] : node.bindings) Target(*target);
        for (auto& [target, value] : node.bindings) Visit(*value);
        return Visit(node.body);
      }
    }
  }

  std::string_view name_;
  bool found_ = false;
  bool decided_ = false;
};

}  // namespace

bool UsesName(Body& body, std::string_view name) {
  Search search(name);
  search.Visit(body);
  return search.found();
}

}  // namespace ingot::text::jinja
