// Filters that give numbers, and default.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/number.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

Result Abs(Runtime&, const Value& input, const Args&) {
  if (input.undefined()) return UndefinedError(input);
  if (input.is(Kind::kFloat)) return Value::Of(std::abs(input.real()));
  if (input.is_integer()) return input.integer() < 0 ? Negate(input) : Posate(input);
  return TypeError(core::StrCat("bad operand type for abs(): '", TypeName(input), "'"));
}

// int(float(value)), or the fallback where that is no number.
Result RealToInt(double value, const Value& fallback) {
  if (!std::isfinite(value)) return fallback;
  std::optional<Int> integer = Truncate(value);
  if (!integer.has_value()) return core::Exhausted("an integer does not fit in 128 bits");
  return Value::Of(*integer);
}

Result ToInt(Runtime&, const Value& input, const Args& args) {
  Value fallback = args.positional[0].missing() ? Value::Of(Int{0}) : args.positional[0];
  INGOT_ASSIGN(Int base, IntArgument(args.positional[1], 10));
  if (input.undefined()) return UndefinedError(input);
  if (input.is_integer()) return Value::Of(input.integer());
  if (input.is(Kind::kFloat)) {
    if (std::isinf(input.real())) return TypeError("cannot convert float infinity to integer");
    return RealToInt(input.real(), fallback);
  }
  if (!input.is_string()) return fallback;
  if (base == 0 || (base >= 2 && base <= 36)) {
    if (std::optional<Int> integer = ParseInt(input.view(), static_cast<int>(base))) {
      return Value::Of(*integer);
    }
  }
  std::optional<double> real = ParseReal(input.view());
  return real.has_value() ? RealToInt(*real, fallback) : fallback;
}

Result ToFloat(Runtime&, const Value& input, const Args& args) {
  Value fallback = args.positional[0].missing() ? Value::Of(0.0) : args.positional[0];
  if (input.undefined()) return UndefinedError(input);
  if (input.is_number()) return Value::Of(input.AsReal());
  if (!input.is_string()) return fallback;
  std::optional<double> real = ParseReal(input.view());
  return real.has_value() ? Value::Of(*real) : fallback;
}

// Rounds an integer to tens, hundreds, …: halves to the even neighbour.
Result RoundInteger(Int value, Int digits) {
  if (digits >= 0) return Value::Of(value);
  if (digits < -38) return Value::Of(Int{0});
  Int unit = 1;
  for (Int i = 0; i < -digits; ++i) unit *= 10;
  Int rest = value % unit;
  if (rest < 0) rest += unit;
  Int down = value - rest;
  bool up = rest > unit - rest || (rest == unit - rest && (down / unit) % 2 != 0);
  Int rounded = down;
  if (up && __builtin_add_overflow(down, unit, &rounded)) {
    return core::Exhausted("an integer does not fit in 128 bits");
  }
  return Value::Of(rounded);
}

Result Round(Runtime& rt, const Value& input, const Args& args) {
  INGOT_ASSIGN(Int digits, IntArgument(args.positional[0], 0));
  digits = std::clamp<Int>(digits, -1000, 1000);
  Value method = args.positional[1].missing() ? Value::String("common") : args.positional[1];
  bool ceil = method.is_string() && method.view() == "ceil";
  bool floor = method.is_string() && method.view() == "floor";
  if (!ceil && !floor && !(method.is_string() && method.view() == "common")) {
    return TypeError("method must be common, ceil or floor");
  }
  if (input.undefined()) return UndefinedError(input);
  if (!input.is_number()) {
    return TypeError(core::StrCat("type ", TypeName(input), " doesn't define __round__ method"));
  }
  if (!ceil && !floor) {
    if (input.is_integer()) return RoundInteger(input.integer(), digits);
    return Value::Of(RoundReal(input.real(), static_cast<int>(digits)));
  }
  INGOT_ASSIGN(Value unit,
               Binary(rt.heap(), BinaryOp::kPow, Value::Of(Int{10}), Value::Of(digits)));
  INGOT_ASSIGN(Value scaled, Binary(rt.heap(), BinaryOp::kMul, input, unit));
  if (scaled.is(Kind::kFloat)) {
    if (!std::isfinite(scaled.real())) return TypeError("cannot convert this float to integer");
    double whole = ceil ? std::ceil(scaled.real()) : std::floor(scaled.real());
    std::optional<Int> integer = Truncate(whole);
    if (!integer.has_value()) return core::Exhausted("an integer does not fit in 128 bits");
    scaled = Value::Of(*integer);
  }
  return Binary(rt.heap(), BinaryOp::kDiv, scaled, unit);
}

Result FileSize(Runtime&, const Value& input, const Args& args) {
  if (input.undefined()) return UndefinedError(input);
  std::optional<double> parsed;
  if (input.is_number()) parsed = input.AsReal();
  if (input.is_string()) parsed = ParseReal(input.view());
  if (!parsed.has_value() || std::isnan(*parsed)) return TypeError("filesizeformat takes a number");
  double bytes = *parsed;
  bool binary = Flag(args.positional[0]);
  double base = binary ? 1024 : 1000;
  if (bytes == 1) return Value::String("1 Byte");
  char buffer[400];
  if (bytes < base) {
    if (!std::isfinite(bytes)) return TypeError("cannot convert float infinity to integer");
    std::snprintf(buffer, sizeof buffer, "%.0f Bytes", std::trunc(bytes));
    return Value::String(buffer[0] == '-' && bytes > -1 ? buffer + 1 : buffer);
  }
  double unit = base;
  const char* prefixes = "kMGTPEZY";
  int which = 0;
  for (; which < 7 && bytes >= unit * base; ++which) unit *= base;
  std::string prefix(1, prefixes[which]);
  if (binary) prefix = prefix == "k" ? "Ki" : prefix + "i";
  std::snprintf(buffer, sizeof buffer, "%.1f %sB", base * bytes / (unit * base), prefix.c_str());
  return Value::String(buffer);
}

Result Default(Runtime&, const Value& input, const Args& args) {
  if (input.undefined() || (Flag(args.positional[1]) && !Truth(input))) {
    return args.positional[0].missing() ? Value::String("") : args.positional[0];
  }
  return input;
}

constexpr NativeDef kFilters[] = {
    {"abs", "", 0, Abs},
    {"d", "default_value boolean", 0, Default},
    {"default", "default_value boolean", 0, Default},
    {"filesizeformat", "binary", 0, FileSize},
    {"float", "default", 0, ToFloat},
    {"int", "default base", 0, ToInt},
    {"round", "precision method", 0, Round},
};

}  // namespace

std::span<const NativeDef> NumberFilters() { return kFilters; }

}  // namespace ingot::text::jinja
