#include "text/jinja/ops.h"

#include <algorithm>
#include <cmath>

#include "core/strings.h"
#include "text/jinja/format.h"
#include "text/jinja/iterate.h"
#include "text/jinja/objects.h"
#include "text/jinja/print.h"

namespace ingot::text::jinja {
namespace {

constexpr std::string_view kBinarySigns[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
constexpr std::string_view kCompareSigns[] = {"==", "!=", "<", "<=", ">", ">=", "in", "not in"};

core::Status Unsuited(BinaryOp op, const Value& a, const Value& b) {
  return TypeError(core::StrCat("unsupported operand type(s) for ",
                                kBinarySigns[static_cast<int>(op)], ": '", TypeName(a), "' and '",
                                TypeName(b), "'"));
}

core::Status TooLarge() { return core::Exhausted("an integer does not fit in 128 bits"); }

core::Result<Value> IntPow(Int base, Int exponent) {
  if (exponent < 0) {
    if (base == 0) return TypeError("0.0 cannot be raised to a negative power");
    return Value::Of(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  Int result = 1;
  while (true) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return TooLarge();
    exponent >>= 1;
    if (exponent == 0) return Value::Of(result);
    if (__builtin_mul_overflow(base, base, &base)) {
      // 0, 1 and -1 never grow, everything else would be multiplied in again.
      return TooLarge();
    }
  }
}

core::Result<Value> IntegerBinary(BinaryOp op, Int a, Int b) {
  Int result = 0;
  switch (op) {
    case BinaryOp::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return TooLarge();
      return Value::Of(result);
    case BinaryOp::kSub:
      if (__builtin_sub_overflow(a, b, &result)) return TooLarge();
      return Value::Of(result);
    case BinaryOp::kMul:
      if (__builtin_mul_overflow(a, b, &result)) return TooLarge();
      return Value::Of(result);
    case BinaryOp::kDiv:
      if (b == 0) return TypeError("division by zero");
      return Value::Of(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOp::kFloorDiv:
    case BinaryOp::kMod: {
      if (b == 0) return TypeError("integer division or modulo by zero");
      if (b == -1) {  // the one quotient that could overflow
        if (op == BinaryOp::kMod) return Value::Of(Int{0});
        if (__builtin_sub_overflow(Int{0}, a, &result)) return TooLarge();
        return Value::Of(result);
      }
      Int quotient = a / b;
      Int rest = a % b;
      if (rest != 0 && (rest < 0) != (b < 0)) {
        --quotient;
        rest += b;
      }
      return Value::Of(op == BinaryOp::kMod ? rest : quotient);
    }
    case BinaryOp::kPow:
      return IntPow(a, b);
  }
  return core::Internal("no such operator");
}

core::Result<Value> RealBinary(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value::Of(a + b);
    case BinaryOp::kSub:
      return Value::Of(a - b);
    case BinaryOp::kMul:
      return Value::Of(a * b);
    case BinaryOp::kDiv:
      if (b == 0) return TypeError("float division by zero");
      return Value::Of(a / b);
    case BinaryOp::kFloorDiv:
    case BinaryOp::kMod: {
      if (b == 0) return TypeError("float floor division or modulo by zero");
      double rest = std::fmod(a, b);
      double quotient = (a - rest) / b;
      if (rest != 0) {
        if ((b < 0) != (rest < 0)) {
          rest += b;
          quotient -= 1;
        }
      } else {
        rest = std::copysign(0.0, b);
      }
      if (op == BinaryOp::kMod) return Value::Of(rest);
      if (quotient == 0) return Value::Of(std::copysign(0.0, a / b));
      double floored = std::floor(quotient);
      if (quotient - floored > 0.5) floored += 1;
      return Value::Of(floored);
    }
    case BinaryOp::kPow: {
      if (a == 0 && b < 0) return TypeError("0.0 cannot be raised to a negative power");
      if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b)) {
        return core::Unsupported("complex numbers are not supported");
      }
      double result = std::pow(a, b);
      if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
        return core::Exhausted("float power: result too large");
      }
      return Value::Of(result);
    }
  }
  return core::Internal("no such operator");
}

core::Result<Value> Join(Heap& heap, const Value& a, const Value& b) {
  // Markup escapes what it is joined with.
  bool markup = a.markup() || b.markup();
  Value left = a;
  Value right = b;
  if (markup) {
    INGOT_ASSIGN(left, Escape(heap, a));
    INGOT_ASSIGN(right, Escape(heap, b));
  }
  TextBuilder out = heap.NewText();
  out.Append(left.text());
  out.Append(right.text());
  return heap.String(std::move(out), markup);
}

core::Result<Value> AddItems(Heap& heap, const Value& a, const Value& b) {
  INGOT_TRY(heap.Charge(a.items().size() + b.items().size()));
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return heap.Items(a.kind(), std::move(items));
}

core::Result<Value> Repeat(Heap& heap, const Value& value, Int times) {
  uint64_t count = times <= 0 ? 0 : static_cast<uint64_t>(std::min<Int>(times, Int{1} << 60));
  if (value.is_string()) {
    TextBuilder out = heap.NewText();
    out.Repeat(value.text(), count);
    return heap.String(std::move(out), value.markup());
  }
  const auto& items = value.items();
  std::vector<Value> all;
  if (!items.empty()) {
    if (count > heap.meter().limits().max_memory / sizeof(Value) / items.size()) {
      return core::Exhausted("a repeated list grows too long");
    }
    INGOT_TRY(heap.Charge(items.size() * count));
    all.reserve(items.size() * count);
    for (uint64_t i = 0; i < count; ++i) all.insert(all.end(), items.begin(), items.end());
  }
  return heap.Items(value.kind(), std::move(all));
}

core::Result<bool> OrderItems(Heap& heap, CompareOp op, const std::vector<Value>& a,
                              const std::vector<Value>& b) {
  size_t shorter = std::min(a.size(), b.size());
  for (size_t i = 0; i < shorter; ++i) {
    INGOT_ASSIGN(bool equal, EqualWithin(heap, a[i], b[i]));
    if (!equal) return Compare(heap, op, a[i], b[i]);
  }
  switch (op) {
    case CompareOp::kLt:
      return a.size() < b.size();
    case CompareOp::kLe:
      return a.size() <= b.size();
    case CompareOp::kGt:
      return a.size() > b.size();
    default:
      return a.size() >= b.size();
  }
}

bool Holds(CompareOp op, int order) {
  switch (op) {
    case CompareOp::kLt:
      return order < 0;
    case CompareOp::kLe:
      return order <= 0;
    case CompareOp::kGt:
      return order > 0;
    default:
      return order >= 0;
  }
}

}  // namespace

