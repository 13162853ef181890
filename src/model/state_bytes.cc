#include "model/state_bytes.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace ingot::model {
namespace {

namespace mx = ops::mx;

size_t BytesOf(const std::vector<HostArray>& arrays) {
  size_t total = 0;
  for (const HostArray& array : arrays) total += array.bytes.size();
  return total;
}

// [B, heads, T, D] as B·heads runs of T columns of `width` bytes.
struct Runs {
  size_t count;
  size_t columns;
  size_t width;
};
Runs RunsOf(const mx::Shape& shape, size_t item) {
  return {.count = static_cast<size_t>(shape[0]) * static_cast<size_t>(shape[1]),
          .columns = static_cast<size_t>(shape[2]),
          .width = static_cast<size_t>(shape[3]) * item};
}

// Columns [begin, end) of `from` into those of `to` from `at` on.
struct ColumnCopy {
  size_t begin;
  size_t end;
  size_t at;
};
void CopyRuns(const std::byte* from, const Runs& source, std::byte* to, const Runs& target,
              const ColumnCopy& copy) {
  const size_t bytes = (copy.end - copy.begin) * source.width;
  if (bytes == 0) return;
  for (size_t run = 0; run < source.count; ++run) {
    std::memcpy(to + (run * target.columns + copy.at) * target.width,
                from + (run * source.columns + copy.begin) * source.width, bytes);
  }
}

Array InOnePiece(const Array& array) {
  Array whole = mx::contiguous(array);
  mx::eval(whole);
  return whole;
}

HostArray CopyPart(const Array& array, int begin, int end) {
  const Array whole = InOnePiece(array);
  HostArray copy{.type = whole.dtype(), .shape = whole.shape(), .bytes = {}};
  copy.shape[2] = end - begin;
  const Runs source = RunsOf(whole.shape(), whole.itemsize());
  const Runs target = RunsOf(copy.shape, whole.itemsize());
  copy.bytes.resize(target.count * target.columns * target.width);
  CopyRuns(reinterpret_cast<const std::byte*>(whole.data<uint8_t>()), source, copy.bytes.data(),
           target, {static_cast<size_t>(begin), static_cast<size_t>(end), 0});
  return copy;
}

HostArray CopyWhole(const Array& array) {
  const Array whole = InOnePiece(array);
  HostArray copy{.type = whole.dtype(), .shape = whole.shape(), .bytes = {}};
  const auto* bytes = reinterpret_cast<const std::byte*>(whole.data<uint8_t>());
  copy.bytes.assign(bytes, bytes + whole.nbytes());
  return copy;
}

Array NewArray(const mx::Shape& shape, mx::Dtype type,
               const std::function<void(std::byte*)>& fill) {
  size_t bytes = mx::size_of(type);
  for (const int extent : shape) bytes *= static_cast<size_t>(extent);
  mx::allocator::Data data = mx::allocator::malloc(bytes);
  auto* to = static_cast<std::byte*>(data.buffer().raw_ptr());
  std::memset(to, 0, bytes);
  fill(to);
  return Array(std::move(data), shape, type);
}

Array ToArray(const HostArray& host) {
  return NewArray(host.shape, host.type, [&](std::byte* to) {
    if (!host.bytes.empty()) std::memcpy(to, host.bytes.data(), host.bytes.size());
  });
}

// Calls f with each cache's stores of columns.
template <typename State, typename F>
void EachColumned(State& state, F f) {
  for (size_t i = 0; i < state.layers(); ++i) {
    std::visit(
        [&](auto& cache) {
          if constexpr (requires { cache.stores(); }) f(cache);
        },
        state.layer(i));
  }
}

bool SameButColumns(const mx::Shape& a, const mx::Shape& b) {
  return a.size() == 4 && b.size() == 4 && a[0] == b[0] && a[1] == b[1] && a[3] == b[3];
}

bool Holds(const HostArray& array) {
  size_t bytes = mx::size_of(array.type);
  for (const int extent : array.shape) {
    if (extent < 0) return false;
    bytes *= static_cast<size_t>(extent);
  }
  return bytes == array.bytes.size();
}

// As the arrays of a mark follow each other.
std::vector<Array> MarkArrays(const SequenceState& state) {
  std::vector<Array> arrays;
  for (size_t i = 0; i < state.layers(); ++i) {
    if (const auto* window = std::get_if<WindowCache>(&state.layer(i)); window && window->kept()) {
      const auto& kept = *window->kept();
      const int have = kept.keys.shape(2);
      // What the next query sees beside itself; more is dropped at the next update anyway.
      const int from = std::max(0, have - std::max(window->window() - 1, 1));
      for (const Array& columns : {kept.keys, kept.values}) {
        mx::Shape start(4, 0);
        start[2] = from;
        arrays.push_back(mx::slice(columns, start, columns.shape()));
      }
    }
    if (const auto* recurrent = std::get_if<RecurrentCache>(&state.layer(i));
        recurrent && recurrent->tail() && recurrent->state()) {
      arrays.push_back(*recurrent->tail());
      arrays.push_back(*recurrent->state());
    }
  }
  return arrays;
}

}  // namespace

