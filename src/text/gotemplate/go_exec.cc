#include <algorithm>
#include <optional>

#include "core/strings.h"
#include "text/gotemplate/go_ast.h"
#include "text/gotemplate/go_functions.h"
#include "text/gotemplate/go_template.h"
#include "text/jinja/lexer.h"
#include "text/jinja/ops.h"

namespace ingot::text {
namespace {

using jinja::Kind;
using jinja::Value;

constexpr int kMaxCalls = 100;  // templates that call templates

class Runner {
 public:
  Runner(const GoTree& tree, const GoRenderOptions& options)
      : tree_(tree), options_(options), heap_(options.limits), out_(heap_.NewText()) {}

  core::Result<jinja::Text> Run(const Value& data) {
    variables_.emplace_back("$", data);
    INGOT_ASSIGN(Flow flow, Body(tree_.body, data));
    (void)flow;
    if (out_.overflowed()) return core::Exhausted("the prompt is too long");
    return std::move(out_).Finish();
  }

 private:
  enum class Flow { kNext, kBreak, kContinue, kStop };

  core::Status At(uint32_t at, core::Status status) const {
    if (status.ok() || located_) return status;
    located_ = true;
    return std::move(status).Context(jinja::Place(tree_.source, at));
  }

  core::Result<Flow> Body(const GoBody& body, const Value& dot) {
    for (const auto& node : body) {
      INGOT_TRY(At(node->at, heap_.Charge(1 + node->text.size() / 64)));
      INGOT_ASSIGN(Flow flow, Node(*node, dot));
      if (flow != Flow::kNext) return flow;
      if (out_.overflowed()) return At(node->at, core::Exhausted("the prompt is too long"));
    }
    return Flow::kNext;
  }

  core::Result<Flow> Node(const GoNode& node, const Value& dot) {
    if (options_.cut_at_response && ranges_ == 0 && MentionsResponse(node.pipe)) {
      return Flow::kStop;
    }
    switch (node.kind) {
      case GoNodeKind::kText:
        out_.Append(node.text);
        return Flow::kNext;
      case GoNodeKind::kPrint: {
        INGOT_ASSIGN(Value value, Pipe(node.pipe, dot));
        if (node.pipe.variables.empty()) {
          INGOT_TRY(At(node.at, AppendGoText(heap_, out_, value)));
        }
        return Flow::kNext;
      }
      case GoNodeKind::kIf:
      case GoNodeKind::kWith: {
        const size_t mark = variables_.size();
        INGOT_ASSIGN(Value value, Pipe(node.pipe, dot));
        const bool holds = Truth(value);
        const bool moves = node.kind == GoNodeKind::kWith && holds;
        auto flow = Body(holds ? node.body : node.otherwise, moves ? value : dot);
        variables_.resize(mark);
        return flow;
      }
      case GoNodeKind::kRange: {
        const size_t mark = variables_.size();
        ++ranges_;
        auto flow = Range(node, dot);
        --ranges_;
        variables_.resize(mark);
        return flow;
      }
      case GoNodeKind::kTemplate:
        return Call(node, dot);
      case GoNodeKind::kBreak:
        return Flow::kBreak;
      case GoNodeKind::kContinue:
        return Flow::kContinue;
    }
    return core::Internal("no such node");
  }

  static bool MentionsResponse(const GoPipe& pipe) {
    for (const GoCommand& command : pipe.commands) {
      for (const GoOperand& operand : command.operands) {
        const auto& fields = operand.fields;
        if (std::find(fields.begin(), fields.end(), "Response") != fields.end()) return true;
        if (operand.pipe && MentionsResponse(*operand.pipe)) return true;
      }
    }
    return false;
  }

  core::Result<Flow> Range(const GoNode& node, const Value& dot) {
    GoPipe const& pipe = node.pipe;
    INGOT_ASSIGN(Value over, Commands(pipe, dot));
    std::vector<std::pair<Value, Value>> elements;
    INGOT_TRY(At(node.at, Elements(over, elements)));
    if (elements.empty()) return Body(node.otherwise, dot);
    for (auto& [key, element] : elements) {
      const size_t mark = variables_.size();
      if (pipe.variables.size() == 2) Set(pipe, 0, key);
      if (!pipe.variables.empty()) Set(pipe, pipe.variables.size() - 1, element);
      INGOT_ASSIGN(Flow flow, Body(node.body, element));
      variables_.resize(mark);
      if (flow == Flow::kStop) return flow;
      if (flow == Flow::kBreak) break;
    }
    return Flow::kNext;
  }

