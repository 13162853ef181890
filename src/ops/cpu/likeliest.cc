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
constexpr size_t kLanes = 16;  // independent, so that vectors hold them

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

int LikeliestOf(quant::FloatType type, const std::byte* row, size_t width) {
  std::array<float, kChunk> numbers;
  size_t place = 0;
  float largest = -std::numeric_limits<float>::infinity();
  for (size_t at = 0; at < width; at += kChunk) {
    const std::span<float> chunk = std::span(numbers).first(std::min(kChunk, width - at));
    kernels::LoadFloats(type, row + at * quant::SizeOf(type), chunk);
    const float here = LargestOf(chunk);
    if (here <= largest) continue;
    largest = here;
    place = at + static_cast<size_t>(std::find(chunk.begin(), chunk.end(), here) - chunk.begin());
  }
  return static_cast<int>(place);
}

}  // namespace

std::vector<int> LikeliestOfRows(quant::FloatType type, const std::byte* rows, size_t count,
                                 size_t width) {
  std::vector<int> places(count);
  core::ThreadPool::Shared().ParallelFor(count, 1, [&](size_t begin, size_t end) {
    for (size_t r = begin; r < end; ++r) {
      places[r] = LikeliestOf(type, rows + r * width * quant::SizeOf(type), width);
    }
  });
  return places;
}

}  // namespace ingot::ops::cpu