size_t StateColumns::bytes() const { return BytesOf(arrays); }
size_t StateMark::bytes() const { return BytesOf(arrays); }

StateColumns StateColumns::Split(int at) {
  StateColumns rest{.begin = at, .end = end, .arrays = {}};
  const auto cut = static_cast<size_t>(at - begin);
  for (HostArray& array : arrays) {
    const Runs runs = RunsOf(array.shape, mx::size_of(array.type));
    const auto part = [&](size_t from, size_t to) {
      HostArray copy{.type = array.type, .shape = array.shape, .bytes = {}};
      copy.shape[2] = static_cast<int>(to - from);
      const Runs target = RunsOf(copy.shape, mx::size_of(array.type));
      copy.bytes.resize(target.count * target.columns * target.width);
      CopyRuns(array.bytes.data(), runs, copy.bytes.data(), target, {from, to, 0});
      return copy;
    };
    rest.arrays.push_back(part(cut, runs.columns));
    array = part(0, cut);
  }
  end = at;
  return rest;
}

StateColumns CopyColumns(const SequenceState& state, int begin, int end) {
  StateColumns columns{.begin = begin, .end = end, .arrays = {}};
  EachColumned(state, [&](const auto& cache) {
    for (const ColumnStore* store : cache.stores()) {
      if (store->room()) columns.arrays.push_back(CopyPart(*store->room(), begin, end));
    }
  });
  return columns;
}

StateMark CopyMark(const SequenceState& state) {
  StateMark mark{.at = state.length(), .arrays = {}};
  for (const Array& array : MarkArrays(state)) mark.arrays.push_back(CopyWhole(array));
  return mark;
}

bool Fits(const SequenceState& like, const StateColumns& columns) {
  size_t next = 0;
  bool fits = columns.end > columns.begin;
  EachColumned(like, [&](const auto& cache) {
    for (const ColumnStore* store : cache.stores()) {
      if (!store->room() || next >= columns.arrays.size()) {
        fits = false;
        continue;
      }
      const HostArray& array = columns.arrays[next++];
      fits = fits && array.type == store->room()->dtype() &&
             SameButColumns(array.shape, store->room()->shape()) &&
             array.shape[2] == columns.end - columns.begin && Holds(array);
    }
  });
  return fits && next == columns.arrays.size();
}

bool Fits(const SequenceState& like, const StateMark& mark) {
  const std::vector<Array> arrays = MarkArrays(like);
  if (arrays.size() != mark.arrays.size()) return false;
  size_t next = 0;
  for (size_t i = 0; i < like.layers(); ++i) {
    if (const auto* window = std::get_if<WindowCache>(&like.layer(i))) {
      const int columns = std::min(mark.at, std::max(window->window() - 1, 1));
      for (int part = 0; part < 2; ++part, ++next) {
        const HostArray& array = mark.arrays[next];
        if (array.type != arrays[next].dtype() || !Holds(array) ||
            !SameButColumns(array.shape, arrays[next].shape()) || array.shape[2] != columns) {
          return false;
        }
      }
    } else if (std::holds_alternative<RecurrentCache>(like.layer(i))) {
      for (int part = 0; part < 2; ++part, ++next) {
        const HostArray& array = mark.arrays[next];
        if (array.type != arrays[next].dtype() || array.shape != arrays[next].shape() ||
            !Holds(array)) {
          return false;
        }
      }
    }
  }
  return true;
}

void Restore(SequenceState& fresh, std::span<const StateColumns* const> columns,
             const StateMark* mark, int length) {
  size_t store = 0;
  EachColumned(fresh, [&](auto& cache) {
    std::vector<Array> rooms;
    for (size_t i = 0; i < cache.stores().size(); ++i, ++store) {
      const HostArray& first = columns[0]->arrays[store];
      mx::Shape shape = first.shape;
      shape[2] = length + std::max(64, length / 8);  // some tokens will follow
      const size_t item = mx::size_of(first.type);
      rooms.push_back(NewArray(shape, first.type, [&](std::byte* to) {
        for (const StateColumns* part : columns) {
          const int end = std::min(part->end, length);
          if (end <= part->begin) continue;
          const HostArray& array = part->arrays[store];
          CopyRuns(array.bytes.data(), RunsOf(array.shape, item), to, RunsOf(shape, item),
                   {0, static_cast<size_t>(end - part->begin), static_cast<size_t>(part->begin)});
        }
      }));
    }
    cache.Restore(std::move(rooms), length);
  });
  size_t next = 0;
  for (size_t i = 0; mark != nullptr && i < fresh.layers(); ++i) {
    const auto take = [&] { return ToArray(mark->arrays[next++]); };
    if (auto* window = std::get_if<WindowCache>(&fresh.layer(i))) {
      Array keys = take();
      window->Restore({std::move(keys), take()}, length);
    } else if (auto* recurrent = std::get_if<RecurrentCache>(&fresh.layer(i))) {
      Array tail = take();
      recurrent->Update(std::move(tail), take(), length);
    }
  }
  fresh.Advance(length);
}

}  // namespace ingot::model
