// value.name, value[key] and value[a:b:c].
#include <algorithm>
#include <array>

#include "core/strings.h"
#include "text/jinja/ast.h"
#include "text/jinja/builtins.h"
#include "text/jinja/number.h"
#include "text/jinja/objects.h"
#include "text/jinja/ops.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

// Methods that would change a list or dict. The sandbox hands out a value whose use is an error.
constexpr std::array<std::string_view, 8> kListChanges = {"append", "clear", "pop",    "reverse",
                                                          "insert", "sort",  "extend", "remove"};
constexpr std::array<std::string_view, 5> kDictChanges = {"clear", "pop", "popitem", "setdefault",
                                                          "update"};

bool IsUnsafe(const Value& value, std::string_view name) {
  auto in = [&](auto& names) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (value.is(Kind::kList) && in(kListChanges)) return true;
  if (value.is(Kind::kDict) && in(kDictChanges)) return true;
  return name.size() > 4 && name.starts_with("__") && name.ends_with("__");
}

Value Unsafe(const Value& value, std::string_view name) {
  return UndefinedHint(core::StrCat("access to attribute ", core::Quoted(name, 60), " of '",
                                    TypeName(value), "' object is unsafe"));
}

Value NoSuch(const Value& value, std::string_view name) {
  auto object = std::make_shared<UndefinedObject>();
  object->owner = TypeName(value);
  object->name = std::string(name.substr(0, 100));
  return Value::OfObject(Kind::kUndefined, std::move(object));
}

const NativeDef* FindMethod(const Value& value, std::string_view name) {
  switch (value.kind()) {
    case Kind::kString:
      if (const NativeDef* def = FindIn(StringMethods(), name)) return def;
      return FindIn(StringSplitMethods(), name);
    case Kind::kList:
      return FindIn(ListMethods(), name);
    case Kind::kTuple:
      return FindIn(TupleMethods(), name);
    case Kind::kDict:
      return FindIn(DictMethods(), name);
    case Kind::kBool:
    case Kind::kInt:
      return FindIn(IntMethods(), name);
    case Kind::kFloat:
      return FindIn(FloatMethods(), name);
    case Kind::kRange:
      return FindIn(RangeMethods(), name);
    case Kind::kLoop:
      return FindIn(LoopMethods(), name);
    case Kind::kCycler:
      return FindIn(CyclerMethods(), name);
    default:
      return nullptr;
  }
}

// Attributes that are values, not methods; missing where there is none of the name.
core::Result<Value> DataAttribute(Heap& heap, const Value& value, std::string_view name) {
  switch (value.kind()) {
    case Kind::kNamespace: {
      Value* found = value.as<NamespaceObject>().Find(name);
      return found != nullptr ? *found : Value();
    }
    case Kind::kTuple:
      if (!value.as<ListObject>().group) return Value();
      return name == "grouper" ? value.items()[0] : name == "list" ? value.items()[1] : Value();
    case Kind::kBool:
    case Kind::kInt:
      if (name == "real" || name == "numerator") return Value::Of(value.integer());
      if (name == "imag") return Value::Of(Int{0});
      if (name == "denominator") return Value::Of(Int{1});
      return Value();
    case Kind::kFloat:
      if (name == "real") return value;
      if (name == "imag") return Value::Of(0.0);
      return Value();
    case Kind::kRange:
      if (name == "start") return Value::Of(value.range().start);
      if (name == "stop") return Value::Of(value.range().stop);
      if (name == "step") return Value::Of(value.range().step);
      return Value();
    case Kind::kCycler: {
      const auto& cycler = value.as<CyclerObject>();
      return name == "current" ? cycler.items[cycler.position] : Value();
    }
    case Kind::kJoiner:
      if (name == "sep") return value.as<JoinerObject>().separator;
      if (name == "used") return Value::Bool(value.as<JoinerObject>().used);
      return Value();
    case Kind::kMacro: {
      const MacroNode& macro = value.as<MacroObject>().node;
      if (name == "name") return macro.name.empty() ? Value::None() : Value::String(macro.name);
      if (name == "catch_kwargs") return Value::Bool(macro.kwargs_slot >= 0);
      if (name == "catch_varargs") return Value::Bool(macro.varargs_slot >= 0);
      if (name == "caller") return Value::Bool(macro.caller_slot >= 0);
      if (name != "arguments") return Value();
      std::vector<Value> names;
      for (const auto& parameter : macro.parameters) {
        names.push_back(Value::String(parameter.name));
      }
      return heap.Tuple(std::move(names));
    }
    default:
      return Value();
  }
}

