// One pass over anything that Python can iterate: lists, tuples, ranges, a dict's keys, the
// characters of a string, views, one-pass iterators; an undefined value has no elements. One
// thread.
#ifndef INGOT_TEXT_JINJA_ITERATE_H_
#define INGOT_TEXT_JINJA_ITERATE_H_

#include <vector>

#include "core/status.h"
#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

bool Iterable(const Value& value);

class Cursor {
 public:
  static core::Result<Cursor> Over(const Value& value);

  // The next element, or false at the end or when the rendering's limits are reached (status()).
  bool Next(Heap& heap, Value& element);
  const core::Status& status() const { return status_; }

 private:
  explicit Cursor(Value source) : source_(std::move(source)) {}
  core::Result<Value> At(Heap& heap);

  Value source_;
  size_t next_ = 0;  // index of an element, or byte of a string
  core::Status status_;
};

// list(value).
core::Result<std::vector<Value>> Collect(Heap& heap, const Value& value);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_ITERATE_H_
