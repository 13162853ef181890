// The values that change while a template is rendered, and the ones that can be called. All of them
// belong to one rendering.
#ifndef INGOT_TEXT_JINJA_OBJECTS_H_
#define INGOT_TEXT_JINJA_OBJECTS_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "text/jinja/iterate.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

class Runtime;
struct ForStmt;
struct MacroNode;

struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;  // names live in the tree or in keep_alive
  Value keep_alive;
};

// A function of ours that templates call: a filter, a test, a method or a global. self is the
// filtered or tested value, or what a method is bound to. Unless it takes anything (required < 0),
// args.positional has one entry a parameter, missing where nothing was given.
using NativeFunction = core::Result<Value> (*)(Runtime&, const Value& self, const Args& args);

struct NativeDef {
  std::string_view name;
  // Names separated by spaces; one that begins with "/" can only be given by position.
  std::string_view parameters;
  int required;  // -1: any arguments
  NativeFunction call;
};

struct FunctionObject final : Object {
  explicit FunctionObject(const NativeDef& definition, Value bound = {})
      : Object(Depth(bound) + 1), def(definition), self(std::move(bound)) {}
  const NativeDef& def;  // of a static table
  const Value self;
};

enum class ViewKind { kKeys, kValues, kItems };

struct ViewObject final : Object {
  ViewObject(Value of, ViewKind view) : Object(Depth(of) + 1), dict(std::move(of)), kind(view) {}
  const Value dict;
  const ViewKind kind;
};

struct IteratorObject final : Object {
  IteratorObject(std::string_view type_name, std::vector<Value> values, Holding held = {})
      : Object(MaxDepth(values) + 1),
        type(type_name),
        items(std::move(values)),
        holding(std::move(held)) {}
  const std::string_view type;  // "generator", "list_reverseiterator"
  const std::vector<Value> items;
  Holding holding;
  size_t next = 0;
  core::Status failure;  // what reading beyond the last item meets
};

// Namespaces and activations can point at each other in circles: the heap keeps all of them and
// empties them at the end.
struct NamespaceObject final : Object {
  Value* Find(std::string_view name);
  void Set(Value name, Value value);
  std::vector<std::pair<Value, Value>> attributes;  // keys are strings
};

// The variables of one call: of the template itself, a macro, a call block or a recursive loop.
struct Activation {
  std::vector<Value> slots;
  std::shared_ptr<Activation> outer;
};

struct MacroObject final : Object {
  MacroObject(const MacroNode& definition, std::shared_ptr<Activation> scope)
      : node(definition), outer(std::move(scope)) {}
  const MacroNode& node;
  std::shared_ptr<Activation> outer;
};

// The elements of a for loop, those that its condition lets through.
struct LoopSource {
  explicit LoopSource(Cursor elements) : cursor(std::move(elements)) {}
  Cursor cursor;
  const ForStmt* filter = nullptr;  // null: no condition
  std::weak_ptr<Activation> scope;  // where the condition's variables live
  bool entered = false;
};

// `loop`, as templates see it.
struct LoopObject final : Object {
  LoopObject(const ForStmt& statement, Value over, LoopSource elements)
      : Object(Depth(over) + 1),
        stmt(statement),
        iterable(std::move(over)),
        source(std::move(elements)) {}
  const ForStmt& stmt;
  const Value iterable;
  LoopSource source;
  std::weak_ptr<Activation> outer;  // where a recursive loop is called from
  Int depth0 = 0;
  Int index0 = -1;
  std::optional<Int> length;
  std::deque<Value> ahead;  // read before their turn
  bool drained = false;     // the source is read to its end
  Value previous;
  Value current;
  std::vector<Value> changed;  // what loop.changed was last called with
  bool changed_called = false;
};

struct CyclerObject final : Object {
  explicit CyclerObject(std::vector<Value> values)
      : Object(MaxDepth(values) + 1), items(std::move(values)) {}
  const std::vector<Value> items;
  size_t position = 0;
};

struct JoinerObject final : Object {
  explicit JoinerObject(Value text) : separator(std::move(text)) {}
  const Value separator;
  bool used = false;
};

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_OBJECTS_H_
