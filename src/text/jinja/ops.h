// Operators with Python's meaning. An operation on an undefined value is an error that says which
// name or attribute was not there.
#ifndef INGOT_TEXT_JINJA_OPS_H_
#define INGOT_TEXT_JINJA_OPS_H_

#include <span>
#include <string_view>

#include "core/status.h"
#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

enum class BinaryOp { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
enum class CompareOp { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };

core::Result<Value> Binary(Heap& heap, BinaryOp op, const Value& a, const Value& b);
core::Result<Value> Negate(const Value& value);
core::Result<Value> Posate(const Value& value);
core::Result<bool> Compare(Heap& heap, CompareOp op, const Value& a, const Value& b);
// a < b; an error where Python has no order for them.
core::Result<bool> Less(Heap& heap, const Value& a, const Value& b);
// item in container.
core::Result<bool> Contains(Heap& heap, const Value& container, const Value& item);
// Equal, charged.
core::Result<bool> EqualWithin(Heap& heap, const Value& a, const Value& b);
// str(a) + str(b) + …: the ~ operator.
core::Result<Value> Concat(Heap& heap, std::span<const Value> values);
// len(value).
core::Result<Int> Length(const Value& value);

core::Status UndefinedError(const Value& undefined);
core::Status TypeError(std::string message);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_OPS_H_
