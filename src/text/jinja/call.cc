// Calls: macros, our own functions, loops and joiners; and what `loop` knows of itself.
#include <algorithm>

#include "core/strings.h"
#include "text/jinja/builtins.h"
#include "text/jinja/ops.h"
#include "text/jinja/runtime.h"

namespace ingot::text::jinja {
namespace {

std::string Described(std::string_view name) {
  return name.empty() ? std::string("the call block") : core::StrCat("macro '", name, "'");
}

// Takes a named argument out of the list, or gives a missing value.
Value TakeNamed(Args& args, std::string_view name) {
  for (auto entry = args.named.begin(); entry != args.named.end(); ++entry) {
    if (entry->first != name) continue;
    Value value = std::move(entry->second);
    args.named.erase(entry);
    return value;
  }
  return {};
}

}  // namespace

core::Result<Value> CallNative(Runtime& runtime, const NativeDef& def, const Value& self,
                               Args args) {
  if (def.required < 0) return def.call(runtime, self, args);
  Args bound;
  bound.keep_alive = std::move(args.keep_alive);
  size_t taken = 0;
  auto given = static_cast<int>(args.positional.size());
  int count = 0;
  for (std::string_view rest = def.parameters; !rest.empty(); ++count) {
    size_t space = std::min(rest.find(' '), rest.size());
    std::string_view name = rest.substr(0, space);
    rest.remove_prefix(std::min(space + 1, rest.size()));
    Value value;
    if (count < given) value = std::move(args.positional[static_cast<size_t>(count)]);
    for (auto& [key, named] : args.named) {
      if (key != name) continue;
      if (count < given) {
        return TypeError(
            core::StrCat(def.name, "() got multiple values for argument '", name, "'"));
      }
      value = std::move(named);
      ++taken;
    }
    if (count < def.required && value.missing()) {
      return TypeError(core::StrCat(def.name, "() lacks its argument ",
                                    name.starts_with('/') ? name.substr(1) : name));
    }
    bound.positional.push_back(std::move(value));
  }
  if (given > count) {
    return TypeError(
        core::StrCat(def.name, "() takes at most ", count, " arguments (", given, " given)"));
  }
  if (taken < args.named.size()) {
    return TypeError(core::StrCat(def.name, "() got an unexpected keyword argument ",
                                  core::Quoted(args.named[0].first, 60)));
  }
  return def.call(runtime, self, bound);
}

core::Result<Value> Runtime::Call(const Value& callee, Args args) {
  switch (callee.kind()) {
    case Kind::kUndefined:
      return UndefinedError(callee);
    case Kind::kFunction: {
      const auto& function = callee.as<FunctionObject>();
      return CallNative(*this, function.def, function.self, std::move(args));
    }
    case Kind::kMacro:
      return CallMacro(callee.as<MacroObject>(), std::move(args));
    case Kind::kLoop:
      if (args.positional.size() != 1 || !args.named.empty()) {
        return TypeError("loop() takes one iterable");
      }
      return RecurseLoop(callee.as<LoopObject>(), args.positional[0]);
    case Kind::kJoiner: {
      if (!args.positional.empty() || !args.named.empty()) {
        return TypeError("a joiner takes no arguments");
      }
      auto& joiner = callee.as<JoinerObject>();
      if (joiner.used) return joiner.separator;
      joiner.used = true;
      return heap_.String("");
    }
    default:
      return TypeError(core::StrCat("'", TypeName(callee), "' object is not callable"));
  }
}

core::Result<Value> Runtime::CallFilter(const Value& name, const Value& input, Args args) {
  const NativeDef* def = name.is_string() ? FindFilter(name.view()) : nullptr;
  if (def == nullptr) {
    return core::InvalidArgument(
        core::StrCat("no filter named ", name.is_string() ? core::Quoted(name.view(), 60)
                                                          : std::string(TypeName(name))));
  }
  return CallNative(*this, *def, input, std::move(args));
}

core::Result<bool> Runtime::CallTest(const Value& name, const Value& input, Args args) {
  const NativeDef* def = name.is_string() ? FindTest(name.view()) : nullptr;
  if (def == nullptr) {
    return core::InvalidArgument(core::StrCat("no test named ", name.is_string()
                                                                    ? core::Quoted(name.view(), 60)
                                                                    : std::string(TypeName(name))));
  }
  INGOT_ASSIGN(Value result, CallNative(*this, *def, input, std::move(args)));
  return Truth(result);
}

core::Result<Value> Runtime::CallMacro(const MacroObject& macro, Args args) {
  const MacroNode& node = macro.node;
  if (!heap_.meter().Enter()) {
    return core::Exhausted(core::StrCat(Described(node.name), " recurses too deep"));
  }
  TextBuilder text = heap_.NewText();
  auto run = [&]() -> core::Status {
    INGOT_TRY(heap_.Charge(static_cast<uint64_t>(node.slots) / 4 + 2));
    Scope activation = NewActivation(node.slots, macro.outer);
    INGOT_TRY(BindMacro(node, args, *activation));
    Swap<Scope> scope(scope_, std::move(activation));
    Swap<TextBuilder*> out(out_, &text);
    Enter(node.loads);
    for (const MacroNode::Parameter& parameter : node.parameters) {
      SlotRef slot{0, parameter.slot};
      if (!Slot(slot).missing()) continue;
      if (parameter.fallback) {
        INGOT_ASSIGN(Value value, Eval(*parameter.fallback));
        Slot(slot) = std::move(value);
      } else {
        Slot(slot) =
            UndefinedHint(core::StrCat("parameter '", parameter.name, "' was not provided"));
      }
    }
    return Run(node.body).status();
  };
  core::Status status = run();
  heap_.meter().Leave();
  INGOT_TRY(std::move(status));
  return heap_.String(std::move(text));
}

core::Status Runtime::BindMacro(const MacroNode& node, Args& args, Activation& activation) {
  auto slot = [&](int index) -> Value& { return activation.slots[static_cast<size_t>(index)]; };
  size_t count = node.parameters.size();
  size_t given = std::min(count, args.positional.size());
  for (size_t i = 0; i < given; ++i) {
    slot(node.parameters[i].slot) = std::move(args.positional[i]);
  }
  for (size_t i = given; i < count; ++i) {
    slot(node.parameters[i].slot) = TakeNamed(args, node.parameters[i].name);
  }
  if (node.caller_slot >= 0) {
    Value caller = TakeNamed(args, "caller");
    bool none = caller.missing() || caller.none();
    slot(node.caller_slot) = none ? UndefinedHint("no caller defined") : std::move(caller);
  }
  if (node.kwargs_slot >= 0) {
    std::vector<DictObject::Entry> entries;
    for (auto& [name, value] : args.named) {
      INGOT_ASSIGN(Value key, heap_.String(name));
      entries.emplace_back(std::move(key), std::move(value));
    }
    INGOT_ASSIGN(slot(node.kwargs_slot), heap_.Dict(std::move(entries)));
  } else if (!args.named.empty()) {
    return TypeError(core::StrCat(Described(node.name), " takes no keyword argument ",
                                  core::Quoted(args.named[0].first, 60)));
  }
  if (node.varargs_slot >= 0) {
    std::vector<Value> more(std::make_move_iterator(args.positional.begin() + given),
                            std::make_move_iterator(args.positional.end()));
    INGOT_ASSIGN(slot(node.varargs_slot), heap_.Tuple(std::move(more)));
  } else if (args.positional.size() > count) {
    return TypeError(
        core::StrCat(Described(node.name), " takes not more than ", count, " argument(s)"));
  }
  return {};
}

core::Result<bool> Runtime::Advance(LoopObject& loop, Value& element) {
  bool more = true;
  if (!loop.ahead.empty()) {
    element = std::move(loop.ahead.front());
    loop.ahead.pop_front();
  } else if (loop.drained) {
    more = false;
  } else {
    INGOT_ASSIGN(more, Pull(loop.source, element));
    if (!more) loop.drained = true;
  }
  if (!more) return false;
  ++loop.index0;
  loop.previous = std::move(loop.current);
  loop.current = element;
  return true;
}

core::Result<bool> Runtime::Peek(LoopObject& loop) {
  if (!loop.ahead.empty()) return true;
  if (loop.drained) return false;
  Value element;
  INGOT_ASSIGN(bool more, Pull(loop.source, element));
  if (more) {
    loop.ahead.push_back(std::move(element));
  } else {
    loop.drained = true;
  }
  return more;
}

core::Result<Int> Runtime::LoopLength(LoopObject& loop) {
  if (loop.length.has_value()) return *loop.length;
  if (loop.source.filter == nullptr && !loop.iterable.is(Kind::kIterator)) {
    INGOT_ASSIGN(loop.length, Length(loop.iterable));
    return *loop.length;
  }
  Value element;
  while (!loop.drained) {
    INGOT_ASSIGN(bool more, Pull(loop.source, element));
    if (more) {
      loop.ahead.push_back(std::move(element));
    } else {
      loop.drained = true;
    }
  }
  loop.length = loop.index0 + 1 + static_cast<Int>(loop.ahead.size());
  return *loop.length;
}

core::Result<Value> Runtime::LoopAttribute(const Value& value, std::string_view name) {
  auto& loop = value.as<LoopObject>();
  if (name == "index") return Value::Of(loop.index0 + 1);
  if (name == "index0") return Value::Of(loop.index0);
  if (name == "first") return Value::Bool(loop.index0 == 0);
  if (name == "depth") return Value::Of(loop.depth0 + 1);
  if (name == "depth0") return Value::Of(loop.depth0);
  if (name == "last") {
    INGOT_ASSIGN(bool more, Peek(loop));
    return Value::Bool(!more);
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    INGOT_ASSIGN(Int length, LoopLength(loop));
    if (name == "revindex") length -= loop.index0;
    if (name == "revindex0") length -= loop.index0 + 1;
    return Value::Of(length);
  }
  if (name == "previtem") {
    return loop.index0 == 0 ? UndefinedHint("there is no previous item") : loop.previous;
  }
  if (name == "nextitem") {
    INGOT_ASSIGN(bool more, Peek(loop));
    return more ? loop.ahead.front() : UndefinedHint("there is no next item");
  }
  return GetAttribute(heap_, value, name);
}

}  // namespace ingot::text::jinja
