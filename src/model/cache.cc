#include "model/cache.h"

#include <algorithm>
#include <utility>

#include "model/cache_room.h"

namespace ingot::model {
namespace {

namespace mx = ops::mx;

Array Columns(const Array& x, int begin, int end) {
  mx::Shape to = x.shape();
  to[2] = end;
  return mx::slice(x, {0, 0, begin, 0}, to);
}

Array Write(const Array& room, const Array& columns, int at) {
  mx::Shape stop = room.shape();
  stop[2] = at + columns.shape(2);
  return mx::slice_update(room, columns, {0, 0, at, 0}, stop);
}

Array RoomLike(const Array& columns, int capacity) {
  mx::Shape shape = columns.shape();
  shape[2] = capacity;
  return mx::zeros(shape, columns.dtype());
}

// That a window's rooms have beyond what is in them.
constexpr int kSpareColumns = 256;

Array InForm(const Array& columns, ColumnForm form) {
  return form == ColumnForm::kPacked ? ops::PackColumns(columns) : columns;
}

size_t BytesOf(const std::optional<KeysValues>& pair) {
  return pair ? pair->keys.nbytes() + pair->values.nbytes() : 0;
}

void Collect(const std::optional<KeysValues>& pair, std::vector<Array>& pending) {
  if (!pair) return;
  pending.push_back(pair->keys);
  pending.push_back(pair->values);
}

}  // namespace

Array ColumnStore::Append(const Array& columns, int at) {
  const int end = at + columns.shape(2);
  if (!room_ || room_->shape(2) < end) {
    Array larger = RoomLike(columns, RoomColumns(room_ ? room_->shape(2) : 0, end));
    if (at > 0) larger = Write(larger, Columns(*room_, 0, at), 0);
    room_ = std::move(larger);
  }
  // The old room has no other owner while graphs are built step by step, so MLX writes in place.
  room_ = Write(*room_, columns, at);
  return Columns(*room_, 0, end);
}

void ColumnStore::Evaluate(std::vector<Array>& pending) const {
  if (room_) pending.push_back(*room_);
}

KeysValues KvCache::Update(const Array& keys, const Array& values) {
  const int at = length_;
  length_ += keys.shape(2);
  return {keys_.Append(InForm(keys, form_), at), values_.Append(InForm(values, form_), at)};
}

bool KvCache::Trim(int length) {
  if (length < 0 || length > length_) return false;
  length_ = length;
  return true;
}

void KvCache::Evaluate(std::vector<Array>& pending) const {
  keys_.Evaluate(pending);
  values_.Evaluate(pending);
}

Array LatentCache::Update(const Array& columns) {
  const int at = length_;
  length_ += columns.shape(2);
  return columns_.Append(InForm(columns, form_), at);
}

void KvCache::Restore(std::vector<Array> rooms, int length) {
  keys_.Restore(std::move(rooms[0]));
  values_.Restore(std::move(rooms[1]));
  length_ = length;
}

void LatentCache::Restore(std::vector<Array> rooms, int length) {
  columns_.Restore(std::move(rooms[0]));
  length_ = length;
}

void WindowCache::Restore(KeysValues kept, int length) {
  kept_.emplace(std::move(kept));
  rooms_.reset();
  length_ = length;
}

bool LatentCache::Trim(int length) {
  if (length < 0 || length > length_) return false;
  length_ = length;
  return true;
}

KeysValues WindowCache::Update(const Array& new_keys, const Array& new_values) {
  const Array keys = InForm(new_keys, form_);
  const Array values = InForm(new_values, form_);
  if (kept_) {
    // The first new query sees window - 1 columns before itself; older ones are lost now.
    const int have = kept_->keys.shape(2);
    const int from = std::max(0, have - (window_ - 1));
    Slide(from, keys, values);
  } else {
    kept_ = KeysValues{keys, values};
  }
  length_ += keys.shape(2);
  return *kept_;
}

void WindowCache::Slide(int from, const Array& keys, const Array& values) {
  constexpr int kFew = 16;  // more are put behind the old ones by copying all
  const int have = kept_->keys.shape(2);
  const int more = keys.shape(2);
  const auto old = [&](const Array& columns) { return Columns(columns, from, have); };
  if (more > kFew) {
    rooms_.reset();
    kept_ = KeysValues{mx::concatenate({old(kept_->keys), keys}, 2),
                       mx::concatenate({old(kept_->values), values}, 2)};
    return;
  }
  if (!rooms_ || end_ + more > rooms_->keys.shape(2)) {
    const auto move = [&](const Array& columns) {
      return Write(RoomLike(columns, have - from + more + kSpareColumns), old(columns), 0);
    };
    rooms_ = KeysValues{move(kept_->keys), move(kept_->values)};
    end_ = have - from;
  }
  // Nobody else holds them then, so MLX writes in place.
  kept_.reset();
  rooms_ = KeysValues{Write(rooms_->keys, keys, end_), Write(rooms_->values, values, end_)};
  end_ += more;
  const int begin = end_ - more - (have - from);
  kept_ = KeysValues{Columns(rooms_->keys, begin, end_), Columns(rooms_->values, begin, end_)};
}

bool WindowCache::Trim(int length) {
  if (length < 0 || length > length_) return false;
  if (length == length_) return true;
  const int have = kept_ ? kept_->keys.shape(2) : 0;
  if (have < length_) return false;  // columns that the shorter sequence needs are gone
  end_ -= have - length;
  kept_ = KeysValues{Columns(kept_->keys, 0, length), Columns(kept_->values, 0, length)};
  if (length == 0) {
    kept_.reset();
    rooms_.reset();
  }
  length_ = length;
  return true;
}

size_t WindowCache::bytes() const { return BytesOf(rooms_ ? rooms_ : kept_); }
void WindowCache::Evaluate(std::vector<Array>& pending) const { Collect(kept_, pending); }

void RecurrentCache::Update(Array tail, Array state, int steps) {
  tail_.emplace(std::move(tail));
  state_.emplace(std::move(state));
  length_ += steps;
}

bool RecurrentCache::Trim(int length) {
  if (length == length_) return true;
  if (length != 0) return false;
  *this = RecurrentCache();
  return true;
}

size_t RecurrentCache::bytes() const {
  return (tail_ ? tail_->nbytes() : 0) + (state_ ? state_->nbytes() : 0);
}

void RecurrentCache::Evaluate(std::vector<Array>& pending) const {
  if (tail_) pending.push_back(*tail_);
  if (state_) pending.push_back(*state_);
}

namespace {

// Calls f on the cache of a layer that has one.
template <typename Layer, typename F>
void Visit(Layer& layer, F f) {
  std::visit(
      [&](auto& cache) {
        if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(cache)>, std::monostate>) {
          f(cache);
        }
      },
      layer);
}

}  // namespace

