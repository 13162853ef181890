// Walks the rows of a planned weight through the sources they come from, and copies rows of bytes
// together. Internal to the room; one object, one thread.
#ifndef INGOT_IMPORT_ROWS_H_
#define INGOT_IMPORT_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "import/plan.h"

namespace ingot::import {

// Consecutive rows of a weight that come from one source, at one step.
struct RowPiece {
  const SourceWeight* source = nullptr;
  uint64_t first = 0;  // in the source
  uint64_t step = 1;
  uint64_t count = 0;
  uint64_t at = 0;  // of the first row in the weight
};

// Hands out the rows of a weight in order, in pieces of at most a given number of rows.
class RowCursor {
 public:
  RowCursor(const Plan& plan, const PlannedWeight& weight);

  uint64_t rows() const { return rows_; }
  bool done() const { return at_ == rows_; }
  // The next piece, none of whose rows lies in another run.
  RowPiece Next(uint64_t max_rows);

 private:
  const Plan& plan_;
  const PlannedWeight& weight_;
  uint64_t rows_ = 0;
  uint64_t at_ = 0;
  size_t run_ = 0;
  uint64_t in_run_ = 0;
};

// Rows `first`, `first + step`, … of a matrix of rows of row_bytes, as one span: a view into the
// matrix where they lie together, otherwise copied to buffer.
std::span<const std::byte> GatherRows(std::span<const std::byte> matrix, uint64_t row_bytes,
                                      const RowPiece& piece, std::vector<std::byte>& buffer);

// The same of a matrix that the source has the other way round: slabs of [columns, slab_rows]
// values of value_bytes each. Row r of a slab is column r there. Always copies.
std::span<const std::byte> GatherTransposed(std::span<const std::byte> matrix, size_t value_bytes,
                                            uint64_t slab_rows, uint64_t columns,
                                            const RowPiece& piece, std::vector<std::byte>& buffer);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_ROWS_H_
