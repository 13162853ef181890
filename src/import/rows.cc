#include "import/rows.h"

#include <algorithm>
#include <cstring>

namespace ingot::import {
namespace {

// Values of a tile's side: both sides of a tile of 8 bytes a value fit the first-level cache.
constexpr uint64_t kTile = 32;

// out[r][c] = in[c][first + r * step], for a tile of rows and columns. T only sets the width.
template <typename T>
void TransposeTiles(const std::byte* in, uint64_t in_columns, uint64_t first, uint64_t step,
                    uint64_t rows, uint64_t columns, std::byte* out) {
  for (uint64_t r0 = 0; r0 < rows; r0 += kTile) {
    const uint64_t r1 = std::min(r0 + kTile, rows);
    for (uint64_t c0 = 0; c0 < columns; c0 += kTile) {
      const uint64_t c1 = std::min(c0 + kTile, columns);
      for (uint64_t c = c0; c < c1; ++c) {
        for (uint64_t r = r0; r < r1; ++r) {
          T value;
          std::memcpy(&value, in + (c * in_columns + first + r * step) * sizeof(T), sizeof(T));
          std::memcpy(out + (r * columns + c) * sizeof(T), &value, sizeof(T));
        }
      }
    }
  }
}

}  // namespace

RowCursor::RowCursor(const Plan& plan, const PlannedWeight& weight) : plan_(plan), weight_(weight) {
  for (const RowRun& run : weight.rows) rows_ += run.count;
}

RowPiece RowCursor::Next(uint64_t max_rows) {
  while (in_run_ == weight_.rows[run_].count) {
    ++run_;
    in_run_ = 0;
  }
  const RowRun& run = weight_.rows[run_];
  const uint64_t count = std::min(max_rows, run.count - in_run_);
  const RowPiece piece{.source = &plan_.sources[run.weight],
                       .first = run.first + in_run_ * run.step,
                       .step = run.step,
                       .count = count,
                       .at = at_};
  in_run_ += count;
  at_ += count;
  return piece;
}

std::span<const std::byte> GatherRows(std::span<const std::byte> matrix, uint64_t row_bytes,
                                      const RowPiece& piece, std::vector<std::byte>& buffer) {
  if (piece.step == 1 || piece.count == 1) {
    return matrix.subspan(piece.first * row_bytes, piece.count * row_bytes);
  }
  buffer.resize(piece.count * row_bytes);
  for (uint64_t i = 0; i < piece.count; ++i) {
    const auto row = matrix.subspan((piece.first + i * piece.step) * row_bytes, row_bytes);
    std::ranges::copy(row, buffer.begin() + static_cast<ptrdiff_t>(i * row_bytes));
  }
  return buffer;
}

std::span<const std::byte> GatherTransposed(std::span<const std::byte> matrix, size_t value_bytes,
                                            uint64_t slab_rows, uint64_t columns,
                                            const RowPiece& piece, std::vector<std::byte>& buffer) {
  const uint64_t slab_bytes = slab_rows * columns * value_bytes;
  buffer.resize(piece.count * columns * value_bytes);
  for (uint64_t done = 0; done < piece.count;) {
    const uint64_t row = piece.first + done * piece.step;
    const uint64_t slab = row / slab_rows;
    const uint64_t in_slab = row % slab_rows;
    const uint64_t left = (slab_rows - in_slab + piece.step - 1) / piece.step;
    const uint64_t count = std::min(piece.count - done, left);
    const std::byte* in = matrix.subspan(slab * slab_bytes, slab_bytes).data();
    std::byte* out = buffer.data() + done * columns * value_bytes;
    if (value_bytes == 2) {
      TransposeTiles<uint16_t>(in, slab_rows, in_slab, piece.step, count, columns, out);
    } else if (value_bytes == 4) {
      TransposeTiles<uint32_t>(in, slab_rows, in_slab, piece.step, count, columns, out);
    } else {
      TransposeTiles<uint64_t>(in, slab_rows, in_slab, piece.step, count, columns, out);
    }
    done += count;
  }
  return buffer;
}

}  // namespace ingot::import