core::Status UndefinedError(const Value& undefined) {
  return core::InvalidArgument(undefined.undefined_object().Message());
}

core::Status TypeError(std::string message) { return core::InvalidArgument(std::move(message)); }

core::Result<Value> Binary(Heap& heap, BinaryOp op, const Value& a, const Value& b) {
  if (a.is_integer() && b.is_integer()) return IntegerBinary(op, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return RealBinary(op, a.AsReal(), b.AsReal());
  if (op == BinaryOp::kMod && a.is_string()) return PercentFormat(heap, a, b);
  if (a.undefined()) return UndefinedError(a);
  if (b.undefined()) return UndefinedError(b);
  if (op == BinaryOp::kAdd) {
    if (a.is_string() && b.is_string()) return Join(heap, a, b);
    if (a.is_sequence() && a.kind() == b.kind()) return AddItems(heap, a, b);
  }
  if (op == BinaryOp::kMul) {
    if ((a.is_string() || a.is_sequence()) && b.is_integer()) return Repeat(heap, a, b.integer());
    if ((b.is_string() || b.is_sequence()) && a.is_integer()) return Repeat(heap, b, a.integer());
  }
  return Unsuited(op, a, b);
}

core::Result<Value> Negate(const Value& value) {
  if (value.undefined()) return UndefinedError(value);
  if (value.is(Kind::kFloat)) return Value::Of(-value.real());
  if (value.is_integer()) return IntegerBinary(BinaryOp::kSub, 0, value.integer());
  return TypeError(core::StrCat("bad operand type for unary -: '", TypeName(value), "'"));
}

core::Result<Value> Posate(const Value& value) {
  if (value.undefined()) return UndefinedError(value);
  if (value.is(Kind::kFloat)) return value;
  if (value.is_integer()) return Value::Of(value.integer());
  return TypeError(core::StrCat("bad operand type for unary +: '", TypeName(value), "'"));
}

core::Result<bool> EqualWithin(Heap& heap, const Value& a, const Value& b) {
  INGOT_TRY(heap.Charge(std::min(Weight(a), Weight(b))));
  return Equal(a, b);
}

core::Result<bool> Compare(Heap& heap, CompareOp op, const Value& a, const Value& b) {
  switch (op) {
    case CompareOp::kEq:
      return EqualWithin(heap, a, b);
    case CompareOp::kNe: {
      INGOT_ASSIGN(bool equal, EqualWithin(heap, a, b));
      return !equal;
    }
    case CompareOp::kIn:
      return Contains(heap, b, a);
    case CompareOp::kNotIn: {
      INGOT_ASSIGN(bool found, Contains(heap, b, a));
      return !found;
    }
    default:
      break;
  }
  if (a.undefined()) return UndefinedError(a);
  if (b.undefined()) return UndefinedError(b);
  if (a.is_number() && b.is_number()) {
    std::optional<int> order = CompareNumbers(a, b);
    return order.has_value() && Holds(op, *order);
  }
  if (a.is_string() && b.is_string()) {
    INGOT_TRY(heap.meter().ChargeBytes(std::min(a.text().size(), b.text().size())));
    return Holds(op, a.view().compare(b.view()));
  }
  if (a.is_sequence() && a.kind() == b.kind()) return OrderItems(heap, op, a.items(), b.items());
  return TypeError(core::StrCat("'", kCompareSigns[static_cast<int>(op)],
                                "' not supported between instances of '", TypeName(a), "' and '",
                                TypeName(b), "'"));
}

core::Result<bool> Less(Heap& heap, const Value& a, const Value& b) {
  return Compare(heap, CompareOp::kLt, a, b);
}

core::Result<bool> Contains(Heap& heap, const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kString:
      if (!item.is_string()) {
        return TypeError(
            core::StrCat("'in <string>' requires string as left operand, not ", TypeName(item)));
      }
      INGOT_TRY(heap.meter().ChargeBytes(container.text().size()));
      return FindBytes(container.view(), item.view()) != std::string_view::npos;
    case Kind::kDict:
      if (!Hashable(item)) {
        return TypeError(core::StrCat("unhashable type: '", TypeName(item), "'"));
      }
      INGOT_TRY(heap.Charge(Weight(item)));
      return container.dict().Find(item) != nullptr;
    default:
      break;
  }
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(container));
  Value element;
  while (cursor.Next(heap, element)) {
    INGOT_ASSIGN(bool equal, EqualWithin(heap, element, item));
    if (equal) return true;
  }
  return cursor.status().ok() ? core::Result<bool>(false) : cursor.status();
}

core::Result<Value> Concat(Heap& heap, std::span<const Value> values) {
  TextBuilder out = heap.NewText();
  for (const Value& value : values) INGOT_TRY(AppendStr(heap, out, value));
  return heap.String(std::move(out));
}

core::Result<Int> Length(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return Int{0};
    case Kind::kString:
      return static_cast<Int>(value.text().length());
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<Int>(value.items().size());
    case Kind::kDict:
      return static_cast<Int>(value.dict().size());
    case Kind::kRange:
      return value.range().count;
    case Kind::kView:
      return static_cast<Int>(value.as<ViewObject>().dict.dict().size());
    default:
      return TypeError(core::StrCat("object of type '", TypeName(value), "' has no len()"));
  }
}

}  // namespace ingot::text::jinja
