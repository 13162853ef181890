// The tests that "is" knows.
#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/string_ops.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

template <bool (*kHolds)(const Value&)>
Result Simple(Runtime&, const Value& value, const Args&) {
  return Value::Bool(kHolds(value));
}

bool Defined(const Value& v) { return !v.undefined(); }
bool IsUndefined(const Value& v) { return v.undefined(); }
bool IsNone(const Value& v) { return v.none(); }
bool IsBoolean(const Value& v) { return v.is_bool(); }
bool IsFalse(const Value& v) { return v.is_bool() && !v.boolean(); }
bool IsTrue(const Value& v) { return v.is_bool() && v.boolean(); }
bool IsInteger(const Value& v) { return v.is(Kind::kInt); }
bool IsFloat(const Value& v) { return v.is(Kind::kFloat); }
bool IsString(const Value& v) { return v.is_string(); }
bool IsMapping(const Value& v) { return v.is(Kind::kDict); }
bool IsNumber(const Value& v) { return v.is_number(); }
bool IsEscaped(const Value& v) { return v.markup(); }
bool IsIterable(const Value& v) { return Iterable(v) || v.is(Kind::kLoop); }
bool IsSequence(const Value& v) {
  return v.undefined() || v.is_string() || v.is_sequence() || v.is(Kind::kDict) ||
         v.is(Kind::kRange);
}
bool IsCallable(const Value& v) {
  return v.undefined() || v.is(Kind::kFunction) || v.is(Kind::kMacro) || v.is(Kind::kLoop) ||
         v.is(Kind::kJoiner);
}

template <int kRest>
Result Parity(Runtime& rt, const Value& value, const Args&) {
  INGOT_ASSIGN(Value rest, Binary(rt.heap(), BinaryOp::kMod, value, Value::Of(Int{2})));
  return Value::Bool(Equal(rest, Value::Of(Int{kRest})));
}

Result DivisibleBy(Runtime& rt, const Value& value, const Args& args) {
  INGOT_ASSIGN(Value rest, Binary(rt.heap(), BinaryOp::kMod, value, args.positional[0]));
  return Value::Bool(Equal(rest, Value::Of(Int{0})));
}

template <bool (*kHolds)(std::string_view)>
Result TextIs(Runtime& rt, const Value& value, const Args&) {
  INGOT_ASSIGN(Value text, ToStr(rt.heap(), value));
  return Value::Bool(kHolds(text.view()));
}

template <CompareOp kOp>
Result Compares(Runtime& rt, const Value& value, const Args& args) {
  INGOT_ASSIGN(bool holds, Compare(rt.heap(), kOp, value, args.positional[0]));
  return Value::Bool(holds);
}

// "is" of Python: the same object. Small values have one object each there.
Result SameAs(Runtime&, const Value& value, const Args& args) {
  const Value& other = args.positional[0];
  if (value.kind() != other.kind()) return Value::Bool(false);
  if (value.is(Kind::kInt)) {
    bool small = value.integer() >= -5 && value.integer() <= 256;
    return Value::Bool(small && value.integer() == other.integer());
  }
  if (value.is_bool() || value.none()) return Value::Bool(Equal(value, other));
  if (value.object() != nullptr && value.object() == other.object()) return Value::Bool(true);
  bool short_text = value.is_string() && value.text().length() <= 1;
  return Value::Bool(short_text && value.view() == other.view());
}

template <const NativeDef* (*kFind)(std::string_view)>
Result Exists(Runtime&, const Value& value, const Args&) {
  return Value::Bool(value.is_string() && kFind(value.view()) != nullptr);
}

constexpr NativeDef kTests[] = {
    {"odd", "", 0, Parity<1>},
    {"even", "", 0, Parity<0>},
    {"divisibleby", "num", 1, DivisibleBy},
    {"defined", "", 0, Simple<Defined>},
    {"undefined", "", 0, Simple<IsUndefined>},
    {"filter", "", 0, Exists<FindFilter>},
    {"test", "", 0, Exists<FindTest>},
    {"none", "", 0, Simple<IsNone>},
    {"boolean", "", 0, Simple<IsBoolean>},
    {"false", "", 0, Simple<IsFalse>},
    {"true", "", 0, Simple<IsTrue>},
    {"integer", "", 0, Simple<IsInteger>},
    {"float", "", 0, Simple<IsFloat>},
    {"lower", "", 0, TextIs<IsLowerText>},
    {"upper", "", 0, TextIs<IsUpperText>},
    {"string", "", 0, Simple<IsString>},
    {"mapping", "", 0, Simple<IsMapping>},
    {"number", "", 0, Simple<IsNumber>},
    {"sequence", "", 0, Simple<IsSequence>},
    {"iterable", "", 0, Simple<IsIterable>},
    {"callable", "", 0, Simple<IsCallable>},
    {"sameas", "other", 1, SameAs},
    {"escaped", "", 0, Simple<IsEscaped>},
    {"in", "seq", 1, Compares<CompareOp::kIn>},
    {"==", "/b", 1, Compares<CompareOp::kEq>},
    {"eq", "/b", 1, Compares<CompareOp::kEq>},
    {"equalto", "/b", 1, Compares<CompareOp::kEq>},
    {"!=", "/b", 1, Compares<CompareOp::kNe>},
    {"ne", "/b", 1, Compares<CompareOp::kNe>},
    {">", "/b", 1, Compares<CompareOp::kGt>},
    {"gt", "/b", 1, Compares<CompareOp::kGt>},
    {"greaterthan", "/b", 1, Compares<CompareOp::kGt>},
    {">=", "/b", 1, Compares<CompareOp::kGe>},
    {"ge", "/b", 1, Compares<CompareOp::kGe>},
    {"<", "/b", 1, Compares<CompareOp::kLt>},
    {"lt", "/b", 1, Compares<CompareOp::kLt>},
    {"lessthan", "/b", 1, Compares<CompareOp::kLt>},
    {"<=", "/b", 1, Compares<CompareOp::kLe>},
    {"le", "/b", 1, Compares<CompareOp::kLe>},
};

}  // namespace

const NativeDef* FindTest(std::string_view name) { return FindIn(kTests, name); }

}  // namespace ingot::text::jinja