  core::Status Elements(const Value& over, std::vector<std::pair<Value, Value>>& elements) {
    switch (over.kind()) {
      case Kind::kNone:
        return {};
      case Kind::kList: {
        const auto& items = over.items();
        INGOT_TRY(heap_.Charge(items.size()));
        for (size_t i = 0; i < items.size(); ++i) {
          elements.emplace_back(Value::Of(static_cast<jinja::Int>(i)), items[i]);
        }
        return {};
      }
      case Kind::kDict: {
        INGOT_TRY(heap_.Charge(over.dict().size() * 4));
        elements = over.dict().entries();
        // Go walks a map in the order of its keys.
        std::stable_sort(elements.begin(), elements.end(), [](const auto& a, const auto& b) {
          return a.first.is_string() && b.first.is_string() && a.first.view() < b.first.view();
        });
        return {};
      }
      case Kind::kInt: {
        if (over.integer() > 100'000) return core::Exhausted("range over too large a number");
        for (jinja::Int i = 0; i < over.integer(); ++i) {
          elements.emplace_back(Value::Of(i), Value::Of(i));
        }
        return heap_.Charge(elements.size());
      }
      default:
        return core::InvalidArgument(core::StrCat("range cannot iterate over ", TypeName(over)));
    }
  }

  core::Result<Flow> Call(const GoNode& node, const Value& dot) {
    Value data = Value::None();
    if (!node.pipe.commands.empty()) {
      INGOT_ASSIGN(data, Pipe(node.pipe, dot));
    }
    if (++calls_ > kMaxCalls) {
      return At(node.at, core::Exhausted("templates call each other too deep"));
    }
    auto outer = std::exchange(variables_, {{"$", data}});
    auto flow = Body(tree_.definitions.find(node.text)->second, data);
    variables_ = std::move(outer);
    --calls_;
    return flow;
  }

  void Set(const GoPipe& pipe, size_t which, const Value& value) {
    const std::string& name = pipe.variables[which];
    if (!pipe.assigns) {
      variables_.emplace_back(name, value);
      return;
    }
    for (auto entry = variables_.rbegin(); entry != variables_.rend(); ++entry) {
      if (entry->first != name) continue;
      entry->second = value;
      return;
    }
  }

  core::Result<Value> Pipe(const GoPipe& pipe, const Value& dot) {
    INGOT_ASSIGN(Value value, Commands(pipe, dot));
    if (!pipe.variables.empty()) Set(pipe, 0, value);
    return value;
  }

  core::Result<Value> Commands(const GoPipe& pipe, const Value& dot) {
    std::optional<Value> value;
    for (const GoCommand& command : pipe.commands) {
      auto next = Command(command, dot, value);
      if (!next.ok()) return At(command.at, std::move(next).status());
      value = std::move(next).value();
    }
    return *value;
  }

  core::Result<Value> Command(const GoCommand& command, const Value& dot,
                              const std::optional<Value>& piped) {
    INGOT_TRY(heap_.Charge(1));
    const GoOperand& first = command.operands[0];
    if (first.kind != GoTermKind::kFunction || !first.fields.empty()) return Operand(first, dot);
    const GoFunction& function = *first.function;
    std::vector<Value> arguments;
    for (size_t i = 1; i < command.operands.size(); ++i) {
      INGOT_ASSIGN(Value argument, Operand(command.operands[i], dot));
      arguments.push_back(std::move(argument));
      if (function.lazy) {
        INGOT_ASSIGN(Value so_far, function.call({heap_, arguments, options_.wall_ns}));
        const bool last = i + 1 == command.operands.size() && !piped.has_value();
        if (last || Decided(function, so_far)) return so_far;
      }
    }
    if (piped.has_value()) arguments.push_back(*piped);
    return function.call({heap_, arguments, options_.wall_ns});
  }

  // Whether and (or) is known already: its value so far is false (true).
  static bool Decided(const GoFunction& function, const Value& so_far) {
    return Truth(so_far) == (function.name == "or");
  }

  core::Result<Value> Operand(const GoOperand& operand, const Value& dot) {
    Value value;
    switch (operand.kind) {
      case GoTermKind::kConst:
        value = operand.constant;
        break;
      case GoTermKind::kDot:
        value = dot;
        break;
      case GoTermKind::kVariable:
        for (auto entry = variables_.rbegin(); entry != variables_.rend(); ++entry) {
          if (entry->first != operand.variable) continue;
          value = entry->second;
          break;
        }
        break;
      case GoTermKind::kFunction: {
        INGOT_ASSIGN(value, operand.function->call({heap_, {}, options_.wall_ns}));
        break;
      }
      case GoTermKind::kPipe: {
        INGOT_ASSIGN(value, Pipe(*operand.pipe, dot));
        break;
      }
    }
    for (const std::string& field : operand.fields) {
      auto found = Field(value, field);
      if (!found.ok()) return At(operand.at, std::move(found).status());
      value = std::move(found).value();
    }
    return value;
  }

  core::Result<Value> Field(const Value& value, const std::string& name) {
    if (value.none()) return Value::None();
    if (!value.is(Kind::kDict)) {
      return core::InvalidArgument(core::StrCat("can't evaluate field ", core::Printable(name, 60),
                                                " of ", TypeName(value)));
    }
    const Value* found = value.dict().Find(name);
    return found != nullptr ? *found : Value::None();
  }

  const GoTree& tree_;
  const GoRenderOptions& options_;
  jinja::Heap heap_;
  jinja::TextBuilder out_;
  std::vector<std::pair<std::string, Value>> variables_;
  int ranges_ = 0;
  int calls_ = 0;
  mutable bool located_ = false;
};

}  // namespace

struct GoTemplate::Program {
  GoTree tree;
};

GoTemplate::GoTemplate() = default;
GoTemplate::GoTemplate(GoTemplate&&) noexcept = default;
GoTemplate& GoTemplate::operator=(GoTemplate&&) noexcept = default;
GoTemplate::~GoTemplate() = default;

core::Result<GoTemplate> GoTemplate::Parse(std::string_view source, std::string_view name) {
  INGOT_TRY(jinja::CheckSource(source).Context(name));
  auto program = std::make_unique<Program>();
  INGOT_ASSIGN(program->tree, ParseGoTemplate(source).Context(name));
  GoTemplate made;
  made.name_ = std::string(name);
  made.program_ = std::move(program);
  return made;
}

core::Result<jinja::Text> GoTemplate::Render(const Value& data,
                                             const GoRenderOptions& options) const {
  return Runner(program_->tree, options).Run(data).Context(name_);
}

bool GoTemplate::Mentions(std::string_view field) const {
  return program_->tree.fields.contains(field);
}

}  // namespace ingot::text
