// map, select, reject and their relatives: filters that apply another filter or a test to each
// element; and attr.
#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/runtime.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

// The arguments after the first `count`.
Args Rest(const Args& args, size_t count) {
  Args rest = args;
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() + static_cast<ptrdiff_t>(count));
  return rest;
}

// A dotted path, with a fallback for every part that is not there.
Result PathOr(Heap& heap, const Value& item, const Value& path, const Value& fallback) {
  if (fallback.missing() || fallback.none()) return GetPath(heap, item, path);
  Value current = item;
  std::string_view rest = path.is_string() ? path.view() : std::string_view();
  while (true) {
    size_t dot = std::min(rest.find('.'), rest.size());
    Value part = path.is_string() ? Value::String(std::string(rest.substr(0, dot))) : path;
    INGOT_ASSIGN(current, GetPath(heap, current, part));
    if (current.undefined()) current = fallback;
    if (dot == rest.size()) return current;
    rest.remove_prefix(dot + 1);
  }
}

core::Status MapInto(Runtime& rt, const Value& input, const Args& args,
                     std::vector<Value>& mapped) {
  Heap& heap = rt.heap();
  Value path, fallback;
  if (args.positional.empty()) {
    for (const auto& [name, value] : args.named) {
      if (name == "attribute") path = value;
      if (name == "default") fallback = value;
    }
    if (path.missing()) return TypeError("map requires a filter argument");
    if (args.named.size() > (fallback.missing() ? 1u : 2u)) {
      return TypeError("map got an unexpected keyword argument");
    }
  }
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(input));
  Args rest = path.missing() ? Rest(args, 1) : Args();
  Value item;
  while (cursor.Next(heap, item)) {
    INGOT_ASSIGN(Value value, path.missing() ? rt.CallFilter(args.positional[0], item, rest)
                                             : PathOr(heap, item, path, fallback));
    mapped.push_back(std::move(value));
  }
  return cursor.status();
}

Result Map(Runtime& rt, const Value& input, const Args& args) {
  std::vector<Value> mapped;
  core::Status status;
  if (Truth(input)) status = MapInto(rt, input, args, mapped);
  return rt.heap().Iterator("generator", std::move(mapped), std::move(status));
}

template <bool kKeep, bool kAttribute>
core::Status SelectInto(Runtime& rt, const Value& input, const Args& args,
                        std::vector<Value>& kept) {
  Heap& heap = rt.heap();
  if (kAttribute && args.positional.empty()) {
    return TypeError("Missing parameter for attribute name");
  }
  constexpr size_t kTestAt = kAttribute ? 1 : 0;
  bool has_test = args.positional.size() > kTestAt;
  Args rest = has_test ? Rest(args, kTestAt + 1) : Args();
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(input));
  Value item;
  while (cursor.Next(heap, item)) {
    Value tested = item;
    if (kAttribute) {
      INGOT_ASSIGN(tested, GetPath(heap, item, args.positional[0]));
    }
    bool passes = Truth(tested);
    if (has_test) {
      INGOT_ASSIGN(passes, rt.CallTest(args.positional[kTestAt], tested, rest));
    }
    if (passes == kKeep) kept.push_back(std::move(item));
  }
  return cursor.status();
}

template <bool kKeep, bool kAttribute>
Result Select(Runtime& rt, const Value& input, const Args& args) {
  std::vector<Value> kept;
  core::Status status;
  if (Truth(input)) status = SelectInto<kKeep, kAttribute>(rt, input, args, kept);
  return rt.heap().Iterator("generator", std::move(kept), std::move(status));
}

// An attribute alone: an element of that name does not count.
Result Attr(Runtime& rt, const Value& input, const Args& args) {
  INGOT_ASSIGN(Value name, TextArgument(args.positional[0], "the attribute name"));
  if (input.is(Kind::kLoop)) return rt.LoopAttribute(input, name.view());
  INGOT_ASSIGN(Value found, GetAttribute(rt.heap(), input, name.view()));
  bool element = input.is(Kind::kDict) && !found.undefined() && !found.is(Kind::kFunction);
  if (element) {
    return UndefinedHint(
        core::StrCat("'dict object' has no attribute ", core::Quoted(name.view(), 60)));
  }
  return found;
}

constexpr NativeDef kFilters[] = {
    {"attr", "name", 1, Attr},
    {"map", "", -1, Map},
    {"reject", "", -1, Select<false, false>},
    {"rejectattr", "", -1, Select<false, true>},
    {"select", "", -1, Select<true, false>},
    {"selectattr", "", -1, Select<true, true>},
};

}  // namespace

std::span<const NativeDef> SelectFilters() { return kFilters; }

const NativeDef* FindFilter(std::string_view name) {
  for (auto table : {TextFilters(), WrapFilters(), ListFilters(), SelectFilters(), NumberFilters(),
                     JsonFilters()}) {
    if (const NativeDef* def = FindIn(table, name)) return def;
  }
  return nullptr;
}

}  // namespace ingot::text::jinja
