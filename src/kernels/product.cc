#include "kernels/product.h"

#include <algorithm>
#include <limits>

#include "kernels/rows.h"
#include "kernels/scratch.h"
#include "kernels/succession.h"

namespace ingot::kernels {
namespace {

// Weights of one block: enough to hide what taking it from the pool costs, little enough that a
// thread which is held up holds up no more than some microseconds of work.
constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr size_t kMostOutputs = 256;
constexpr size_t kManyOutputs = 32;  // what kernels for many rows expand at once
static_assert(kManyOutputs == kTileOutputs);
constexpr size_t kMostRows = 512;  // of activations that one block's results are kept for
constexpr size_t kFewRows = 16;    // likewise, where weights are read as they lie
// From how many rows on tiles pay, which cost the same for any number up to theirs: reckoned, not
// measured.
constexpr size_t kTilesFrom = 8;

size_t FewOutputs(const Matrix& matrix) {
  const size_t rows = kBlockBytes / std::max<size_t>(matrix.row_bytes(), 1);
  return std::clamp(rows / kVector * kVector, kVector, kMostOutputs);
}

// One block of a segment's results.
struct Block {
  const Segment* segment;
  size_t segment_index;
  size_t first_row;  // of the segment
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
    const size_t across = Across(segment);
    // Blocks of the same weights follow each other; with tiles, those of the same rows, as more of
    // them are in the cache.
    const bool by_rows = plan_.UsesTiles(segment);
    const size_t output = (by_rows ? within % across : within / down) * OutputsEach(segment);
    const size_t row = (by_rows ? within / across : within % down) * RowsEach(segment);
    return {.segment = &segment,
            .segment_index = which,
            .first_row = row,
            .rows = std::min(RowsEach(segment), segment.rows - row),
            .first_output = output,
            .outputs = std::min(OutputsEach(segment), segment.matrix.outputs - output)};
  }

