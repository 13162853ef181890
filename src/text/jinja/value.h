// Values of the template language: Python's None, bool, int, float, str, list, tuple, dict and the
// few objects that templates meet beside them. A Value is a small handle; what it points to is
// shared. Strings, lists, tuples, dicts and ranges never change, so they may be shared between
// threads; namespaces, iterators, loops, cyclers and joiners do change and belong to one rendering
// (objects.h).
#ifndef INGOT_TEXT_JINJA_VALUE_H_
#define INGOT_TEXT_JINJA_VALUE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/meter.h"
#include "text/jinja/text.h"

namespace ingot::text::jinja {

// Python's integers have no bound. Ours have 128 bits, and an operation that leaves them is an
// error: every integer of a JSON schema fits.
using Int = __int128;

enum class Kind : uint8_t {
  kMissing,    // no value at all; templates never see it
  kUndefined,  // a name or attribute that is not there
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kRange,
  kView,      // dict.keys(), .values(), .items()
  kIterator,  // one pass only: what map, select and reversed give
  kNamespace,
  kMacro,
  kFunction,
  kLoop,
  kCycler,
  kJoiner,
};

struct Object {
  explicit Object(uint32_t nesting = 0) : depth(nesting) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
  uint32_t
      depth;  // how far values nest inside, so that nothing has to be destroyed recursively deep
};

struct StringObject;
struct ListObject;
class DictObject;
struct RangeObject;
struct UndefinedObject;

class Value {
 public:
  Value() = default;
  static Value None() { return Value(Kind::kNone); }
  static Value Bool(bool value);
  static Value Of(Int value);
  static Value Of(double value);
  static Value Of(std::shared_ptr<StringObject> text, bool markup = false);
  // kList or kTuple.
  static Value Of(Kind kind, std::shared_ptr<ListObject> items);
  static Value Of(std::shared_ptr<DictObject> dict);
  // Every other kind.
  static Value OfObject(Kind kind, std::shared_ptr<Object> object);
  // Constants and test values, not charged to any meter.
  static Value String(std::string text, Origin origin = Origin::kTemplate);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool missing() const { return kind_ == Kind::kMissing; }
  bool undefined() const { return kind_ == Kind::kUndefined; }
  bool none() const { return kind_ == Kind::kNone; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  // What Python counts as an int: bools are.
  bool is_integer() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool is_number() const { return is_integer() || kind_ == Kind::kFloat; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  // A string that HTML escaping leaves alone (Python's Markup).
  bool markup() const { return markup_; }

  // Each of these asks for the kind it names.
  bool boolean() const { return number_.integer != 0; }
  Int integer() const { return number_.integer; }
  double real() const { return number_.real; }
  const Text& text() const;
  std::string_view view() const { return text().view(); }
  const std::vector<Value>& items() const;  // of a list or tuple
  const DictObject& dict() const;
  const RangeObject& range() const;
  const UndefinedObject& undefined_object() const;

  // The number as a double; integers are rounded.
  double AsReal() const {
    return kind_ == Kind::kFloat ? number_.real : static_cast<double>(number_.integer);
  }

  template <typename T>
  T& as() const {
    return static_cast<T&>(*object_);
  }
  const std::shared_ptr<Object>& object() const { return object_; }

  // The same string with or without the Markup flag.
  Value WithMarkup(bool markup) const;

 private:
  explicit Value(Kind kind) : kind_(kind) {}

  union Number {
    Int integer;
    double real;
  };
  Number number_ = {0};
  std::shared_ptr<Object> object_;
  Kind kind_ = Kind::kMissing;
  bool markup_ = false;
};

struct StringObject final : Object {
  explicit StringObject(Text value, Holding held = {})
      : text(std::move(value)), holding(std::move(held)) {}
  const Text text;
  Holding holding;
};

// weight counts everything inside: what a comparison or a print has to visit.
struct ListObject final : Object {
  explicit ListObject(std::vector<Value> values, Holding held = {});
  const std::vector<Value> items;
  Holding holding;
  uint64_t weight;
  bool group = false;  // a pair that groupby made: its elements also have names
};

// Insertion-ordered, as Python's are. 1, 1.0 and True are the same key.
class DictObject final : public Object {
 public:
  using Entry = std::pair<Value, Value>;
  // Keys are hashable (see Hashable). Of equal keys the first keeps its place and the last its
  // value.
  explicit DictObject(std::vector<Entry> entries, Holding held = {});

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
  uint64_t weight() const { return weight_; }

 private:
  std::vector<Entry> entries_;
  std::vector<uint32_t> sorted_;  // entries in key order
  Holding holding_;
  uint64_t weight_;
};

struct RangeObject final : Object {
  RangeObject(Int first, Int end, Int increment, Int length)
      : start(first), stop(end), step(increment), count(length) {}
  Int At(Int index) const { return start + index * step; }
  const Int start;
  const Int stop;
  const Int step;
  const Int count;
};

// Why a value is undefined, for the error that using it gives.
struct UndefinedObject final : Object {
  std::string hint;         // says it all when not empty
  std::string_view owner;   // type of what was looked into; empty for a plain name
  std::string name;         // of the variable, attribute or element
  bool is_element = false;  // name is a repr, not a string
  std::string Message() const;
};

Value UndefinedName(std::string_view name);
Value UndefinedHint(std::string hint);

// Python's name of the type: "str", "dict_items".
std::string_view TypeName(const Value& value);
// bool(value).
bool Truth(const Value& value);
// What comparing, hashing or printing the value costs in steps.
uint64_t Weight(const Value& value);
inline uint32_t Depth(const Value& value) { return value.object() ? value.object()->depth : 0; }
uint32_t MaxDepth(const std::vector<Value>& values);
// a == b. Charge the smaller Weight first.
bool Equal(const Value& a, const Value& b);
// Whether it can be a dict key.
bool Hashable(const Value& value);
// -1, 0, 1; nullopt when one of them is not a number or is NaN.
std::optional<int> CompareNumbers(const Value& a, const Value& b);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_VALUE_H_
