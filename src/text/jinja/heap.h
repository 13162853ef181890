// Makes the values of one rendering and keeps them within its limits. Belongs to one thread;
// outlives every value that it made.
#ifndef INGOT_TEXT_JINJA_HEAP_H_
#define INGOT_TEXT_JINJA_HEAP_H_

#include <memory>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "text/jinja/meter.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

struct Activation;
struct LoopObject;
struct NamespaceObject;
struct NativeDef;

class Heap {
 public:
  explicit Heap(const Limits& limits);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  Meter& meter() { return meter_; }
  core::Status Charge(uint64_t steps) { return meter_.Charge(steps); }

  TextBuilder NewText() const { return TextBuilder(meter_.limits().max_output); }
  core::Result<Value> String(TextBuilder&& text, bool markup = false);
  core::Result<Value> String(std::string_view text);
  // Bytes [begin, end) of a string, with its Markup flag.
  core::Result<Value> Slice(const Value& text, size_t begin, size_t end);
  core::Result<Value> List(std::vector<Value> items) {
    return Items(Kind::kList, std::move(items));
  }
  core::Result<Value> Tuple(std::vector<Value> items) {
    return Items(Kind::kTuple, std::move(items));
  }
  core::Result<Value> Items(Kind kind, std::vector<Value> items);
  core::Result<Value> Dict(std::vector<DictObject::Entry> entries);
  // type outlives the heap.
  // Python makes such elements only when they are asked for, so an error on the way counts only
  // for who reads that far; limits count at once.
  core::Result<Value> Iterator(std::string_view type, std::vector<Value> items,
                               core::Status failure = {});
  core::Result<Value> Range(Int start, Int stop, Int step);
  core::Result<Value> Namespace(std::vector<DictObject::Entry> attributes);
  core::Result<Value> Method(const Value& self, const NativeDef& method);
  core::Result<Value> Other(Kind kind, std::shared_ptr<Object> object);

  // Keep what may come to point at itself, so that the circle can be broken at the end: an
  // activation that a macro has captured, a loop that remembers values it was given.
  core::Status Keep(std::shared_ptr<Activation> activation);
  core::Status Keep(std::shared_ptr<LoopObject> loop);

 private:
  core::Status CheckNesting(uint32_t depth) const;

  Meter meter_;
  Value empty_;
  std::vector<std::shared_ptr<NamespaceObject>> namespaces_;
  std::vector<std::shared_ptr<Activation>> activations_;
  std::vector<std::shared_ptr<LoopObject>> loops_;
};

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_HEAP_H_
