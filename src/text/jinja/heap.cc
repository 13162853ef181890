#include "text/jinja/heap.h"

#include <utility>

#include "core/strings.h"
#include "text/jinja/objects.h"

namespace ingot::text::jinja {
namespace {

// What an object costs beside its content: control block, handle, allocator.
constexpr size_t kObjectBytes = 96;
constexpr Int kMaxRange = 100'000;  // the sandbox's own limit

}  // namespace

Heap::Heap(const Limits& limits) : meter_(limits), empty_(Value::String("")) {}

Heap::~Heap() {
  // Nothing is destroyed recursively: every object that could be reached from another one is still
  // held by these lists.
  for (auto& object : namespaces_) object->attributes.clear();
  for (auto& activation : activations_) activation->slots.clear();
  for (auto& loop : loops_) loop->changed.clear();
}

core::Status Heap::CheckNesting(uint32_t depth) const {
  if (depth < meter_.limits().max_nesting) return {};
  return core::Exhausted(core::StrCat("values nest deeper than ", meter_.limits().max_nesting));
}

core::Result<Value> Heap::String(TextBuilder&& text, bool markup) {
  if (text.overflowed()) {
    return core::Exhausted(
        core::StrCat("a string grows beyond ", core::HumanBytes(text.max_bytes())));
  }
  if (text.size() == 0) return empty_.WithMarkup(markup);
  Text done = std::move(text).Finish();
  size_t bytes = done.size() + done.user().size() * sizeof(ByteRange) + kObjectBytes;
  INGOT_TRY(meter_.ChargeBytes(done.size()));
  INGOT_TRY(meter_.Hold(bytes));
  return Value::Of(std::make_shared<StringObject>(std::move(done), Holding(&meter_, bytes)),
                   markup);
}

core::Result<Value> Heap::String(std::string_view text) {
  TextBuilder builder = NewText();
  builder.Append(text);
  return String(std::move(builder));
}

core::Result<Value> Heap::Slice(const Value& text, size_t begin, size_t end) {
  if (begin == 0 && end == text.text().size()) return text;
  TextBuilder builder = NewText();
  builder.AppendSlice(text.text(), begin, end);
  return String(std::move(builder), text.markup());
}

core::Result<Value> Heap::Items(Kind kind, std::vector<Value> items) {
  size_t bytes = items.capacity() * sizeof(Value) + kObjectBytes;
  INGOT_TRY(meter_.Charge(items.size() / 4 + 1));
  INGOT_TRY(meter_.Hold(bytes));
  auto object = std::make_shared<ListObject>(std::move(items), Holding(&meter_, bytes));
  INGOT_TRY(CheckNesting(object->depth));
  return Value::Of(kind, std::move(object));
}

core::Result<Value> Heap::Dict(std::vector<DictObject::Entry> entries) {
  uint64_t weight = 0;
  for (const auto& [key, value] : entries) {
    if (!Hashable(key)) {
      return core::InvalidArgument(core::StrCat("unhashable type: '", TypeName(key), "'"));
    }
    weight += Weight(key);
  }
  size_t bytes =
      entries.capacity() * sizeof(entries[0]) + entries.size() * sizeof(uint32_t) + kObjectBytes;
  INGOT_TRY(meter_.Charge(entries.size() + weight * 4 + 1));
  INGOT_TRY(meter_.Hold(bytes));
  auto object = std::make_shared<DictObject>(std::move(entries), Holding(&meter_, bytes));
  INGOT_TRY(CheckNesting(object->depth));
  return Value::Of(std::move(object));
}

core::Result<Value> Heap::Iterator(std::string_view type, std::vector<Value> items,
                                   core::Status failure) {
  if (failure.code() == core::Code::kExhausted) return failure;
  size_t bytes = items.capacity() * sizeof(Value) + kObjectBytes;
  INGOT_TRY(meter_.Charge(items.size() / 4 + 1));
  INGOT_TRY(meter_.Hold(bytes));
  auto object = std::make_shared<IteratorObject>(type, std::move(items), Holding(&meter_, bytes));
  object->failure = std::move(failure);
  return Other(Kind::kIterator, std::move(object));
}

core::Result<Value> Heap::Range(Int start, Int stop, Int step) {
  constexpr Int kBound = Int{1} << 100;
  if (step == 0) return core::InvalidArgument("range() arg 3 must not be zero");
  for (Int end : {start, stop, step}) {
    if (end < -kBound || end > kBound) return core::Exhausted("range() arg is too large");
  }
  Int span = step > 0 ? stop - start : start - stop;
  Int stride = step > 0 ? step : -step;
  Int count = span <= 0 ? 0 : (span + stride - 1) / stride;
  if (count > kMaxRange) {
    return core::Exhausted("range too big: the sandbox blocks ranges larger than 100000");
  }
  return Value::OfObject(Kind::kRange, std::make_shared<RangeObject>(start, stop, step, count));
}

core::Result<Value> Heap::Namespace(std::vector<DictObject::Entry> attributes) {
  INGOT_TRY(meter_.Charge(attributes.size() + 1));
  // Never given back before the end: the heap keeps every namespace.
  INGOT_TRY(meter_.Hold(kObjectBytes + attributes.capacity() * sizeof(attributes[0])));
  auto object = std::make_shared<NamespaceObject>();
  object->attributes = std::move(attributes);
  namespaces_.push_back(object);
  return Value::OfObject(Kind::kNamespace, std::move(object));
}

core::Result<Value> Heap::Method(const Value& self, const NativeDef& method) {
  return Other(Kind::kFunction, std::make_shared<FunctionObject>(method, self));
}

core::Result<Value> Heap::Other(Kind kind, std::shared_ptr<Object> object) {
  INGOT_TRY(CheckNesting(object->depth));
  return Value::OfObject(kind, std::move(object));
}

core::Status Heap::Keep(std::shared_ptr<Activation> activation) {
  if (!activations_.empty() && activations_.back() == activation) return {};
  INGOT_TRY(meter_.Hold(kObjectBytes + activation->slots.size() * sizeof(Value)));
  activations_.push_back(std::move(activation));
  return {};
}

core::Status Heap::Keep(std::shared_ptr<LoopObject> loop) {
  INGOT_TRY(meter_.Hold(sizeof(LoopObject)));
  loops_.push_back(std::move(loop));
  return {};
}

}  // namespace ingot::text::jinja
