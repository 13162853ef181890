// What a sequence has left behind in one layer: keys and values, a window of them, or the state of
// a recurrence. Each can say its size, be snapshotted and restored, and be cut back where its kind
// allows it, so that prefix reuse, batches and speculation can be built on top.
//
// Owned by one sequence and used by the thread that builds graphs. Snapshots share memory with the
// cache until either changes.
#ifndef INGOT_MODEL_CACHE_H_
#define INGOT_MODEL_CACHE_H_

#include <cstddef>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "ops/array.h"
#include "ops/packed_columns.h"

namespace ingot::model {

using ops::Array;
using ops::ColumnForm;

// The columns that an update's queries may look at, newest last (in any order for a single query);
// packed where the cache keeps them so (ops/packed_columns.h).
struct KeysValues {
  Array keys;    // [B, heads, T, D]
  Array values;  // [B, heads, T, Dv]
};

// Columns [B, heads, T, D] one after the other. Room grows geometrically; what was written is not
// moved by writing more until the room is full.
class ColumnStore {
 public:
  // Writes columns from position `at` on, which is where the next ones belong, and returns all up
  // to their end.
  Array Append(const Array& columns, int at);
  size_t bytes() const { return room_ ? room_->nbytes() : 0; }
  void Evaluate(std::vector<Array>& pending) const;
  // What the columns lie in, for those who keep them elsewhere.
  const std::optional<Array>& room() const { return room_; }
  void Restore(Array room) { room_.emplace(std::move(room)); }
  // The room itself, so that nobody else holds it; empty until it is restored.
  std::optional<Array> Take() { return std::exchange(room_, std::nullopt); }

 private:
  std::optional<Array> room_;  // [.., capacity, ..]
};

// All columns since the beginning.
class KvCache {
 public:
  explicit KvCache(ColumnForm form = ColumnForm::kComputed) : form_(form) {}
  ColumnForm form() const { return form_; }
  KeysValues Update(const Array& keys, const Array& values);  // as computed
  int length() const { return length_; }
  // Forgets everything from position `length` on. False (and nothing done) beyond the end.
  bool Trim(int length);
  size_t bytes() const { return keys_.bytes() + values_.bytes(); }
  void Evaluate(std::vector<Array>& pending) const;
  std::vector<const ColumnStore*> stores() const { return {&keys_, &values_}; }
  ColumnStore& store(size_t i) { return i == 0 ? keys_ : values_; }
  void Restore(std::vector<Array> rooms, int length);

 private:
  ColumnForm form_;
  ColumnStore keys_;
  ColumnStore values_;
  int length_ = 0;
};

// The same for attention whose keys and values are both made from one latent column a position.
class LatentCache {
 public:
  explicit LatentCache(ColumnForm form = ColumnForm::kComputed) : form_(form) {}
  Array Update(const Array& columns);  // [B, 1, L, D] → [B, 1, T, D]
  int length() const { return length_; }
  bool Trim(int length);
  size_t bytes() const { return columns_.bytes(); }
  void Evaluate(std::vector<Array>& pending) const { columns_.Evaluate(pending); }
  std::vector<const ColumnStore*> stores() const { return {&columns_}; }
  void Restore(std::vector<Array> rooms, int length);

 private:
  ColumnForm form_;
  ColumnStore columns_;
  int length_ = 0;
};

// The last `window` columns. Cutting back works while nothing has been lost yet.
class WindowCache {
 public:
  explicit WindowCache(int window, ColumnForm form = ColumnForm::kComputed)
      : window_(window), form_(form) {}
  KeysValues Update(const Array& keys, const Array& values);
  int length() const { return length_; }
  bool Trim(int length);
  size_t bytes() const;
  void Evaluate(std::vector<Array>& pending) const;
  int window() const { return window_; }
  const std::optional<KeysValues>& kept() const { return kept_; }
  void Restore(KeysValues kept, int length);

 private:
  // Puts columns behind the kept ones from `from` on.
  void Slide(int from, const Array& keys, const Array& values);

  int window_;
  ColumnForm form_;
  std::optional<KeysValues> kept_;  // in order of time; may exceed the window until the next update
  // While few columns come at a time: what kept_ are the last columns of, with space after them, so
  // that the window is not copied whenever it moves.
  std::optional<KeysValues> rooms_;
  int end_ = 0;  // of kept_, in rooms_
  int length_ = 0;
};

// The tail of a convolution and the state of a recurrence; the state is fp32.
class RecurrentCache {
 public:
  const std::optional<Array>& tail() const { return tail_; }
  const std::optional<Array>& state() const { return state_; }
  void Update(Array tail, Array state, int steps);
  int length() const { return length_; }
  bool Trim(int length);  // only to where it is, or to the beginning
  size_t bytes() const;
  void Evaluate(std::vector<Array>& pending) const;

 private:
  std::optional<Array> tail_;
  std::optional<Array> state_;
  int length_ = 0;
};

using LayerCache = std::variant<std::monostate, KvCache, LatentCache, WindowCache, RecurrentCache>;

// The caches of all layers. A copy is a snapshot: cheap, and unaffected by what happens to the
// original.
class SequenceState {
 public:
  SequenceState() = default;
  explicit SequenceState(std::vector<LayerCache> layers) : layers_(std::move(layers)) {}

  template <typename Cache>
  Cache& Layer(size_t i) {
    return std::get<Cache>(layers_[i]);
  }
  size_t layers() const { return layers_.size(); }
  const LayerCache& layer(size_t i) const { return layers_[i]; }
  LayerCache& layer(size_t i) { return layers_[i]; }
  int length() const { return length_; }
  void Advance(int steps) { length_ += steps; }
  // All layers back to `length`, or none: false where one of them cannot.
  bool Trim(int length);
  // Whether Trim works for any length, so that marks are of no use.
  bool CanTrimAnywhere() const;
  // What Trim cannot bring back: a snapshot without the columns that stay where they are until the
  // sequence is cut. It holds no second copy of them, and lets them be written in place.
  SequenceState Mark() const;
  // Back to where the mark was made. False, and nothing done, when the sequence has been cut to
  // less since, or is another model's.
  bool Return(const SequenceState& mark);
  size_t bytes() const;
  // What it would take at that length, judged by what it takes now: there must be a column. Windows
  // may hold `chunk` columns more than they need.
  size_t BytesAt(int length, int chunk) const;
  // The arrays that have to be computed before the sequence can go on.
  std::vector<Array> Pending() const;

 private:
  std::vector<LayerCache> layers_;
  int length_ = 0;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_CACHE_H_