// getattr(value, name) alone; missing where there is none.
core::Result<Value> PlainAttribute(Heap& heap, const Value& value, std::string_view name) {
  if (value.undefined()) {
    if (name.starts_with("__")) return Value();
    return UndefinedError(value);
  }
  if (value.is(Kind::kNamespace)) return DataAttribute(heap, value, name);
  if (IsUnsafe(value, name)) return Unsafe(value, name);
  if (const NativeDef* method = FindMethod(value, name)) return heap.Method(value, *method);
  return DataAttribute(heap, value, name);
}

// value[key] alone; missing where there is no such element, or no elements at all.
core::Result<Value> PlainItem(Heap& heap, const Value& value, const Value& key) {
  if (value.undefined()) return UndefinedError(value);
  if (value.is(Kind::kDict)) {
    if (!Hashable(key)) return Value();
    if (!key.is_string()) INGOT_TRY(heap.Charge(Weight(key)));
    const Value* found = value.dict().Find(key);
    return found != nullptr ? *found : Value();
  }
  bool indexed = value.is_string() || value.is_sequence() || value.is(Kind::kRange);
  if (!indexed || !key.is_integer()) return Value();
  INGOT_ASSIGN(Int length, Length(value));
  Int index = key.integer() < 0 ? key.integer() + length : key.integer();
  if (index < 0 || index >= length) return Value();
  if (value.is_sequence()) return value.items()[static_cast<size_t>(index)];
  if (value.is(Kind::kRange)) return Value::Of(value.range().At(index));
  const Text& text = value.text();
  if (!text.ascii()) INGOT_TRY(heap.meter().ChargeBytes(text.size()));
  size_t begin = text.OffsetOf(static_cast<size_t>(index));
  return heap.Slice(value, begin, begin + DecodeUtf8(text.view(), begin).size);
}

struct Bounds {
  Int start = 0;
  Int stop = 0;
  Int step = 1;
  Int count = 0;
};

core::Result<Int> SliceNumber(const Value& value, Int fallback) {
  if (value.missing() || value.none()) return fallback;
  if (value.is_integer()) return value.integer();
  return TypeError("slice indices must be integers or None or have an __index__ method");
}

core::Result<Bounds> ResolveBounds(Int length, const Value& start, const Value& stop,
                                   const Value& step) {
  Bounds bounds;
  constexpr Int kFar = Int{1} << 62;
  INGOT_ASSIGN(bounds.step, SliceNumber(step, 1));
  if (bounds.step == 0) return TypeError("slice step cannot be zero");
  bounds.step = std::clamp(bounds.step, -kFar, kFar);
  bool forward = bounds.step > 0;
  Int low = forward ? 0 : -1;
  Int high = forward ? length : length - 1;
  auto clamp = [&](Int index) {
    if (index < 0) index = std::max(std::max(index, -kFar) + length, low);
    return std::clamp(index, low, high);
  };
  INGOT_ASSIGN(Int first, SliceNumber(start, forward ? 0 : kFar));
  INGOT_ASSIGN(Int last, SliceNumber(stop, kFar));
  bool whole = stop.missing() || stop.none();
  bounds.start = clamp(first);
  bounds.stop = whole ? (forward ? high : low) : clamp(last);
  Int span = forward ? bounds.stop - bounds.start : bounds.start - bounds.stop;
  Int stride = forward ? bounds.step : -bounds.step;
  bounds.count = span <= 0 ? 0 : (span + stride - 1) / stride;
  return bounds;
}

