#include "text/jinja/value.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/strings.h"
#include "text/jinja/objects.h"

namespace ingot::text::jinja {
namespace {

constexpr uint64_t kMaxWeight = uint64_t{1} << 60;

uint64_t AddWeights(uint64_t a, uint64_t b) { return std::min(a + b, kMaxWeight); }

// Keys in an order of our own: numbers, then strings, None, tuples, then what is equal to itself
// alone.
int KeyRank(const Value& value) {
  if (value.is_number()) return 0;
  switch (value.kind()) {
    case Kind::kString:
      return 1;
    case Kind::kNone:
      return 2;
    case Kind::kTuple:
      return 3;
    default:
      return 4;
  }
}

int CompareKeys(const Value& a, const Value& b) {
  int rank = KeyRank(a);
  if (int other = KeyRank(b); rank != other) return rank < other ? -1 : 1;
  switch (rank) {
    case 0: {
      // NaN is no key's equal in Python; here it is its own, so that the order stays an order.
      bool nan_a = a.is(Kind::kFloat) && std::isnan(a.real());
      bool nan_b = b.is(Kind::kFloat) && std::isnan(b.real());
      if (nan_a || nan_b) return nan_a && nan_b ? 0 : (nan_a ? -1 : 1);
      return CompareNumbers(a, b).value_or(0);
    }
    case 1: {
      int order = a.view().compare(b.view());
      return order < 0 ? -1 : order > 0;
    }
    case 2:
      return 0;
    case 3: {
      const auto& x = a.items();
      const auto& y = b.items();
      for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
        if (int order = CompareKeys(x[i], y[i]); order != 0) return order;
      }
      return x.size() < y.size() ? -1 : x.size() > y.size();
    }
    default: {
      std::less<const Object*> less;
      const Object* x = a.object().get();
      const Object* y = b.object().get();
      return less(x, y) ? -1 : less(y, x);
    }
  }
}

bool EqualDicts(const DictObject& a, const DictObject& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.entries().begin(), a.entries().end(), [&](const DictObject::Entry& entry) {
    const Value* other = b.Find(entry.first);
    return other != nullptr && Equal(entry.second, *other);
  });
}

bool EqualRanges(const RangeObject& a, const RangeObject& b) {
  if (a.count != b.count) return false;
  if (a.count == 0) return true;
  return a.start == b.start && (a.count == 1 || a.step == b.step);
}

}  // namespace

Value Value::Bool(bool value) {
  Value v(Kind::kBool);
  v.number_.integer = value ? 1 : 0;
  return v;
}
Value Value::Of(Int value) {
  Value v(Kind::kInt);
  v.number_.integer = value;
  return v;
}
Value Value::Of(double value) {
  Value v(Kind::kFloat);
  v.number_.real = value;
  return v;
}
Value Value::Of(std::shared_ptr<StringObject> text, bool markup) {
  Value v(Kind::kString);
  v.object_ = std::move(text);
  v.markup_ = markup;
  return v;
}
Value Value::Of(Kind kind, std::shared_ptr<ListObject> items) {
  return OfObject(kind, std::move(items));
}
Value Value::Of(std::shared_ptr<DictObject> dict) { return OfObject(Kind::kDict, std::move(dict)); }
Value Value::OfObject(Kind kind, std::shared_ptr<Object> object) {
  Value v(kind);
  v.object_ = std::move(object);
  return v;
}
Value Value::String(std::string text, Origin origin) {
  return Of(std::make_shared<StringObject>(Text(std::move(text), origin)));
}

Value Value::WithMarkup(bool markup) const {
  Value v = *this;
  v.markup_ = markup;
  return v;
}

const Text& Value::text() const { return as<StringObject>().text; }
const std::vector<Value>& Value::items() const { return as<ListObject>().items; }
const DictObject& Value::dict() const { return as<DictObject>(); }
const RangeObject& Value::range() const { return as<RangeObject>(); }
const UndefinedObject& Value::undefined_object() const { return as<UndefinedObject>(); }

ListObject::ListObject(std::vector<Value> values, Holding held)
    : Object(MaxDepth(values) + 1), items(std::move(values)), holding(std::move(held)), weight(1) {
  for (const Value& item : items) weight = AddWeights(weight, Weight(item));
}

DictObject::DictObject(std::vector<Entry> entries, Holding held)
    : entries_(std::move(entries)), holding_(std::move(held)), weight_(1) {
  sorted_.resize(entries_.size());
  std::iota(sorted_.begin(), sorted_.end(), 0);
  std::stable_sort(sorted_.begin(), sorted_.end(), [&](uint32_t a, uint32_t b) {
    return CompareKeys(entries_[a].first, entries_[b].first) < 0;
  });
  std::vector<bool> drop(entries_.size());
  bool duplicates = false;
  for (size_t i = 0; i + 1 < sorted_.size();) {
    size_t next = i + 1;
    while (next < sorted_.size() &&
           CompareKeys(entries_[sorted_[i]].first, entries_[sorted_[next]].first) == 0) {
      entries_[sorted_[i]].second = entries_[sorted_[next]].second;
      drop[sorted_[next]] = duplicates = true;
      ++next;
    }
    i = next;
  }
  if (duplicates) {
    std::vector<uint32_t> moved(entries_.size());
    std::vector<Entry> kept;
    for (size_t i = 0; i < entries_.size(); ++i) {
      moved[i] = static_cast<uint32_t>(kept.size());
      if (!drop[i]) kept.push_back(std::move(entries_[i]));
    }
    std::erase_if(sorted_, [&](uint32_t i) { return drop[i]; });
    for (uint32_t& i : sorted_) i = moved[i];
    entries_ = std::move(kept);
  }
  for (const auto& [key, value] : entries_) {
    weight_ = AddWeights(weight_, AddWeights(Weight(key), Weight(value)));
    depth = std::max({depth, Depth(key) + 1, Depth(value) + 1});
  }
}

