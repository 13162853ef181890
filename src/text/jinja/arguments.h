// Reading the arguments of our own functions. After binding, a missing value was not given.
#ifndef INGOT_TEXT_JINJA_ARGUMENTS_H_
#define INGOT_TEXT_JINJA_ARGUMENTS_H_

#include <string_view>

#include "core/strings.h"
#include "text/jinja/ops.h"

namespace ingot::text::jinja {

// An int (or bool), or the fallback when it was not given.
inline core::Result<Int> IntArgument(const Value& value, Int fallback) {
  if (value.missing()) return fallback;
  if (value.undefined()) return UndefinedError(value);
  if (value.is_integer()) return value.integer();
  return TypeError(
      core::StrCat("'", TypeName(value), "' object cannot be interpreted as an integer"));
}

// A string, without conversion.
inline core::Result<Value> TextArgument(const Value& value, std::string_view what) {
  if (value.undefined()) return UndefinedError(value);
  if (value.is_string()) return value;
  return TypeError(core::StrCat(what, " must be str, not ", TypeName(value)));
}

inline bool Flag(const Value& value, bool fallback = false) {
  return value.missing() ? fallback : Truth(value);
}

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_ARGUMENTS_H_
