#include <algorithm>
#include <array>

#include "core/strings.h"
#include "text/gotemplate/go_ast.h"
#include "text/gotemplate/go_functions.h"
#include "text/gotemplate/go_lexer.h"
#include "text/jinja/lexer.h"

namespace ingot::text {
namespace {

constexpr int kMaxNesting = 100;

class Parser {
 public:
  Parser(GoTree& tree, std::vector<GoToken> tokens) : tree_(tree), tokens_(std::move(tokens)) {}

  core::Status Run() {
    std::string_view end;
    INGOT_TRY(Body(tree_.body, end));
    if (!end.empty()) return Fail(core::StrCat("unexpected {{", end, "}}"));
    for (const auto& [name, at] : wanted_) {
      if (tree_.definitions.contains(name)) continue;
      return FailAt(at, core::StrCat("template ", core::Quoted(name, 60), " is not defined"));
    }
    return {};
  }

 private:
  const GoToken& Current() const { return tokens_[next_]; }
  const GoToken& Look() const { return tokens_[std::min(next_ + 1, tokens_.size() - 1)]; }
  bool Is(GoTok type) const { return Current().type == type; }
  GoToken Take() { return next_ + 1 < tokens_.size() ? tokens_[next_++] : tokens_[next_]; }
  bool SkipIf(GoTok type) {
    if (!Is(type)) return false;
    Take();
    return true;
  }
  core::Status FailAt(uint32_t at, std::string_view what) const {
    return core::InvalidArgument(core::StrCat(jinja::Place(tree_.source, at), ": ", what));
  }
  core::Status Fail(std::string_view what) const { return FailAt(Current().at, what); }
  core::Status Refuse(uint32_t at, std::string_view what) const {
    return core::Unsupported(
        core::StrCat(jinja::Place(tree_.source, at), ": ", what, " is not supported"));
  }
  core::Status Close() {
    if (SkipIf(GoTok::kClose)) return {};
    return Fail("expected the end of the action");
  }

  // Nodes up to the end of the template, or to an {{end}} or {{else …}}, which is named in `end`
  // and taken up to the word.
  core::Status Body(GoBody& body, std::string_view& end) {
    if (++nesting_ > kMaxNesting) return Fail("actions nest too deep");
    end = "";
    while (end.empty() && !Is(GoTok::kEof)) INGOT_TRY(Node(body, end));
    --nesting_;
    return {};
  }

  core::Status Node(GoBody& body, std::string_view& end) {
    if (Is(GoTok::kText)) {
      auto node = std::make_unique<GoNode>();
      node->at = Current().at;
      node->text = Take().text;
      body.push_back(std::move(node));
      return {};
    }
    const uint32_t at = Take().at;  // {{
    if (!Is(GoTok::kName)) return Print(body, at);
    const std::string word = Current().text;
    if (word == "end" || word == "else") {
      Take();
      end = word == "end" ? "end" : "else";
      return {};
    }
    auto node = std::make_unique<GoNode>();
    node->at = at;
    if (word == "if" || word == "with" || word == "range") {
      Take();
      node->kind = word == "if"     ? GoNodeKind::kIf
                   : word == "with" ? GoNodeKind::kWith
                                    : GoNodeKind::kRange;
      INGOT_TRY(Control(*node, word));
    } else if (word == "break" || word == "continue") {
      if (ranges_ == 0) return Fail(core::StrCat("{{", word, "}} outside of {{range}}"));
      Take();
      INGOT_TRY(Close());
      node->kind = word == "break" ? GoNodeKind::kBreak : GoNodeKind::kContinue;
    } else if (word == "define" || word == "block" || word == "template") {
      return Named(body, std::move(node), word);
    } else {
      return Print(body, at);
    }
    body.push_back(std::move(node));
    return {};
  }

  core::Status Print(GoBody& body, uint32_t at) {
    auto node = std::make_unique<GoNode>();
    node->kind = GoNodeKind::kPrint;
    node->at = at;
    const size_t variables = variables_.size();
    INGOT_TRY(Pipe(node->pipe, GoTok::kClose, variables));
    body.push_back(std::move(node));
    return Close();
  }

