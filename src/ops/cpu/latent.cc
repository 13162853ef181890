#include "ops/cpu/latent.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "core/cpu.h"
#include "core/thread_pool.h"
#include "kernels/product.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/row_norm.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/turns.h"
#include "ops/cpu/weight_arrays.h"

namespace ingot::ops::cpu {
namespace {

using kernels::Scratch;
using kernels::Segment;

// Numbers that a thread takes at a time: some microseconds of work.
constexpr size_t kChunk = size_t{1} << 14;

bool IsFloat(const Array& x) { return FloatTypeOf(x.dtype()).has_value(); }

struct TurnJob {
  Strided x;
  FloatType type;
  std::vector<float> factors;  // of the norm in front, or none
  float eps;
  std::shared_ptr<const Turns> turns;
  std::byte* y;

  void operator()() const {
    const RowsOf rows(x);
    const size_t width = x.shape.back();
    const size_t steps = x.shape[x.shape.size() - 2];
    const size_t front = width - 2 * turns->half;
    const size_t bytes = width * quant::SizeOf(type);
    const size_t chunk = std::max<size_t>(1, kChunk / width);
    core::ThreadPool::Shared().ParallelFor(rows.size(), chunk, [&](size_t begin, size_t end) {
      const Scratch scratch(width * sizeof(float));
      const std::span<float> row(reinterpret_cast<float*>(scratch.data()), width);
      for (size_t r = begin; r < end; ++r) {
        kernels::LoadFloats(type, rows[r], row);
        if (!factors.empty()) NormRow(factors, eps, row.first(front));
        turns->Apply(r % steps, row.subspan(front));
        kernels::StoreFloats(type, row, y + r * bytes);
      }
    });
  }
};

struct HeadsJob {
  Strided x;
  std::optional<Strided> tail;
  BoundWeight weight;
  FloatType type;
  size_t batch;
  size_t heads;
  size_t steps;
  std::byte* y;

  void operator()() const {
    const RowsOf rows(x);
    const size_t item = quant::SizeOf(type);
    const size_t kept = tail ? tail->shape.back() * item : 0;
    const size_t pitch = weight.outputs * item + kept;
    const size_t count = batch * heads * steps;
    std::vector<const std::byte*> from(count);
    std::vector<std::byte*> to(count);
    for (size_t r = 0; r < count; ++r) {
      from[r] = rows[Source(x, r)];
      to[r] = y + r * pitch;
    }
    std::vector<Segment> segments;
    segments.reserve(batch * heads);
    for (size_t s = 0; s < batch * heads; ++s) {
      segments.push_back({.matrix = weight.MatrixOf(s % heads),
                          .factor = weight.FactorOf(s % heads),
                          .bias = nullptr,
                          .first_row = s * steps,
                          .rows = steps});
    }
    kernels::Compute(PlanProduct(segments.front().matrix, type, core::ActiveIsa()),
                     {.segments = segments,
                      .type = type,
                      .result_type = type,
                      .bias_type = {},
                      .x = from,
                      .y = to},
                     core::ThreadPool::Shared());
    if (kept > 0) CopyTails(to, kept);
  }

 private:
  // Which row of an array with as many heads, or with one, stands at row r of the result.
  size_t Source(const Strided& array, size_t r) const {
    if (array.shape[1] == heads) return r;
    return r / (heads * steps) * steps + r % steps;
  }
  void CopyTails(const std::vector<std::byte*>& to, size_t bytes) const {
    const RowsOf rows(*tail);
    const size_t at = weight.outputs * quant::SizeOf(type);
    const size_t chunk = std::max<size_t>(1, 2 * kChunk / bytes);
    core::ThreadPool::Shared().ParallelFor(to.size(), chunk, [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) {
        std::memcpy(to[r] + at, rows[Source(*tail, r)], bytes);
      }
    });
  }
};

bool HasHeads(const Array& x, int heads) {
  return x.ndim() == 4 && (x.shape(1) == heads || x.shape(1) == 1);
}

}  // namespace

bool ServesNormAndTurn(const Array& x, const std::optional<NormWeights>& norm,
                       const RopeSpec& rope) {
  return KernelsInUse() && x.ndim() >= 2 && IsFloat(x) && ServesTurns(rope, x.shape(-1)) &&
         (!norm || (IsFloat(norm->weight) && norm->weight.ndim() == 1 &&
                    norm->weight.shape(0) + rope.dims == x.shape(-1)));
}

Array NormAndTurn(const Array& x, const std::optional<NormWeights>& norm, const RopeSpec& rope,
                  int offset) {
  std::vector<Array> inputs = {x};
  if (norm) inputs.push_back(norm->weight);
  const auto prepare = [eps = norm ? norm->eps : 0, normed = norm.has_value(),
                        turns = TurnsOf(rope, offset, x.shape(-2))](const std::vector<Array>& in,
                                                                    Array& out) -> Task {
    return [eps, normed, turns, x = Strided(in[0]), weight = Strided(in.back()),
            weight_type = *FloatTypeOf(in.back().dtype()), type = *FloatTypeOf(out.dtype()),
            y = BytesOf(out)] {
      TurnJob{.x = x,
              .type = type,
              .factors = normed ? Factors(weight, weight_type) : std::vector<float>(),
              .eps = eps,
              .turns = turns,
              .y = y}();
    };
  };
  return CpuOp("IngotNormAndTurn", x.shape(), x.dtype(), std::move(inputs), prepare, 1);
}

bool ReadsStack(const Weight& stack) { return KernelsInUse() && IsReadable(stack, std::nullopt); }

bool ServesHeads(const Weight& stack, const Array& x, const std::optional<Array>& tail) {
  if (!ReadsStack(stack) || !IsFloat(x)) return false;
  const Array* dense = std::get_if<Array>(&stack);
  const Array& stored = dense != nullptr ? *dense : std::get<QuantizedTensor>(stack).codes;
  return stored.ndim() == 3 && HasHeads(x, stored.shape(0)) &&
         (!tail || (HasHeads(*tail, stored.shape(0)) && tail->dtype() == x.dtype() &&
                    tail->shape(0) == x.shape(0) && tail->shape(2) == x.shape(2)));
}

Array ApplyHeads(const Weight& stack, const Array& x, const std::optional<Array>& tail) {
  std::vector<Array> inputs = {x};
  if (tail) inputs.push_back(*tail);
  const size_t weights_from = inputs.size();
  AppendArrays(stack, std::nullopt, inputs);
  const int heads = inputs[weights_from].shape(0);
  const int outputs = inputs[weights_from].shape(1);
  const mx::Shape shape = {x.shape(0), heads, x.shape(2), outputs + (tail ? tail->shape(3) : 0)};
  const auto prepare = [spec = SpecOf(stack, std::nullopt), weights_from](
                           const std::vector<Array>& in, Array& out) -> Task {
    std::optional<Strided> after;
    if (weights_from > 1) after.emplace(in[1]);
    return HeadsJob{
        .x = Strided(in[0]),
        .tail = std::move(after),
        .weight = BoundWeight(spec, in, weights_from, mx::default_stream(mx::Device::cpu)),
        .type = *FloatTypeOf(out.dtype()),
        .batch = static_cast<size_t>(out.shape(0)),
        .heads = static_cast<size_t>(out.shape(1)),
        .steps = static_cast<size_t>(out.shape(2)),
        .y = BytesOf(out)};
  };
  return CpuOp("IngotApplyHeads", shape, x.dtype(), std::move(inputs), prepare, weights_from);
}

}  // namespace ingot::ops::cpu
