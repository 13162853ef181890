#include "ops/cpu/rowwise.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/rows.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/bend.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/row_norm.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/turns.h"

namespace ingot::ops::cpu {
namespace {

using kernels::LoadFloats;
using kernels::Scratch;
using kernels::StoreFloats;
using quant::FloatType;

// Numbers that a thread takes at a time: some microseconds of work.
constexpr size_t kChunk = size_t{1} << 14;

// Calls body(row, buffer) for each row; the buffer has room for two rows of floats.
template <typename Body>
void ForRows(size_t rows, size_t width, const Body& body) {
  const size_t chunk = std::max<size_t>(1, kChunk / width);
  core::ThreadPool::Shared().ParallelFor(rows, chunk, [&](size_t begin, size_t end) {
    const Scratch scratch(2 * width * sizeof(float));
    const std::span<float> buffer(reinterpret_cast<float*>(scratch.data()), 2 * width);
    for (size_t r = begin; r < end; ++r) body(r, buffer);
  });
}

struct RopeJob {
  std::shared_ptr<const Turns> turns;
  Strided x;
  FloatType type;
  std::byte* y;

  void operator()() const {
    const RowsOf rows(x);
    const size_t width = x.shape.back();
    const size_t steps = x.shape[x.shape.size() - 2];
    ForRows(rows.size(), width, [&](size_t r, std::span<float> buffer) {
      const std::span<float> row = buffer.first(width);
      LoadFloats(type, rows[r], row);
      turns->Apply(r % steps, row);
      StoreFloats(type, row, y + r * width * quant::SizeOf(type));
    });
  }
};

bool IsFloat(const Array& x) { return FloatTypeOf(x.dtype()).has_value(); }

}  // namespace

bool ServesNorm(const Array& x, const std::optional<Array>& weight) {
  return KernelsInUse() && x.ndim() > 0 && IsFloat(x) && (!weight || IsFloat(*weight));
}

namespace {

// x / sqrt(mean(x²) + eps) · weight, which is `factor` where there is none.
Array Norm(const char* name, const Array& x, const std::optional<Array>& weight, float factor,
           float eps) {
  std::vector<Array> inputs = {x};
  if (weight) inputs.push_back(*weight);
  const auto prepare = [eps, factor](const std::vector<Array>& in, Array& out) -> Task {
    std::optional<Strided> w;
    if (in.size() > 1) w.emplace(in[1]);
    const FloatType w_type = *FloatTypeOf(in.back().dtype());
    return [eps, factor, w, w_type, x = Strided(in[0]), type = *FloatTypeOf(out.dtype()),
            y = BytesOf(out)] {
      const RowsOf rows(x);
      const size_t width = x.shape.back();
      std::vector<float> factors(width, factor);
      if (w) LoadFloats(w_type, RowsOf(*w)[0], factors);
      ForRows(rows.size(), width, [&](size_t r, std::span<float> buffer) {
        const std::span<float> row = buffer.first(width);
        LoadFloats(type, rows[r], row);
        NormRow(factors, eps, row);
        StoreFloats(type, row, y + r * width * quant::SizeOf(type));
      });
    };
  };
  return CpuOp(name, x.shape(), x.dtype(), std::move(inputs), prepare, 1);
}

}  // namespace

Array RmsNorm(const Array& x, const std::optional<Array>& weight, float eps) {
  return Norm("IngotRmsNorm", x, weight, 1, eps);
}

Array L2Norm(const Array& x, float eps) {
  // The sum is the mean times the width.
  const auto width = static_cast<float>(std::max(x.shape(-1), 1));
  return Norm("IngotL2Norm", x, std::nullopt, 1 / std::sqrt(width), eps / width);
}

bool ServesLayerNorm(const Array& x, const Array& weight, const std::optional<Array>& bias) {
  const auto fits = [&](const Array& vector) {
    return IsFloat(vector) && vector.ndim() == 1 && vector.shape(0) == x.shape(-1);
  };
  return KernelsInUse() && x.ndim() > 0 && IsFloat(x) && fits(weight) && (!bias || fits(*bias));
}

Array LayerNorm(const Array& x, const Array& weight, const std::optional<Array>& bias, float eps) {
  std::vector<Array> inputs = {x, weight};
  if (bias) inputs.push_back(*bias);
  const auto prepare = [eps](const std::vector<Array>& in, Array& out) -> Task {
    const auto type_of = [&](size_t i) { return *FloatTypeOf(in[i].dtype()); };
    std::optional<Strided> shifts;
    if (in.size() > 2) shifts.emplace(in[2]);
    return [eps, shifts, factors = Strided(in[1]), factor_type = type_of(1),
            shift_type = type_of(in.size() - 1), x = Strided(in[0]), type = type_of(0),
            y = BytesOf(out)] {
      const RowsOf rows(x);
      const size_t width = x.shape.back();
      const std::vector<float> scale = Factors(factors, factor_type);
      const std::vector<float> shift = shifts ? Factors(*shifts, shift_type) : std::vector<float>();
      ForRows(rows.size(), width, [&](size_t r, std::span<float> buffer) {
        const std::span<float> row = buffer.first(width);
        LoadFloats(type, rows[r], row);
        kernels::RowsHere().centre({.factors = scale.data(),
                                    .shifts = shift.empty() ? nullptr : shift.data(),
                                    .eps = eps,
                                    .row = row.data(),
                                    .count = width});
        StoreFloats(type, row, y + r * width * quant::SizeOf(type));
      });
    };
  };
  return CpuOp("IngotLayerNorm", x.shape(), x.dtype(), std::move(inputs), prepare, 1);
}

bool ServesActivation(const std::optional<Array>& gate, const Array& up) {
  return KernelsInUse() && up.ndim() > 0 && IsFloat(up) &&
         (!gate || (gate->dtype() == up.dtype() && gate->shape() == up.shape()));
}

Array Activate(const MlpActivation& activation, const std::optional<Array>& gate, const Array& up) {
  std::vector<Array> inputs = {up};
  if (gate) inputs.push_back(*gate);
  const auto prepare = [activation](const std::vector<Array>& in, Array& out) -> Task {
    return [activation, up = Strided(in[0]), gate = Strided(in.back()), gated = in.size() > 1,
            type = *FloatTypeOf(out.dtype()), y = BytesOf(out)] {
      const RowsOf ups(up);
      const RowsOf gates(gate);
      const size_t width = up.shape.back();
      // A row may be long and alone: pieces of it are what threads share.
      const size_t piece = std::min(width, kChunk / 4);
      const size_t pieces = (width + piece - 1) / piece;
      ForRows(ups.size() * pieces, piece, [&](size_t index, std::span<float> buffer) {
        const size_t row = index / pieces;
        const size_t from = index % pieces * piece;
        const size_t count = std::min(piece, width - from);
        const size_t at = from * quant::SizeOf(type);
        const std::span<float> u = buffer.first(count);
        const std::span<float> g = buffer.subspan(piece, gated ? count : 0);
        LoadFloats(type, ups[row] + at, u);
        if (gated) LoadFloats(type, gates[row] + at, g);
        BendRow(activation, g, u, u);
        StoreFloats(type, u, y + row * width * quant::SizeOf(type) + at);
      });
    };
  };
  return CpuOp("IngotActivation", up.shape(), up.dtype(), std::move(inputs), prepare);
}

bool ServesRope(const Array& x, const RopeSpec& spec) {
  return KernelsInUse() && x.ndim() >= 2 && IsFloat(x) && ServesTurns(spec, x.shape(-1));
}

Array Rope(const Array& x, const RopeSpec& spec, int offset) {
  const auto prepare = [turns = TurnsOf(spec, offset, x.shape(-2))](const std::vector<Array>& in,
                                                                    Array& out) -> Task {
    return RopeJob{
        .turns = turns, .x = Strided(in[0]), .type = *FloatTypeOf(out.dtype()), .y = BytesOf(out)};
  };
  return CpuOp("IngotRope", x.shape(), x.dtype(), {x}, prepare);
}

}  // namespace ingot::ops::cpu
