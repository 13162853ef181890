// Methods of strings that look for parts: find, split, strip, replace, join, format.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/string_ops.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

// The part of a string between the optional character positions start and end, in bytes and
// characters; first > length where start lies behind the end.
struct Window {
  size_t begin = 0;
  size_t end = 0;
  Int first = 0;
  bool empty = false;  // start lies behind end: nothing is found, not even ""
};

core::Result<Window> WindowOf(const Text& text, const Value& start, const Value& end) {
  auto length = static_cast<Int>(text.length());
  auto position = [&](const Value& value, Int fallback) -> core::Result<Int> {
    if (value.missing() || value.none()) return fallback;
    INGOT_ASSIGN(Int at, IntArgument(value, fallback));
    return at < 0 ? std::max<Int>(at + length, 0) : at;
  };
  INGOT_ASSIGN(Int first, position(start, 0));
  INGOT_ASSIGN(Int last, position(end, length));
  last = std::min(last, length);
  Window window;
  window.first = first;
  window.empty = first > last;
  if (window.empty) return window;
  window.begin = text.OffsetOf(static_cast<size_t>(first));
  window.end = text.OffsetOf(static_cast<size_t>(last));
  return window;
}

// The character position of the first or last place, or -1.
core::Result<Int> FindIn(Runtime& rt, const Value& self, const Args& args, bool from_right) {
  INGOT_ASSIGN(Value needle, TextArgument(args.positional[0], "the substring"));
  const Text& text = self.text();
  INGOT_ASSIGN(Window window, WindowOf(text, args.positional[1], args.positional[2]));
  if (window.empty) return Int{-1};
  std::string_view view = text.view().substr(window.begin, window.end - window.begin);
  uint64_t cost = view.size() / 64 + 1;
  if (from_right) cost += view.size() * needle.text().size() / 64;
  INGOT_TRY(rt.heap().Charge(cost));
  size_t found = from_right ? view.rfind(needle.view()) : FindBytes(view, needle.view());
  if (found == std::string_view::npos) return Int{-1};
  return window.first + static_cast<Int>(CountChars(view.substr(0, found)));
}

template <bool kRight, bool kMustFind>
Result Find(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Int at, FindIn(rt, self, args, kRight));
  if (kMustFind && at < 0) return TypeError("substring not found");
  return Value::Of(at);
}

Result Count(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Value needle, TextArgument(args.positional[0], "the substring"));
  const Text& text = self.text();
  INGOT_ASSIGN(Window window, WindowOf(text, args.positional[1], args.positional[2]));
  if (window.empty) return Value::Of(Int{0});
  std::string_view view = text.view().substr(window.begin, window.end - window.begin);
  INGOT_TRY(rt.heap().meter().ChargeBytes(view.size()));
  if (needle.text().empty()) return Value::Of(static_cast<Int>(CountChars(view)) + 1);
  Int count = 0;
  for (size_t at = 0; (at = FindBytes(view, needle.view(), at)) != std::string_view::npos;) {
    ++count;
    at += needle.text().size();
  }
  return Value::Of(count);
}

template <bool kStart>
Result HasAffix(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Window window, WindowOf(self.text(), args.positional[1], args.positional[2]));
  std::string_view view = self.view().substr(window.begin, window.end - window.begin);
  auto has = [&](const Value& affix) -> core::Result<bool> {
    INGOT_ASSIGN(Value text,
                 TextArgument(affix, kStart ? "startswith first arg" : "endswith first arg"));
    INGOT_TRY(rt.heap().meter().ChargeBytes(text.text().size()));
    if (window.empty) return false;
    return kStart ? view.starts_with(text.view()) : view.ends_with(text.view());
  };
  const Value& affixes = args.positional[0];
  if (!affixes.is(Kind::kTuple)) {
    INGOT_ASSIGN(bool found, has(affixes));
    return Value::Bool(found);
  }
  for (const Value& affix : affixes.items()) {
    INGOT_ASSIGN(bool found, has(affix));
    if (found) return Value::Bool(true);
  }
  return Value::Bool(false);
}

template <bool kPrefix>
Result RemoveAffix(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Value affix, TextArgument(args.positional[0], "the affix"));
  size_t size = affix.text().size();
  size_t all = self.text().size();
  if (kPrefix) {
    if (!self.view().starts_with(affix.view())) return self;
    return rt.heap().Slice(self, size, all);
  }
  if (size == 0 || !self.view().ends_with(affix.view())) return self;
  return rt.heap().Slice(self, 0, all - size);
}