 private:
  size_t OutputsEach(const Segment& segment) const {
    return plan_.IsMany(segment) ? kManyOutputs : plan_.few_outputs;
  }
  size_t RowsEach(const Segment& segment) const {
    if (plan_.UsesTiles(segment)) return TileRows(segment.matrix);
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

// A segment's arranged rows and their sums.
struct Arranged {
  std::byte* x;
  float* sums;
};

struct RowSizes {
  size_t bytes;  // of an arranged row
  size_t sums;   // floats beside it
  size_t unit;   // rows that are arranged together
};
RowSizes SizesOf(const ProductPlan& plan, const Segment& segment) {
  if (!plan.UsesTiles(segment)) return {.bytes = plan.x_bytes, .sums = plan.sums, .unit = 1};
  return {
      .bytes = PackedBytes(segment.matrix), .sums = PackedSums(segment.matrix), .unit = kTileSide};
}

// Where each segment's rows are arranged, from `next` on, which is moved beyond them.
std::vector<Arranged> Place(const PlannedProduct& planned, std::byte*& next) {
  std::vector<Arranged> places;
  places.reserve(planned.product.segments.size());
  for (const Segment& segment : planned.product.segments) {
    const RowSizes sizes = SizesOf(planned.plan, segment);
    const size_t rows = RoundUp(segment.rows, sizes.unit);
    std::byte* sums = next + RoundUp(rows * sizes.bytes, 64);
    places.push_back({.x = next, .sums = reinterpret_cast<float*>(sums)});
    next = sums + RoundUp(rows * sizes.sums * sizeof(float), 64);
  }
  return places;
}

size_t ArrangedBytes(const PlannedProduct& planned) {
  size_t bytes = 0;
  for (const Segment& segment : planned.product.segments) {
    const RowSizes sizes = SizesOf(planned.plan, segment);
    const size_t rows = RoundUp(segment.rows, sizes.unit);
    bytes += RoundUp(rows * sizes.bytes, 64) + RoundUp(rows * sizes.sums * sizeof(float), 64);
  }
  return bytes;
}

// Rows of one segment that are arranged at once.
struct RowTask {
  const Segment* segment;
  const Arranged* to;
  size_t first;  // of the segment
  size_t rows;
};

void ArrangeSome(const ProductPlan& plan, const Product& product, const RowTask& task) {
  const Segment& segment = *task.segment;
  const RowSizes sizes = SizesOf(plan, segment);
  const auto x = product.x.subspan(segment.first_row + task.first, task.rows);
  std::byte* out = task.to->x + task.first * sizes.bytes;
  float* sums = sizes.sums == 0 ? nullptr : task.to->sums + task.first * sizes.sums;
  if (plan.UsesTiles(segment)) {
    plan.tiles->pack({.matrix = &segment.matrix, .x = x, .out = out, .sums = sums});
    return;
  }
  plan.form->arrange({.matrix = &segment.matrix,
                      .order = plan.IsMany(segment) ? plan.many_order : plan.few_order,
                      .type = product.type,
                      .x = x.front(),
                      .out = out,
                      .sums = sums});
}

void ArrangeRows(const ProductPlan& plan, const Product& product, std::span<const Arranged> to,
                 core::ThreadPool& pool) {
  std::vector<RowTask> tasks;
  tasks.reserve(product.x.size());
  for (size_t s = 0; s < product.segments.size(); ++s) {
    const Segment& segment = product.segments[s];
    const size_t unit = SizesOf(plan, segment).unit;
    for (size_t row = 0; row < segment.rows; row += unit) {
      tasks.push_back({.segment = &segment,
                       .to = &to[s],
                       .first = row,
                       .rows = std::min(unit, segment.rows - row)});
    }
  }
  const auto arrange = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) ArrangeSome(plan, product, tasks[i]);
  };
  const size_t each = plan.tiles != nullptr ? 1 : 8;
  if (tasks.size() <= each) {
    arrange(0, tasks.size());
  } else {
    pool.ParallelFor(tasks.size(), each, arrange);
  }
}

void Multiply(const ProductPlan& plan, const Matrix& matrix, const Block& block,
              const Arranged& rows, std::span<float> results) {
  const RowSizes sizes = SizesOf(plan, *block.segment);
  const ProductRun run{.matrix = &matrix,
                       .first = block.first_output,
                       .count = block.outputs,
                       .rows = block.rows,
                       .x = rows.x + block.first_row * sizes.bytes,
                       .x_stride = sizes.bytes,
                       .sums = sizes.sums == 0 ? nullptr : rows.sums + block.first_row * sizes.sums,
                       .sums_stride = sizes.sums,
                       .out = results.data(),
                       .out_stride = block.outputs};
  if (plan.UsesTiles(*block.segment)) return plan.tiles->many(run);
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
void Finish(const RowForm& form, const Product& product, const Block& block, size_t row,
            std::span<float> results) {
  const FloatType type = product.result_type;
  const size_t at = block.first_output * quant::SizeOf(type);
  if (!product.addends.empty()) {
    form.add(type, product.addends[row] + at, results.data(), results.size());
  }
  form.store(type, results.data(), product.y[row] + at, results.size());
}

// Lines that many rows of results will be written to, one or two of each row: asked for before they
// are computed, or all of them are waited for at the end.
void AskForResults(const Product& product, const Block& block) {
  const size_t size = quant::SizeOf(product.result_type);
  const size_t first = block.segment->first_row + block.first_row;
  for (size_t r = 0; r < block.rows; ++r) {
    const std::byte* const to = product.y[first + r] + block.first_output * size;
    __builtin_prefetch(to, 1, 2);
    __builtin_prefetch(to + block.outputs * size - 1, 1, 2);
  }
}

void ComputeBlock(const ProductPlan& plan, const Product& product, const Block& block,
                  const Arranged& rows) {
  const Segment& segment = *block.segment;
  const size_t count = block.rows * block.outputs;
  const Scratch scratch(2 * count * sizeof(float));
  const std::span results(reinterpret_cast<float*>(scratch.data()), count);
  const std::span gates(results.data() + count, count);
  if (plan.IsMany(segment)) AskForResults(product, block);
  Multiply(plan, segment.matrix, block, rows, results);
  const bool gated = product.gating != nullptr && segment.gate.matrix.outputs > 0;
  const RowForm& form = RowsHere();
  if (gated) Multiply(plan, segment.gate.matrix, block, rows, gates);
  for (size_t r = 0; r < block.rows; ++r) {
    const std::span row = results.subspan(r * block.outputs, block.outputs);
    Weigh(segment.factor, segment.bias, product.bias_type, block.first_output, row);
    if (product.gating != nullptr) {
      const std::span gate = gates.subspan(r * block.outputs, gated ? block.outputs : 0);
      Weigh(segment.gate.factor, segment.gate.bias, product.bias_type, block.first_output, gate);
      (*product.gating)(gate, row);
    }
    Finish(form, product, block, segment.first_row + block.first_row + r, row);
  }
}

// Threads that will wait for this loop's end, or for the next loop's begin, fetch what they are
// likely to read then. Only loops over weights that are the same every time, and that are read as
// they lie, are worth remembering.
void TellWhatFollows(std::span<const PlannedProduct> products, core::ThreadPool& pool) {
  std::vector<SuccessionPart> parts;
  parts.reserve(products.size());
  Succession& succession = Succession::OfThisThread();
  for (const auto& [plan, product] : products) {
    if (product.segments.size() != 1) return succession.EnterOther();
    const Segment& segment = product.segments.front();
    if (segment.rows > kFewRows || plan.IsMany(segment)) return succession.EnterOther();
    parts.push_back({.matrix = segment.matrix,
                     .gate = segment.gate.matrix,
                     .block_outputs = plan.few_outputs,
                     .blocks = (segment.matrix.outputs + plan.few_outputs - 1) / plan.few_outputs});
  }
  if (parts.empty()) return;
  const SuccessionStage* next = succession.Enter(std::move(parts));
  if (next == nullptr || next->blocks == 0) return;
  const size_t shares = std::min<size_t>(static_cast<size_t>(pool.threads()), next->blocks);
  pool.Expect(shares, [&](size_t share, core::Ahead* ahead) {
    return BeginningOf(*next, share, shares, ahead);
  });
}

}  // namespace

bool ProductPlan::IsMany(const Segment& segment) const { return segment.rows >= many_from; }

ProductPlan PlanWithForm(const Form& form, const Matrix& matrix) {
  const size_t element = form.bf16 ? 2 : sizeof(float);
  return {.form = &form,
          .few_order = form.few_order(matrix),
          .many_order = form.many_order(matrix),
          .x_bytes = RoundUp(matrix.inputs, kWidest) * element + 64,
          .sums = form.sums(matrix),
          .few_outputs = FewOutputs(matrix),
          .many_from = form.many_from,
          .tiles = nullptr};
}

ProductPlan PlanWithTiles(const TileForm& tiles, const Form& form, const Matrix& matrix) {
  ProductPlan plan = PlanWithForm(form, matrix);
  plan.tiles = &tiles;
  plan.many_from = kTilesFrom;
  return plan;
}

ProductPlan PlanProduct(const Matrix& matrix, FloatType type, core::Isa isa) {
  ProductPlan plan = PlanWithForm(FormFor(isa, matrix, type), matrix);
  if (const TileForm* tiles = TilesFor(isa, matrix, type); tiles != nullptr) {
    plan = PlanWithTiles(*tiles, *plan.form, matrix);
  }
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
  std::vector<std::vector<Arranged>> rows;
  std::vector<Blocks> blocks;
  std::vector<size_t> ends;
  rows.reserve(products.size());
  blocks.reserve(products.size());
  ends.reserve(products.size());
  std::byte* next = scratch.data();
  size_t total = 0;
  for (const PlannedProduct& planned : products) {
    const Product& product = planned.product;
    rows.push_back(Place(planned, next));
    ArrangeRows(planned.plan, product, rows.back(), pool);
    blocks.emplace_back(planned.plan, product.segments);
    total += blocks.back().count();
    ends.push_back(total);
  }
  TellWhatFollows(products, pool);
  pool.ParallelFor(total, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const auto which =
          static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), i) - ends.begin());
      const size_t within = i - (which == 0 ? 0 : ends[which - 1]);
      const Block block = blocks[which].At(within);
      ComputeBlock(products[which].plan, products[which].product, block,
                   rows[which][block.segment_index]);
    }
  });
}

}  // namespace ingot::kernels
