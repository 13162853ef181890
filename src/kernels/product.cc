#include "kernels/product.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

#include "kernels/scratch.h"
#include "kernels/store.h"

namespace ingot::kernels {
namespace {

// Weights of one block: enough to hide what taking it from the pool costs, little enough that a
// thread which is held up holds up no more than some microseconds of work.
constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr size_t kMostOutputs = 256;
constexpr size_t kManyOutputs = 32;  // what kernels for many rows expand at once
constexpr size_t kMostRows = 512;    // of activations that one block's results are kept for
constexpr size_t kFewRows = 16;      // likewise, where weights are read as they lie

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
    return plan_.IsMany(segment) ? kMostRows : kFewRows;
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

size_t ArrangedBytes(const PlannedProduct& planned) {
  const size_t rows = planned.product.x.size();
  return RoundUp(rows * planned.plan.x_bytes, 64) +
         RoundUp(rows * planned.plan.sums * sizeof(float), 64);
}

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

using Results = std::array<float, kManyOutputs * kMostRows>;
static_assert(std::tuple_size_v<Results> >= kMostOutputs * kFewRows);

void Multiply(const ProductPlan& plan, const Matrix& matrix, const Block& block,
              const Arranged& rows, Results& results) {
  const ProductRun run{.matrix = &matrix,
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
}

// The factor and the bias of the outputs from `first` on.
void Weigh(const float* factor, const std::byte* bias, FloatType bias_type, size_t first,
           std::span<float> results) {
  if (factor != nullptr) {
    for (float& result : results) result *= *factor;
  }
  if (bias != nullptr) {
    for (size_t n = 0; n < results.size(); ++n) {
      results[n] += quant::LoadFloat(bias_type, bias, first + n);
    }
  }
}

// Rounds a row of results, the last thing that happens to them, and stores it.
void Finish(const Product& product, const Block& block, size_t row, std::span<float> results) {
  const size_t at = block.first_output * quant::SizeOf(product.result_type);
  if (!product.addends.empty()) {
    AddFloats(product.result_type, product.addends[row] + at, results);
  }
  StoreFloats(product.result_type, results, product.y[row] + at);
}

void ComputeBlock(const ProductPlan& plan, const Product& product, const Block& block,
                  const Arranged& rows) {
  alignas(64) Results results;
  alignas(64) Results gates;
  const Segment& segment = *block.segment;
  Multiply(plan, segment.matrix, block, rows, results);
  const bool gated = product.gating != nullptr && segment.gate.matrix.outputs > 0;
  if (gated) Multiply(plan, segment.gate.matrix, block, rows, gates);
  for (size_t r = 0; r < block.rows; ++r) {
    const std::span row = std::span(results).subspan(r * block.outputs, block.outputs);
    Weigh(segment.factor, segment.bias, product.bias_type, block.first_output, row);
    if (product.gating != nullptr) {
      const std::span gate = std::span(gates).subspan(r * block.outputs, gated ? block.outputs : 0);
      Weigh(segment.gate.factor, segment.gate.bias, product.bias_type, block.first_output, gate);
      (*product.gating)(gate, row);
    }
    Finish(product, block, block.first_row + r, row);
  }
}

}  // namespace

bool ProductPlan::IsMany(const Segment& segment) const { return segment.rows >= many_from; }

ProductPlan PlanWithForm(const Form& form, const Matrix& matrix) {
  const size_t element = form.bf16 ? 2 : sizeof(float);
  return {.form = &form,
          .few_order = form.few_order(matrix),
          .many_order = form.many_order(matrix),
          .x_bytes = RoundUp(matrix.inputs, kWidest) * element,
          .sums = form.sums(matrix),
          .few_outputs = FewOutputs(matrix),
          .many_from = form.many_from};
}

ProductPlan PlanProduct(const Matrix& matrix, FloatType type, core::Isa isa) {
  ProductPlan plan = PlanWithForm(FormFor(isa, matrix, type), matrix);
  if (type == FloatType::kF32) plan.many_from = std::numeric_limits<size_t>::max();
  return plan;
}

void Compute(const ProductPlan& plan, const Product& product, core::ThreadPool& pool) {
  const PlannedProduct planned{plan, product};
  ComputeAll({&planned, 1}, pool);
}

void ComputeAll(std::span<const PlannedProduct> products, core::ThreadPool& pool) {
  size_t bytes = 0;
  for (const PlannedProduct& planned : products) bytes += ArrangedBytes(planned);
  const Scratch scratch(bytes);
  std::vector<Arranged> rows;
  std::vector<Blocks> blocks;
  std::vector<size_t> ends;
  rows.reserve(products.size());
  blocks.reserve(products.size());
  ends.reserve(products.size());
  std::byte* next = scratch.data();
  size_t total = 0;
  for (const PlannedProduct& planned : products) {
    const Product& product = planned.product;
    const size_t x_bytes = RoundUp(product.x.size() * planned.plan.x_bytes, 64);
    rows.push_back({.x = next, .sums = reinterpret_cast<float*>(next + x_bytes)});
    next += ArrangedBytes(planned);
    if (!product.x.empty()) ArrangeRows(planned.plan, product, rows.back(), pool);
    blocks.emplace_back(planned.plan, product.segments);
    total += blocks.back().count();
    ends.push_back(total);
  }
  pool.ParallelFor(total, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const auto which =
          static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), i) - ends.begin());
      const size_t within = i - (which == 0 ? 0 : ends[which - 1]);
      ComputeBlock(products[which].plan, products[which].product, blocks[which].At(within),
                   rows[which]);
    }
  });
}

}  // namespace ingot::kernels
