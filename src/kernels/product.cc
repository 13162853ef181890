#include "kernels/product.h"

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "kernels/scratch.h"
#include "kernels/store.h"

namespace ingot::kernels {
namespace {

// Weights of one block: enough to hide what taking it from the pool costs, little enough that a
// thread which is held up holds up no more than some microseconds of work.
constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr size_t kMostOutputs = 256;
constexpr size_t kManyOutputs = 32;  // what kernels for many rows expand at once
constexpr size_t kMostRows = 128;    // of activations that one block's results are kept for
// From this many rows on expanding the weights pays.
constexpr size_t kManyFrom = 16;

size_t FewOutputs(const Matrix& matrix) {
  const size_t rows = kBlockBytes / std::max<size_t>(matrix.row_bytes(), 1);
  return std::clamp(rows / kVector * kVector, kVector, kMostOutputs);
}

// One block of a segment's results.
struct Block {
  const Segment* segment;
  size_t first_row;  // of the product
  size_t rows;
  size_t first_output;
  size_t outputs;
};

// Blocks counted through all segments without a list of them.
class Blocks {
 public:
  Blocks(const ProductPlan& plan, std::span<const Segment> segments)
      : plan_(plan), segments_(segments) {
    ends_.reserve(segments.size());
    size_t total = 0;
    for (const Segment& segment : segments) {
      total += Across(segment) * Down(segment);
      ends_.push_back(total);
    }
  }
  size_t count() const { return ends_.empty() ? 0 : ends_.back(); }
  Block At(size_t index) const {
    const auto end = std::upper_bound(ends_.begin(), ends_.end(), index);
    const auto which = static_cast<size_t>(end - ends_.begin());
    const Segment& segment = segments_[which];
    const size_t within = index - (which == 0 ? 0 : ends_[which - 1]);
    const size_t down = Down(segment);
    // Blocks of the same weights follow each other.
    const size_t output = within / down * OutputsEach(segment);
    const size_t row = within % down * RowsEach(segment);
    return {.segment = &segment,
            .first_row = segment.first_row + row,
            .rows = std::min(RowsEach(segment), segment.rows - row),
            .first_output = output,
            .outputs = std::min(OutputsEach(segment), segment.matrix.outputs - output)};
  }

 private:
  size_t OutputsEach(const Segment& segment) const {
    return plan_.IsMany(segment) ? kManyOutputs : plan_.few_outputs;
  }
  size_t RowsEach(const Segment& segment) const {
    return plan_.IsMany(segment) ? kMostRows : kManyFrom;
  }
  size_t Across(const Segment& segment) const {
    return (segment.matrix.outputs + OutputsEach(segment) - 1) / OutputsEach(segment);
  }
  size_t Down(const Segment& segment) const {
    return (segment.rows + RowsEach(segment) - 1) / RowsEach(segment);
  }
  const ProductPlan& plan_;
  std::span<const Segment> segments_;
  std::vector<size_t> ends_;
};

// Arranged rows and their sums.
struct Arranged {
  std::byte* x;
  float* sums;
};

void ArrangeRows(const ProductPlan& plan, const Product& product, const Arranged& to,
                 core::ThreadPool& pool) {
  std::vector<const Segment*> of_row(product.x.size(), nullptr);
  for (const Segment& segment : product.segments) {
    std::fill_n(of_row.begin() + static_cast<ptrdiff_t>(segment.first_row), segment.rows, &segment);
  }
  const auto arrange = [&](size_t begin, size_t end) {
    for (size_t r = begin; r < end; ++r) {
      if (of_row[r] == nullptr) continue;
      plan.form->arrange({.matrix = &of_row[r]->matrix,
                          .order = plan.IsMany(*of_row[r]) ? plan.many_order : plan.few_order,
                          .type = product.type,
                          .x = product.x[r],
                          .out = to.x + r * plan.x_bytes,
                          .sums = plan.sums == 0 ? nullptr : to.sums + r * plan.sums});
    }
  };
  constexpr size_t kRowsEach = 8;
  if (product.x.size() <= kRowsEach) {
    arrange(0, product.x.size());
  } else {
    pool.ParallelFor(product.x.size(), kRowsEach, arrange);
  }
}

// Rounds a row of results, the last thing that happens to them, and stores it.
void Finish(const Product& product, const Block& block, size_t row, std::span<float> results) {
  const Segment& segment = *block.segment;
  if (segment.factor != nullptr) {
    for (float& result : results) result *= *segment.factor;
  }
  if (segment.bias != nullptr) {
    for (size_t n = 0; n < results.size(); ++n) {
      results[n] += quant::LoadFloat(product.bias_type, segment.bias, block.first_output + n);
    }
  }
  StoreFloats(product.result_type, results,
              product.y[row] + block.first_output * quant::SizeOf(product.result_type));
}

void ComputeBlock(const ProductPlan& plan, const Product& product, const Block& block,
                  const Arranged& rows) {
  alignas(64) std::array<float, kMostOutputs * kManyFrom> results;
  static_assert(kMostOutputs * kManyFrom >= kManyOutputs * kMostRows);
  const ProductRun run{.matrix = &block.segment->matrix,
                       .first = block.first_output,
                       .count = block.outputs,
                       .rows = block.rows,
                       .x = rows.x + block.first_row * plan.x_bytes,
                       .x_stride = plan.x_bytes,
                       .sums = plan.sums == 0 ? nullptr : rows.sums + block.first_row * plan.sums,
                       .sums_stride = plan.sums,
                       .out = results.data(),
                       .out_stride = block.outputs};
  (plan.IsMany(*block.segment) ? plan.form->many : plan.form->few)(run);
  for (size_t r = 0; r < block.rows; ++r) {
    Finish(product, block, block.first_row + r,
           std::span(results).subspan(r * block.outputs, block.outputs));
  }
}

}  // namespace

bool ProductPlan::IsMany(const Segment& segment) const {
  return !always_few && segment.rows >= kManyFrom;
}

ProductPlan PlanWithForm(const Form& form, const Matrix& matrix) {
  const size_t element = form.bf16 ? 2 : sizeof(float);
  return {.form = &form,
          .few_order = form.few_order(matrix),
          .many_order = form.many_order(matrix),
          .x_bytes = RoundUp(matrix.inputs, kBlock) * element,
          .sums = matrix.biases == nullptr ? 0 : RoundUp(matrix.groups(), kVector),
          .few_outputs = FewOutputs(matrix),
          .always_few = false};
}

ProductPlan PlanProduct(const Matrix& matrix, FloatType type, core::Isa isa) {
  ProductPlan plan = PlanWithForm(FormFor(isa, matrix, type), matrix);
  plan.always_few = type == FloatType::kF32;
  return plan;
}

void Compute(const ProductPlan& plan, const Product& product, core::ThreadPool& pool) {
  if (product.segments.empty() || product.x.empty()) return;
  const size_t x_bytes = RoundUp(product.x.size() * plan.x_bytes, 64);
  const Scratch scratch(x_bytes + product.x.size() * plan.sums * sizeof(float));
  const Arranged rows{.x = scratch.data(),
                      .sums = reinterpret_cast<float*>(scratch.data() + x_bytes)};
  ArrangeRows(plan, product, rows, pool);
  const Blocks blocks(plan, product.segments);
  pool.ParallelFor(blocks.count(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) ComputeBlock(plan, product, blocks.At(i), rows);
  });
}

}  // namespace ingot::kernels
