// Filters that take or give whole sequences: order, ends, groups.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/string_ops.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

Result LengthFilter(Runtime&, const Value& input, const Args&) {
  INGOT_ASSIGN(Int length, Length(input));
  return Value::Of(length);
}

Result ListFilter(Runtime& rt, const Value& input, const Args&) {
  INGOT_ASSIGN(std::vector<Value> items, Collect(rt.heap(), input));
  return rt.heap().List(std::move(items));
}

Result First(Runtime& rt, const Value& input, const Args&) {
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(input));
  Value item;
  if (cursor.Next(rt.heap(), item)) return item;
  if (!cursor.status().ok()) return cursor.status();
  return UndefinedHint("No first item, sequence was empty.");
}

// The name of the iterator that reversed() gives; empty where it refuses.
std::string_view ReversedType(const Value& value) {
  switch (value.kind()) {
    case Kind::kList:
      return "list_reverseiterator";
    case Kind::kDict:
      return "dict_reversekeyiterator";
    case Kind::kView:
      return "dict_reverseitemiterator";
    case Kind::kRange:
      return "range_iterator";
    case Kind::kTuple:
    case Kind::kString:
    case Kind::kUndefined:
      return "reversed";
    default:
      return "";
  }
}

Result Last(Runtime& rt, const Value& input, const Args&) {
  if (ReversedType(input).empty()) {
    return TypeError(core::StrCat("'", TypeName(input), "' object is not reversible"));
  }
  if (input.is_string() && !input.text().empty()) {
    size_t last = PreviousChar(input.view(), input.text().size());
    return rt.heap().Slice(input, last, input.text().size());
  }
  if (input.is_sequence() && !input.items().empty()) return input.items().back();
  INGOT_ASSIGN(std::vector<Value> items, Collect(rt.heap(), input));
  if (items.empty()) return UndefinedHint("No last item, sequence was empty.");
  return items.back();
}

Result Reverse(Runtime& rt, const Value& input, const Args&) {
  if (input.is_string()) return GetSlice(rt.heap(), input, {}, {}, Value::Of(Int{-1}));
  INGOT_ASSIGN(std::vector<Value> items, Collect(rt.heap(), input));
  std::reverse(items.begin(), items.end());
  std::string_view type = ReversedType(input);
  if (type.empty()) return rt.heap().List(std::move(items));
  return rt.heap().Iterator(type, std::move(items));
}

// Strings compare without case unless they are asked to.
Result SortKey(Heap& heap, Value value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  return ChangeCase(heap, value, Case::kLower);
}

struct Keyed {
  Value key;
  Value item;
};

core::Status SortKeyed(Heap& heap, std::vector<Keyed>& entries, bool reverse) {
  core::Status status;
  std::stable_sort(entries.begin(), entries.end(), [&](const Keyed& a, const Keyed& b) {
    if (!status.ok()) return false;
    auto less = reverse ? Less(heap, b.key, a.key) : Less(heap, a.key, b.key);
    if (less.ok()) return *less;
    status = std::move(less).status();
    return false;
  });
  return status;
}

Result ItemsOf(Heap& heap, std::vector<Keyed> entries) {
  std::vector<Value> items;
  items.reserve(entries.size());
  for (Keyed& entry : entries) items.push_back(std::move(entry.item));
  return heap.List(std::move(items));
}

Result Sort(Runtime& rt, const Value& input, const Args& args) {
  Heap& heap = rt.heap();
  bool reverse = Flag(args.positional[0]);
  bool case_sensitive = Flag(args.positional[1]);
  // "age,name" sorts by both.
  std::vector<Value> paths = {args.positional[2]};
  if (args.positional[2].is_string()) {
    INGOT_ASSIGN(paths, SplitText(heap, args.positional[2], Value::String(","), -1, false));
  }
  INGOT_ASSIGN(std::vector<Value> items, Collect(heap, input));
  std::vector<Keyed> entries;
  for (Value& item : items) {
    std::vector<Value> keys;
    for (const Value& path : paths) {
      INGOT_ASSIGN(Value key, GetPath(heap, item, path));
      INGOT_ASSIGN(key, SortKey(heap, std::move(key), case_sensitive));
      keys.push_back(std::move(key));
    }
    INGOT_ASSIGN(Value key, heap.List(std::move(keys)));
    entries.push_back({std::move(key), std::move(item)});
  }
  INGOT_TRY(SortKeyed(heap, entries, reverse));
  return ItemsOf(heap, std::move(entries));
}