  core::Status Control(GoNode& node, std::string_view word) {
    const size_t variables = variables_.size();
    INGOT_TRY(Pipe(node.pipe, GoTok::kClose, word == "range" ? 2 : 1));
    INGOT_TRY(Close());
    const bool range = word == "range";
    ranges_ += range ? 1 : 0;
    std::string_view end;
    INGOT_TRY(Body(node.body, end));
    ranges_ -= range ? 1 : 0;
    if (end == "else") INGOT_TRY(Else(node, word, end));
    if (end != "end") return FailAt(node.at, core::StrCat("{{", word, "}} without {{end}}"));
    variables_.resize(variables);
    // A chain of else-ifs shares its one end.
    if (!chained_) return Close();
    chained_ = false;
    return {};
  }

  core::Status Else(GoNode& node, std::string_view word, std::string_view& end) {
    if (Is(GoTok::kName) && Current().text == word && word != "range") {
      auto chained = std::make_unique<GoNode>();
      chained->at = Current().at;
      chained->kind = node.kind;
      Take();
      INGOT_TRY(Control(*chained, word));
      node.otherwise.push_back(std::move(chained));
      end = "end";
      chained_ = true;
      return {};
    }
    INGOT_TRY(Close());
    INGOT_TRY(Body(node.otherwise, end));
    return {};
  }

  // define, block and template.
  core::Status Named(GoBody& body, std::unique_ptr<GoNode> node, const std::string& word) {
    Take();
    if (!Is(GoTok::kConst) || !Current().constant.is_string()) {
      return Fail(core::StrCat("{{", word, "}} needs a name in quotes"));
    }
    const std::string name(Take().constant.view());
    node->kind = GoNodeKind::kTemplate;
    node->text = name;
    if (word != "define" && !Is(GoTok::kClose)) INGOT_TRY(Pipe(node->pipe, GoTok::kClose, 0));
    INGOT_TRY(Close());
    if (word == "template") {
      wanted_.emplace_back(name, node->at);
      body.push_back(std::move(node));
      return {};
    }
    GoBody inside;
    std::string_view end;
    std::vector<std::string> outer = std::exchange(variables_, {"$"});
    const int ranges = std::exchange(ranges_, 0);
    INGOT_TRY(Body(inside, end));
    variables_ = std::move(outer);
    ranges_ = ranges;
    if (end != "end") return FailAt(node->at, core::StrCat("{{", word, "}} without {{end}}"));
    INGOT_TRY(Close());
    tree_.definitions[name] = std::move(inside);
    if (word == "block") body.push_back(std::move(node));
    return {};
  }

  core::Status Pipe(GoPipe& pipe, GoTok end, size_t max_variables) {
    if (++nesting_ > kMaxNesting) return Fail("pipelines nest too deep");
    pipe.at = Current().at;
    INGOT_TRY(Variables(pipe, max_variables));
    while (true) {
      GoCommand command;
      INGOT_TRY(Command(command, !pipe.commands.empty()));
      pipe.commands.push_back(std::move(command));
      if (!SkipIf(GoTok::kPipe)) break;
    }
    if (!Is(end)) return Fail("unexpected text in the action");
    --nesting_;
    if (!pipe.assigns) {
      variables_.insert(variables_.end(), pipe.variables.begin(), pipe.variables.end());
    }
    return {};
  }

  // "$x :=", "$i, $x :=" or "$x =", if the pipeline begins so.
  core::Status Variables(GoPipe& pipe, size_t max_variables) {
    if (!Is(GoTok::kVariable)) return {};
    const GoTok after = Look().type;
    if (after != GoTok::kDeclare && after != GoTok::kAssign && after != GoTok::kComma) return {};
    pipe.variables.push_back(Take().text);
    if (SkipIf(GoTok::kComma)) {
      if (max_variables != 2 || !Is(GoTok::kVariable)) return Fail("too many variables");
      pipe.variables.push_back(Take().text);
    }
    pipe.assigns = Is(GoTok::kAssign);
    if (!SkipIf(GoTok::kDeclare) && !SkipIf(GoTok::kAssign)) return Fail("expected :=");
    if (!pipe.assigns) return {};
    for (const std::string& name : pipe.variables) {
      if (std::find(variables_.begin(), variables_.end(), name) == variables_.end()) {
        return FailAt(pipe.at, core::StrCat("undefined variable ", core::Quoted(name, 60)));
      }
    }
    return {};
  }