bool SequenceState::Trim(int length) {
  std::vector<LayerCache> trimmed = layers_;
  bool possible = length >= 0 && length <= length_;
  for (LayerCache& layer : trimmed) {
    Visit(layer, [&](auto& cache) { possible = possible && cache.Trim(length); });
  }
  if (!possible) return false;
  layers_ = std::move(trimmed);
  length_ = length;
  return true;
}

namespace {

// Keys and values stay where they are until they are cut off.
bool IsCuttable(const LayerCache& layer) {
  return std::holds_alternative<KvCache>(layer) || std::holds_alternative<LatentCache>(layer) ||
         std::holds_alternative<std::monostate>(layer);
}

}  // namespace

bool SequenceState::CanTrimAnywhere() const {
  return std::all_of(layers_.begin(), layers_.end(), IsCuttable);
}

SequenceState SequenceState::Mark() const {
  SequenceState mark;
  mark.length_ = length_;
  for (const LayerCache& layer : layers_) {
    mark.layers_.push_back(IsCuttable(layer) ? LayerCache() : layer);
  }
  return mark;
}

bool SequenceState::Return(const SequenceState& mark) {
  if (mark.layers_.size() != layers_.size() || mark.length_ > length_) return false;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (std::holds_alternative<std::monostate>(mark.layers_[i])) {
      Visit(layers_[i], [&](auto& cache) { cache.Trim(mark.length_); });
    } else {
      layers_[i] = mark.layers_[i];
    }
  }
  length_ = mark.length_;
  return true;
}

size_t SequenceState::bytes() const {
  size_t total = 0;
  for (const LayerCache& layer : layers_) {
    Visit(layer, [&](const auto& cache) { total += cache.bytes(); });
  }
  return total;
}

size_t SequenceState::BytesAt(int length, int chunk) const {
  const auto scaled = [](size_t bytes, int have, int wanted) {
    return have > 0 ? bytes / static_cast<size_t>(have) * static_cast<size_t>(wanted) : 0;
  };
  // Rooms grow by half: a third of one may be unused.
  const int room = length + length / 2;
  size_t total = 0;
  for (const LayerCache& layer : layers_) {
    if (const auto* window = std::get_if<WindowCache>(&layer)) {
      const int have = window->kept() ? window->kept()->keys.shape(2) : 0;
      total += scaled(BytesOf(window->kept()), have,
                      std::min(length, window->window() + chunk) + kSpareColumns);
    } else if (const auto* recurrent = std::get_if<RecurrentCache>(&layer)) {
      total += recurrent->bytes();
    } else {
      Visit(layer, [&](const auto& cache) {
        if constexpr (requires { cache.stores(); }) {
          for (const ColumnStore* store : cache.stores()) {
            if (store->room()) total += scaled(store->bytes(), store->room()->shape(2), room);
          }
        }
      });
    }
  }
  return total;
}

std::vector<Array> SequenceState::Pending() const {
  std::vector<Array> pending;
  for (const LayerCache& layer : layers_) {
    Visit(layer, [&](const auto& cache) { cache.Evaluate(pending); });
  }
  return pending;
}

}  // namespace ingot::model