Result DictSort(Runtime& rt, const Value& input, const Args& args) {
  Heap& heap = rt.heap();
  if (input.undefined()) return UndefinedError(input);
  bool case_sensitive = Flag(args.positional[0]);
  const Value& by = args.positional[1];
  bool by_value = by.is_string() && by.view() == "value";
  if (!by.missing() && !by_value && !(by.is_string() && by.view() == "key")) {
    return TypeError("You can only sort by either \"key\" or \"value\"");
  }
  if (!input.is(Kind::kDict)) {
    return TypeError(core::StrCat("'", TypeName(input), "' object has no attribute 'items'"));
  }
  std::vector<Keyed> entries;
  for (const auto& [key, value] : input.dict().entries()) {
    INGOT_ASSIGN(Value pair, heap.Tuple({key, value}));
    INGOT_ASSIGN(Value sort_key, SortKey(heap, by_value ? value : key, case_sensitive));
    entries.push_back({std::move(sort_key), std::move(pair)});
  }
  INGOT_TRY(SortKeyed(heap, entries, Flag(args.positional[2])));
  return ItemsOf(heap, std::move(entries));
}

template <bool kMax>
Result Extreme(Runtime& rt, const Value& input, const Args& args) {
  Heap& heap = rt.heap();
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(input));
  Value best, best_key, item;
  while (cursor.Next(heap, item)) {
    INGOT_ASSIGN(Value key, GetPath(heap, item, args.positional[1]));
    INGOT_ASSIGN(key, SortKey(heap, std::move(key), Flag(args.positional[0])));
    bool better = best.missing();
    if (!better) {
      INGOT_ASSIGN(better, kMax ? Less(heap, best_key, key) : Less(heap, key, best_key));
    }
    if (better) {
      best = item;
      best_key = std::move(key);
    }
  }
  if (!cursor.status().ok()) return cursor.status();
  return best.missing() ? UndefinedHint("No aggregated item, sequence was empty.") : best;
}

core::Status UniqueInto(Runtime& rt, const Value& input, const Args& args,
                        std::vector<Value>& kept) {
  Heap& heap = rt.heap();
  INGOT_ASSIGN(std::vector<Value> items, Collect(heap, input));
  std::vector<DictObject::Entry> keyed;
  for (size_t i = 0; i < items.size(); ++i) {
    INGOT_ASSIGN(Value key, GetPath(heap, items[i], args.positional[1]));
    INGOT_ASSIGN(key, SortKey(heap, std::move(key), Flag(args.positional[0])));
    keyed.emplace_back(std::move(key), Value::Of(static_cast<Int>(i)));
  }
  // Of equal keys a dict keeps the last value, so the list goes in backwards.
  std::reverse(keyed.begin(), keyed.end());
  INGOT_ASSIGN(Value dict, heap.Dict(std::move(keyed)));
  std::vector<size_t> first;
  for (const auto& [key, index] : dict.dict().entries()) {
    first.push_back(static_cast<size_t>(index.integer()));
  }
  std::sort(first.begin(), first.end());
  for (size_t i : first) kept.push_back(items[i]);
  return {};
}

Result Unique(Runtime& rt, const Value& input, const Args& args) {
  std::vector<Value> kept;
  core::Status status = UniqueInto(rt, input, args, kept);
  return rt.heap().Iterator("generator", std::move(kept), std::move(status));
}

Result GroupBy(Runtime& rt, const Value& input, const Args& args) {
  Heap& heap = rt.heap();
  const Value& attribute = args.positional[0];
  Value fallback = args.positional[1].missing() ? Value::None() : args.positional[1];
  INGOT_ASSIGN(std::vector<Value> items, Collect(heap, input));
  auto plain_key = [&](const Value& item) -> Result {
    INGOT_ASSIGN(Value key, GetPath(heap, item, attribute));
    return key.undefined() && !fallback.none() ? fallback : key;
  };
  std::vector<Keyed> entries;
  for (Value& item : items) {
    INGOT_ASSIGN(Value key, plain_key(item));
    INGOT_ASSIGN(key, SortKey(heap, std::move(key), Flag(args.positional[2])));
    entries.push_back({std::move(key), std::move(item)});
  }
  INGOT_TRY(SortKeyed(heap, entries, false));
  std::vector<Value> groups;
  for (size_t i = 0; i < entries.size();) {
    std::vector<Value> members;
    size_t begin = i;
    for (; i < entries.size(); ++i) {
      INGOT_ASSIGN(bool same, EqualWithin(heap, entries[i].key, entries[begin].key));
      if (!same) break;
      members.push_back(entries[i].item);
    }
    INGOT_ASSIGN(Value key, plain_key(members[0]));
    INGOT_ASSIGN(Value list, heap.List(std::move(members)));
    INGOT_ASSIGN(Value pair, heap.Tuple({std::move(key), std::move(list)}));
    pair.as<ListObject>().group = true;
    groups.push_back(std::move(pair));
  }
  return heap.List(std::move(groups));
}

