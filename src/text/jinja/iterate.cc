#include "text/jinja/iterate.h"

#include "core/strings.h"
#include "text/jinja/objects.h"
#include "text/jinja/ops.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {

bool Iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kView:
    case Kind::kIterator:
      return true;
    default:
      return false;
  }
}

core::Result<Cursor> Cursor::Over(const Value& value) {
  if (Iterable(value)) return Cursor(value);
  return TypeError(core::StrCat("'", TypeName(value), "' object is not iterable"));
}

bool Cursor::Next(Heap& heap, Value& element) {
  size_t end = 0;
  switch (source_.kind()) {
    case Kind::kString:
      end = source_.text().size();
      break;
    case Kind::kIterator:
      next_ = source_.as<IteratorObject>().next;
      end = source_.as<IteratorObject>().items.size();
      if (next_ >= end) status_ = source_.as<IteratorObject>().failure;
      break;
    case Kind::kUndefined:
      break;
    default:
      end = static_cast<size_t>(Length(source_).value());
  }
  if (next_ >= end) return false;
  auto next = At(heap);
  if (!next.ok()) {
    status_ = std::move(next).status();
    return false;
  }
  element = std::move(next).value();
  return true;
}

core::Result<Value> Cursor::At(Heap& heap) {
  INGOT_TRY(heap.Charge(1));
  size_t at = next_++;
  switch (source_.kind()) {
    case Kind::kString: {
      size_t size = DecodeUtf8(source_.view(), at).size;
      next_ = at + size;
      INGOT_ASSIGN(Value character, heap.Slice(source_, at, next_));
      return character.WithMarkup(false);
    }
    case Kind::kList:
    case Kind::kTuple:
      return source_.items()[at];
    case Kind::kRange:
      return Value::Of(source_.range().At(static_cast<Int>(at)));
    case Kind::kDict:
      return source_.dict().entries()[at].first;
    case Kind::kView: {
      const auto& view = source_.as<ViewObject>();
      const auto& [key, value] = view.dict.dict().entries()[at];
      if (view.kind == ViewKind::kKeys) return key;
      if (view.kind == ViewKind::kValues) return value;
      return heap.Tuple({key, value});
    }
    default: {
      auto& iterator = source_.as<IteratorObject>();
      return iterator.items[iterator.next++];
    }
  }
}

core::Result<std::vector<Value>> Collect(Heap& heap, const Value& value) {
  if (value.is_sequence()) {
    INGOT_TRY(heap.Charge(value.items().size() + 1));
    return value.items();
  }
  INGOT_ASSIGN(Cursor cursor, Cursor::Over(value));
  std::vector<Value> items;
  Value element;
  while (cursor.Next(heap, element)) items.push_back(std::move(element));
  if (!cursor.status().ok()) return cursor.status();
  return items;
}

}  // namespace ingot::text::jinja