core::Result<Value> SliceText(Heap& heap, const Value& value, const Bounds& bounds) {
  const Text& text = value.text();
  if (bounds.count == 0) return heap.Slice(value, 0, 0);
  if (!text.ascii()) INGOT_TRY(heap.meter().ChargeBytes(text.size()));
  if (bounds.step == 1) {
    size_t begin = text.OffsetOf(static_cast<size_t>(bounds.start));
    size_t end = text.OffsetOf(static_cast<size_t>(bounds.start + bounds.count));
    return heap.Slice(value, begin, end);
  }
  INGOT_TRY(heap.Charge(text.length()));
  std::vector<size_t> offsets;
  offsets.reserve(text.length() + 1);
  for (size_t at = 0; at < text.size(); at += DecodeUtf8(text.view(), at).size) {
    offsets.push_back(at);
  }
  offsets.push_back(text.size());
  TextBuilder out = heap.NewText();
  for (Int i = 0; i < bounds.count; ++i) {
    auto at = static_cast<size_t>(bounds.start + i * bounds.step);
    out.AppendSlice(text, offsets[at], offsets[at + 1]);
  }
  return heap.String(std::move(out), value.markup());
}

}  // namespace

const NativeDef* FindIn(std::span<const NativeDef> table, std::string_view name) {
  auto found = std::find_if(table.begin(), table.end(),
                            [&](const NativeDef& def) { return def.name == name; });
  return found != table.end() ? &*found : nullptr;
}

Value* NamespaceObject::Find(std::string_view name) {
  for (auto& [key, value] : attributes) {
    if (key.view() == name) return &value;
  }
  return nullptr;
}

void NamespaceObject::Set(Value name, Value value) {
  if (Value* found = Find(name.view())) {
    *found = std::move(value);
  } else {
    attributes.emplace_back(std::move(name), std::move(value));
  }
}

core::Result<Value> GetAttribute(Heap& heap, const Value& value, std::string_view name) {
  INGOT_ASSIGN(Value found, PlainAttribute(heap, value, name));
  if (!found.missing()) return found;
  if (value.undefined()) return UndefinedError(value);
  if (value.is(Kind::kDict)) {
    if (const Value* item = value.dict().Find(name)) return *item;
  }
  return NoSuch(value, name);
}

core::Result<Value> GetItem(Heap& heap, const Value& value, const Value& key) {
  INGOT_ASSIGN(Value found, PlainItem(heap, value, key));
  if (!found.missing()) return found;
  if (key.is_string()) {
    INGOT_ASSIGN(found, PlainAttribute(heap, value, key.view()));
    return found.missing() ? NoSuch(value, key.view()) : found;
  }
  auto object = std::make_shared<UndefinedObject>();
  object->owner = TypeName(value);
  object->name = key.is(Kind::kInt) ? IntText(key.integer()) : std::string(TypeName(key));
  object->is_element = true;
  return Value::OfObject(Kind::kUndefined, std::move(object));
}

core::Result<Value> GetPath(Heap& heap, const Value& value, const Value& path) {
  if (path.missing() || path.none()) return value;
  if (!path.is_string()) return GetItem(heap, value, path);
  Value current = value;
  std::string_view rest = path.view();
  while (true) {
    size_t dot = std::min(rest.find('.'), rest.size());
    std::string_view part = rest.substr(0, dot);
    bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    std::optional<Int> index = number ? ParseInt(part) : std::nullopt;
    Value key = index.has_value() ? Value::Of(*index) : Value::String(std::string(part));
    INGOT_ASSIGN(current, GetItem(heap, current, key));
    if (dot == rest.size()) return current;
    rest.remove_prefix(dot + 1);
  }
}

core::Result<Value> GetSlice(Heap& heap, const Value& value, const Value& start, const Value& stop,
                             const Value& step) {
  if (value.undefined()) return UndefinedError(value);
  if (!value.is_string() && !value.is_sequence() && !value.is(Kind::kRange)) {
    return TypeError(core::StrCat("'", TypeName(value), "' object cannot be sliced"));
  }
  INGOT_ASSIGN(Int length, Length(value));
  INGOT_ASSIGN(Bounds bounds, ResolveBounds(length, start, stop, step));
  if (value.is_string()) return SliceText(heap, value, bounds);
  if (value.is(Kind::kRange)) {
    const RangeObject& range = value.range();
    return heap.Range(range.At(bounds.start), range.At(bounds.stop), range.step * bounds.step);
  }
  std::vector<Value> items;
  INGOT_TRY(heap.Charge(static_cast<uint64_t>(bounds.count)));
  items.reserve(static_cast<size_t>(bounds.count));
  for (Int i = 0; i < bounds.count; ++i) {
    items.push_back(value.items()[static_cast<size_t>(bounds.start + i * bounds.step)]);
  }
  return heap.Items(value.kind(), std::move(items));
}

}  // namespace ingot::text::jinja