template <Side kSide>
Result StripMethod(Runtime& rt, const Value& self, const Args& args) {
  return Strip(rt.heap(), self, args.positional[0], kSide);
}

template <bool kRight>
Result Split(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Int limit, IntArgument(args.positional[1], -1));
  INGOT_ASSIGN(std::vector<Value> parts,
               SplitText(rt.heap(), self, args.positional[0], limit, kRight));
  return rt.heap().List(std::move(parts));
}

Result SplitLinesMethod(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(std::vector<Value> lines, SplitLines(rt.heap(), self, Flag(args.positional[0])));
  return rt.heap().List(std::move(lines));
}

template <bool kRight>
Result Partition(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Value separator, TextArgument(args.positional[0], "the separator"));
  if (separator.text().empty()) return TypeError("empty separator");
  INGOT_ASSIGN(std::vector<Value> parts, SplitText(rt.heap(), self, separator, 1, kRight));
  INGOT_ASSIGN(Value empty, rt.heap().Slice(self, 0, 0));
  if (parts.size() == 2) {
    // The separator as it stands in the text, so that it keeps its origin.
    size_t at = parts[0].text().size();
    INGOT_ASSIGN(Value between, rt.heap().Slice(self, at, at + separator.text().size()));
    return rt.heap().Tuple({parts[0], between, parts[1]});
  }
  if (kRight) return rt.heap().Tuple({empty, empty, self});
  return rt.heap().Tuple({self, empty, empty});
}

Result ReplaceMethod(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(Value from, TextArgument(args.positional[0], "replace() argument 1"));
  INGOT_ASSIGN(Value to, TextArgument(args.positional[1], "replace() argument 2"));
  INGOT_ASSIGN(Int count, IntArgument(args.positional[2], -1));
  if (self.markup()) {
    INGOT_ASSIGN(to, Escape(rt.heap(), to));
  }
  return Replace(rt.heap(), self, from, to, count);
}

Result Join(Runtime& rt, const Value& self, const Args& args) {
  if (!Iterable(args.positional[0])) return TypeError("can only join an iterable");
  INGOT_ASSIGN(std::vector<Value> items, Collect(rt.heap(), args.positional[0]));
  return JoinText(rt.heap(), self, items);
}

Result Format(Runtime& rt, const Value& self, const Args& args) {
  std::vector<DictObject::Entry> named;
  for (const auto& [name, value] : args.named) {
    INGOT_ASSIGN(Value key, rt.heap().String(name));
    named.emplace_back(std::move(key), value);
  }
  INGOT_ASSIGN(Value mapping, rt.heap().Dict(std::move(named)));
  return StrFormat(rt.heap(), self, args.positional, mapping);
}

Result FormatMap(Runtime& rt, const Value& self, const Args& args) {
  return StrFormat(rt.heap(), self, {}, args.positional[0]);
}

constexpr NativeDef kMethods[] = {
    {"count", "/sub /start /end", 1, Count},
    {"find", "/sub /start /end", 1, Find<false, false>},
    {"index", "/sub /start /end", 1, Find<false, true>},
    {"rfind", "/sub /start /end", 1, Find<true, false>},
    {"rindex", "/sub /start /end", 1, Find<true, true>},
    {"startswith", "/prefix /start /end", 1, HasAffix<true>},
    {"endswith", "/suffix /start /end", 1, HasAffix<false>},
    {"removeprefix", "/prefix", 1, RemoveAffix<true>},
    {"removesuffix", "/suffix", 1, RemoveAffix<false>},
    {"strip", "/chars", 0, StripMethod<Side::kBoth>},
    {"lstrip", "/chars", 0, StripMethod<Side::kLeft>},
    {"rstrip", "/chars", 0, StripMethod<Side::kRight>},
    {"split", "sep maxsplit", 0, Split<false>},
    {"rsplit", "sep maxsplit", 0, Split<true>},
    {"splitlines", "keepends", 0, SplitLinesMethod},
    {"partition", "/sep", 1, Partition<false>},
    {"rpartition", "/sep", 1, Partition<true>},
    {"replace", "/old /new /count", 2, ReplaceMethod},
    {"join", "/iterable", 1, Join},
    {"format", "", -1, Format},
    {"format_map", "/mapping", 1, FormatMap},
};

}  // namespace

std::span<const NativeDef> StringSplitMethods() { return kMethods; }

}  // namespace ingot::text::jinja
