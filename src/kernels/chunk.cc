#include "kernels/chunk.h"

#include <algorithm>

namespace ingot::kernels {
namespace {

// Numbers of a side of what is turned at once: both sides stay in the first cache.
constexpr size_t kBlock = 16;

size_t RoundUp(size_t count, size_t to) { return (count + to - 1) / to * to; }

// visit(row, column, rows, columns) for blocks of a panel.
template <typename Visit>
void EachBlock(size_t rows, size_t width, Visit visit) {
  for (size_t i = 0; i < width; i += kBlock) {
    for (size_t r = 0; r < rows; r += kBlock) {
      visit(r, i, std::min(kBlock, rows - r), std::min(kBlock, width - i));
    }
  }
}

}  // namespace

size_t ChunkFloats(size_t width, size_t lanes) {
  constexpr size_t kPerStep = 2 * kChunkSteps + 4;  // of both triangles, and single numbers
  return kChunkSteps * (2 * RoundUp(width, kBlock) + 3 * lanes + kPerStep);
}

size_t PanelFloats(size_t rows, size_t width, size_t lanes) { return RoundUp(rows, lanes) * width; }

void PackPanels(const float* state, size_t rows, size_t width, size_t lanes, float* panels) {
  for (size_t first = 0; first < rows; first += lanes) {
    const size_t some = std::min(lanes, rows - first);
    const float* from = state + first * width;
    float* to = panels + first * width;
    if (some < lanes) std::fill_n(to, width * lanes, 0.0F);
    EachBlock(some, width, [&](size_t r0, size_t i0, size_t row_count, size_t count) {
      for (size_t i = i0; i < i0 + count; ++i) {
        for (size_t r = r0; r < r0 + row_count; ++r) to[i * lanes + r] = from[r * width + i];
      }
    });
  }
}

void UnpackPanels(const float* panels, size_t rows, size_t width, size_t lanes, float* state) {
  for (size_t first = 0; first < rows; first += lanes) {
    const float* from = panels + first * width;
    float* to = state + first * width;
    EachBlock(std::min(lanes, rows - first), width,
              [&](size_t r0, size_t i0, size_t row_count, size_t count) {
                for (size_t r = r0; r < r0 + row_count; ++r) {
                  for (size_t i = i0; i < i0 + count; ++i) {
                    to[r * width + i] = from[i * lanes + r];
                  }
                }
              });
  }
}

}  // namespace ingot::kernels
