#include "text/jinja/template.h"

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"
#include "text/jinja/runtime.h"
#include "text/jinja/scope.h"

namespace ingot::text::jinja {

// Offsets in the tree refer to `text`, which the template's owner keeps.
struct Template::Program {
  std::string text;
  Body body;
  RootScope root;
};

Template::Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

core::Result<Template> Template::Parse(std::string_view source, std::string_view name) {
  INGOT_TRY(CheckSource(source).Context(name));
  auto program = std::make_unique<Program>();
  program->text = NormalizeSource(source);
  auto parse = [&]() -> core::Status {
    INGOT_ASSIGN(std::vector<Token> tokens, Tokenize(program->text));
    INGOT_ASSIGN(program->body, Parser(program->text, std::move(tokens)).ParseTemplate());
    INGOT_ASSIGN(program->root, ResolveNames(program->text, program->body));
    return {};
  };
  INGOT_TRY(parse().Context(name));
  Template made;
  made.name_ = std::string(name);
  made.source_ = std::string(source);
  made.program_ = std::move(program);
  return made;
}

core::Result<Text> Template::Render(const Context& context, const RenderOptions& options) const {
  Runtime runtime(program_->text, context, options.limits, options.wall_ns);
  return runtime.Render(program_->body, program_->root).Context(name_);
}

Value FromJson(const core::Json& json, Origin origin) {
  switch (json.type()) {
    case core::Json::value_t::boolean:
      return Value::Bool(json.get<bool>());
    case core::Json::value_t::number_integer:
      return Value::Of(static_cast<Int>(json.get<int64_t>()));
    case core::Json::value_t::number_unsigned:
      return Value::Of(static_cast<Int>(json.get<uint64_t>()));
    case core::Json::value_t::number_float:
      return Value::Of(json.get<double>());
    case core::Json::value_t::string:
      return Value::String(json.get<std::string>(), origin);
    case core::Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const core::Json& item : json) items.push_back(FromJson(item, origin));
      return Value::Of(Kind::kList, std::make_shared<ListObject>(std::move(items)));
    }
    case core::Json::value_t::object: {
      std::vector<DictObject::Entry> entries;
      entries.reserve(json.size());
      for (const auto& [key, value] : json.items()) {
        entries.emplace_back(Value::String(key, origin), FromJson(value, origin));
      }
      return Value::Of(std::make_shared<DictObject>(std::move(entries)));
    }
    default:
      return Value::None();
  }
}

}  // namespace ingot::text::jinja