const Value* DictObject::Find(const Value& key) const {
  auto found = std::lower_bound(
      sorted_.begin(), sorted_.end(), key,
      [&](uint32_t i, const Value& k) { return CompareKeys(entries_[i].first, k) < 0; });
  if (found == sorted_.end() || CompareKeys(entries_[*found].first, key) != 0) return nullptr;
  return &entries_[*found].second;
}

const Value* DictObject::Find(std::string_view key) const {
  auto found =
      std::lower_bound(sorted_.begin(), sorted_.end(), key, [&](uint32_t i, std::string_view k) {
        const Value& other = entries_[i].first;
        return other.is_string() ? other.view() < k : KeyRank(other) < 1;
      });
  if (found == sorted_.end()) return nullptr;
  const Entry& entry = entries_[*found];
  return entry.first.is_string() && entry.first.view() == key ? &entry.second : nullptr;
}

std::string UndefinedObject::Message() const {
  if (!hint.empty()) return hint;
  if (owner.empty()) return core::StrCat("'", core::Printable(name), "' is undefined");
  std::string type = owner == "NoneType" ? "None" : std::string(owner).append(" object");
  if (is_element) return core::StrCat(type, " has no element ", core::Printable(name));
  return core::StrCat("'", type, "' has no attribute '", core::Printable(name), "'");
}

Value UndefinedName(std::string_view name) {
  auto object = std::make_shared<UndefinedObject>();
  object->name = std::string(name);
  return Value::OfObject(Kind::kUndefined, std::move(object));
}

Value UndefinedHint(std::string hint) {
  auto object = std::make_shared<UndefinedObject>();
  object->hint = std::move(hint);
  return Value::OfObject(Kind::kUndefined, std::move(object));
}

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return value.markup() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kView: {
      ViewKind kind = value.as<ViewObject>().kind;
      if (kind == ViewKind::kKeys) return "dict_keys";
      return kind == ViewKind::kValues ? "dict_values" : "dict_items";
    }
    case Kind::kIterator:
      return value.as<IteratorObject>().type;
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kMacro:
      return "Macro";
    case Kind::kFunction:
      return "builtin_function_or_method";
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kCycler:
      return "Cycler";
    case Kind::kJoiner:
      return "Joiner";
  }
  return "object";
}

bool Truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.integer() != 0;
    case Kind::kFloat:
      return value.real() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !value.items().empty();
    case Kind::kDict:
      return value.dict().size() != 0;
    case Kind::kRange:
      return value.range().count != 0;
    case Kind::kView:
      return Truth(value.as<ViewObject>().dict);
    default:
      return true;
  }
}

uint64_t Weight(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return 1 + value.text().size() / 64;
    case Kind::kList:
    case Kind::kTuple:
      return value.as<ListObject>().weight;
    case Kind::kDict:
      return value.dict().weight();
    case Kind::kView:
      return Weight(value.as<ViewObject>().dict);
    default:
      return 1;
  }
}

uint32_t MaxDepth(const std::vector<Value>& values) {
  uint32_t depth = 0;
  for (const Value& value : values) depth = std::max(depth, Depth(value));
  return depth;
}

bool Equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      return a.view() == b.view();
    case Kind::kList:
    case Kind::kTuple:
      return a.object() == b.object() || std::equal(a.items().begin(), a.items().end(),
                                                    b.items().begin(), b.items().end(), Equal);
    case Kind::kDict:
      return a.object() == b.object() || EqualDicts(a.dict(), b.dict());
    case Kind::kRange:
      return EqualRanges(a.range(), b.range());
    default:
      return a.object() == b.object();
  }
}

bool Hashable(const Value& value) {
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kDict:
    case Kind::kView:
      return false;
    case Kind::kTuple:
      return std::all_of(value.items().begin(), value.items().end(), Hashable);
    default:
      return true;
  }
}

std::optional<int> CompareNumbers(const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) return std::nullopt;
  auto order = [](auto x, auto y) { return x < y ? -1 : static_cast<int>(x > y); };
  if (a.is_integer() && b.is_integer()) return order(a.integer(), b.integer());
  double x = a.AsReal();
  double y = b.AsReal();
  if (std::isnan(x) || std::isnan(y)) return std::nullopt;
  if (a.is(Kind::kFloat) && b.is(Kind::kFloat)) return order(x, y);
  // An integer and a float: rounding the integer loses digits, so let the float become one where
  // it can, and its fraction decide a tie.
  constexpr double kBound = 0x1p126;
  double real = a.is(Kind::kFloat) ? x : y;
  Int integer = a.is(Kind::kFloat) ? b.integer() : a.integer();
  int result = 0;
  if (std::abs(real) >= kBound) {
    result = order(static_cast<double>(integer), real);
  } else {
    double whole = std::floor(real);
    result = order(integer, static_cast<Int>(whole));
    if (result == 0 && real > whole) result = -1;
  }
  return a.is(Kind::kFloat) ? -result : result;
}

}  // namespace ingot::text::jinja