Result Sum(Runtime& rt, const Value& input, const Args& args) {
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(input));
  Value total = args.positional[1].missing() ? Value::Of(Int{0}) : args.positional[1];
  if (total.is_string()) return TypeError("sum() can't sum strings [use ''.join(seq) instead]");
  Value item;
  while (cursor.Next(rt.heap(), item)) {
    INGOT_ASSIGN(item, GetPath(rt.heap(), item, args.positional[0]));
    INGOT_ASSIGN(total, Binary(rt.heap(), BinaryOp::kAdd, total, item));
  }
  if (!cursor.status().ok()) return cursor.status();
  return total;
}

core::Status BatchInto(Runtime& rt, const Value& input, const Args& args,
                       std::vector<Value>& lines) {
  INGOT_ASSIGN(Int count, IntArgument(args.positional[0], 0));
  const Value& fill = args.positional[1];
  INGOT_ASSIGN(std::vector<Value> items, Collect(rt.heap(), input));
  std::vector<Value> line;
  auto finish = [&]() -> core::Status {
    INGOT_ASSIGN(Value list, rt.heap().List(std::move(line)));
    lines.push_back(std::move(list));
    line.clear();
    return {};
  };
  for (Value& item : items) {
    if (static_cast<Int>(line.size()) == count) INGOT_TRY(finish());
    line.push_back(std::move(item));
  }
  if (!line.empty()) {
    if (!fill.missing() && !fill.none()) {
      Int more = std::max<Int>(count - static_cast<Int>(line.size()), 0);
      if (more > 1'000'000) return core::Exhausted("a batch is too long");
      INGOT_TRY(rt.heap().Charge(static_cast<uint64_t>(more)));
      line.insert(line.end(), static_cast<size_t>(more), fill);
    }
    INGOT_TRY(finish());
  }
  return {};
}

Result Batch(Runtime& rt, const Value& input, const Args& args) {
  std::vector<Value> lines;
  core::Status status = BatchInto(rt, input, args, lines);
  return rt.heap().Iterator("generator", std::move(lines), std::move(status));
}

core::Status SliceInto(Runtime& rt, const Value& input, const Args& args,
                       std::vector<Value>& parts) {
  INGOT_ASSIGN(Int slices, IntArgument(args.positional[0], 0));
  const Value& fill = args.positional[1];
  INGOT_ASSIGN(std::vector<Value> items, Collect(rt.heap(), input));
  if (slices == 0) return TypeError("integer division or modulo by zero");
  if (slices > 1'000'000) return core::Exhausted("too many slices");
  auto length = static_cast<Int>(items.size());
  Int each = slices > 0 ? length / slices : 0;
  Int extra = slices > 0 ? length % slices : 0;
  Int at = 0;
  for (Int i = 0; i < slices; ++i) {
    INGOT_TRY(rt.heap().Charge(1));
    Int end = at + each + (i < extra ? 1 : 0);
    std::vector<Value> part(items.begin() + static_cast<ptrdiff_t>(at),
                            items.begin() + static_cast<ptrdiff_t>(end));
    if (!fill.missing() && !fill.none() && i >= extra) part.push_back(fill);
    INGOT_ASSIGN(Value list, rt.heap().List(std::move(part)));
    parts.push_back(std::move(list));
    at = end;
  }
  return {};
}

Result SliceFilter(Runtime& rt, const Value& input, const Args& args) {
  std::vector<Value> parts;
  core::Status status = SliceInto(rt, input, args, parts);
  return rt.heap().Iterator("generator", std::move(parts), std::move(status));
}

Result Items(Runtime& rt, const Value& input, const Args&) {
  std::vector<Value> pairs;
  core::Status status;
  if (!input.undefined() && !input.is(Kind::kDict)) {
    status = TypeError("Can only get item pairs from a mapping.");
  }
  if (input.is(Kind::kDict)) {
    for (const auto& [key, value] : input.dict().entries()) {
      INGOT_ASSIGN(Value pair, rt.heap().Tuple({key, value}));
      pairs.push_back(std::move(pair));
    }
  }
  return rt.heap().Iterator("generator", std::move(pairs), std::move(status));
}

constexpr NativeDef kFilters[] = {
    {"batch", "linecount fill_with", 1, Batch},
    {"count", "", 0, LengthFilter},
    {"dictsort", "case_sensitive by reverse", 0, DictSort},
    {"first", "", 0, First},
    {"groupby", "attribute default case_sensitive", 1, GroupBy},
    {"items", "", 0, Items},
    {"last", "", 0, Last},
    {"length", "", 0, LengthFilter},
    {"list", "", 0, ListFilter},
    {"max", "case_sensitive attribute", 0, Extreme<true>},
    {"min", "case_sensitive attribute", 0, Extreme<false>},
    {"reverse", "", 0, Reverse},
    {"slice", "slices fill_with", 1, SliceFilter},
    {"sort", "reverse case_sensitive attribute", 0, Sort},
    {"sum", "attribute start", 0, Sum},
    {"unique", "case_sensitive attribute", 0, Unique},
};

}  // namespace

std::span<const NativeDef> ListFilters() { return kFilters; }

}  // namespace ingot::text::jinja
