#include "ops/cpu/likeliest.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "core/thread_pool.h"
#include "kernels/store.h"

namespace ingot::ops::cpu {
namespace {

constexpr size_t kChunk = 1024;
constexpr size_t kPiece = size_t{16} << 10;  // what a thread takes at once
constexpr size_t kLanes = 16;                // independent, so that vectors hold them

// The largest of a chunk; what is not a number is passed over.
float LargestOf(std::span<const float> chunk) {
  std::array<float, kLanes> largest;
  largest.fill(-std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= chunk.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float value = chunk[i + lane];
      largest[lane] = value > largest[lane] ? value : largest[lane];
    }
  }
  for (; i < chunk.size(); ++i) largest[0] = std::max(largest[0], chunk[i]);
  return *std::max_element(largest.begin(), largest.end());
}

struct Likely {
  float value = -std::numeric_limits<float>::infinity();
  size_t place = 0;
};

// Of `count` numbers of a row from `first` on.
Likely LikeliestAmong(quant::FloatType type, const std::byte* row, size_t first, size_t count) {
  std::array<float, kChunk> numbers;
  Likely found{.place = first};
  for (size_t at = first; at < first + count; at += kChunk) {
    const std::span<float> chunk = std::span(numbers).first(std::min(kChunk, first + count - at));
    kernels::LoadFloats(type, row + at * quant::SizeOf(type), chunk);
    const float here = LargestOf(chunk);
    if (here <= found.value) continue;
    const auto where = std::find(chunk.begin(), chunk.end(), here) - chunk.begin();
    found = {.value = here, .place = at + static_cast<size_t>(where)};
  }
  return found;
}

}  // namespace

std::vector<int> LikeliestOfRows(quant::FloatType type, const std::byte* rows, size_t count,
                                 size_t width) {
  // A single row is worth sharing out too.
  const size_t pieces = std::max<size_t>((width + kPiece - 1) / kPiece, 1);
  std::vector<Likely> found(count * pieces);
  core::ThreadPool::Shared().ParallelFor(found.size(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const std::byte* row = rows + i / pieces * width * quant::SizeOf(type);
      const size_t first = i % pieces * kPiece;
      found[i] = LikeliestAmong(type, row, first, std::min(kPiece, width - first));
    }
  });
  std::vector<int> places(count);
  for (size_t r = 0; r < count; ++r) {
    Likely best = found[r * pieces];
    for (size_t i = 1; i < pieces; ++i) {
      const Likely& next = found[r * pieces + i];
      if (next.value > best.value) best = next;
    }
    places[r] = static_cast<int>(best.place);
  }
  return places;
}

}  // namespace ingot::ops::cpu