  core::Status Command(GoCommand& command, bool piped) {
    command.at = Current().at;
    while (!Is(GoTok::kPipe) && !Is(GoTok::kClose) && !Is(GoTok::kRightParen)) {
      GoOperand operand;
      INGOT_TRY(Operand(operand));
      // In any other place, or with fields behind it, a function is called without arguments.
      const bool calls = command.operands.empty() && operand.fields.empty();
      if (operand.kind == GoTermKind::kFunction && !calls) {
        INGOT_TRY(CheckCount(*operand.function, 0, operand.at));
      }
      command.operands.push_back(std::move(operand));
    }
    if (command.operands.empty()) return Fail("missing value");
    const GoOperand& first = command.operands[0];
    const bool calls = first.kind == GoTermKind::kFunction && first.fields.empty();
    if (!calls && (piped || command.operands.size() > 1)) {
      return FailAt(command.at, "only a function can take arguments");
    }
    if (!calls) return {};
    const auto given = static_cast<int>(command.operands.size()) - 1 + (piped ? 1 : 0);
    return CheckCount(*first.function, given, command.at);
  }

  core::Status CheckCount(const GoFunction& function, int given, size_t at) {
    if (given >= function.min_arguments &&
        (function.max_arguments < 0 || given <= function.max_arguments)) {
      return {};
    }
    return FailAt(at, core::StrCat("wrong number of arguments for ", function.name, ": ", given));
  }

  core::Status Operand(GoOperand& operand) {
    operand.at = Current().at;
    switch (Current().type) {
      case GoTok::kConst:
        operand.constant = Take().constant;
        break;
      case GoTok::kDot:
        Take();
        operand.kind = GoTermKind::kDot;
        break;
      case GoTok::kField:
        operand.kind = GoTermKind::kDot;
        AddField(operand);
        break;
      case GoTok::kVariable:
        operand.kind = GoTermKind::kVariable;
        operand.variable = Take().text;
        if (std::find(variables_.begin(), variables_.end(), operand.variable) == variables_.end()) {
          return FailAt(operand.at,
                        core::StrCat("undefined variable ", core::Quoted(operand.variable, 60)));
        }
        break;
      case GoTok::kLeftParen:
        Take();
        operand.kind = GoTermKind::kPipe;
        operand.pipe = std::make_unique<GoPipe>();
        INGOT_TRY(Pipe(*operand.pipe, GoTok::kRightParen, 0));
        Take();
        break;
      case GoTok::kName:
        INGOT_TRY(Word(operand));
        break;
      default:
        return Fail("unexpected text in the action");
    }
    while (Is(GoTok::kField) && !Current().spaced) AddField(operand);
    return {};
  }

  void AddField(GoOperand& operand) {
    tree_.fields.insert(Current().text);
    operand.fields.push_back(Take().text);
  }

  core::Status Word(GoOperand& operand) {
    const std::string word = Take().text;
    if (word == "true" || word == "false") {
      operand.constant = jinja::Value::Bool(word == "true");
      return {};
    }
    if (word == "nil") {
      operand.constant = jinja::Value::None();
      return {};
    }
    operand.kind = GoTermKind::kFunction;
    operand.function = FindGoFunction(word);
    if (operand.function == nullptr) {
      return Refuse(operand.at, core::StrCat("the function '", core::Printable(word, 60), "'"));
    }
    return {};
  }

  GoTree& tree_;
  std::vector<GoToken> tokens_;
  size_t next_ = 0;
  int nesting_ = 0;
  int ranges_ = 0;
  bool chained_ = false;
  std::vector<std::string> variables_ = {"$"};
  std::vector<std::pair<std::string, uint32_t>> wanted_;
};

}  // namespace

core::Result<GoTree> ParseGoTemplate(std::string_view source) {
  GoTree tree;
  tree.source = std::string(source);
  INGOT_ASSIGN(std::vector<GoToken> tokens, TokenizeGo(tree.source));
  INGOT_TRY(Parser(tree, std::move(tokens)).Run());
  return tree;
}

}  // namespace ingot::text
