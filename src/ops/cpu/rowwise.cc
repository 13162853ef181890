#include "ops/cpu/rowwise.h"

#include <algorithm>
#include <cmath>
#include <deque>
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

namespace {

// y = bend(gate, up), number by number; without a gate of `up` alone. bend(gates, ups, out).
template <typename Bend>
Array Bent(const char* name, const std::optional<Array>& with, const Array& of, const Bend& bend) {
  std::vector<Array> inputs = {of};
  if (with) inputs.push_back(*with);
  const auto prepare = [bend](const std::vector<Array>& in, Array& out) -> Task {
    return [bend, up = Strided(in[0]), gate = Strided(in.back()), gated = in.size() > 1,
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
        bend(g, u);
        StoreFloats(type, u, y + row * width * quant::SizeOf(type) + at);
      });
    };
  };
  return CpuOp(name, of.shape(), of.dtype(), std::move(inputs), prepare);
}

}  // namespace

Array Activate(const MlpActivation& activation, const std::optional<Array>& gate, const Array& up) {
  return Bent("IngotActivation", gate, up, [activation](std::span<float> g, std::span<float> u) {
    BendRow(activation, g, u, u);
  });
}

bool ServesGate(const Array& x, const Array& gate) { return ServesActivation(gate, x); }

Array SigmoidGated(const Array& x, const Array& gate) {
  return Bent("IngotSigmoidGated", gate, x, [](std::span<float> g, std::span<float> u) {
    kernels::RowsHere().bend({.kind = kernels::BendKind::kSigmoid,
                              .gate = g.data(),
                              .up = u.data(),
                              .out = u.data(),
                              .count = u.size()});
  });
}

Array Softcap(const Array& x, float cap) {
  return Bent("IngotSoftcap", std::nullopt, x, [cap](std::span<float>, std::span<float> u) {
    kernels::RowsHere().bend({.kind = kernels::BendKind::kSoftcap,
                              .gate = nullptr,
                              .up = u.data(),
                              .out = u.data(),
                              .count = u.size(),
                              .limit = cap});
  });
}

bool ServesSum(const Array& base, std::span<const NormedRows> parts, const SumSpec& spec) {
  const auto normed = [&](const NormWeights& norm) { return IsRowNorm(norm, base); };
  return KernelsInUse() && base.ndim() > 0 && IsFloat(base) &&
         std::all_of(parts.begin(), parts.end(),
                     [&](const NormedRows& part) {
                       return part.rows.shape() == base.shape() &&
                              part.rows.dtype() == base.dtype() && normed(part.norm);
                     }) &&
         (!spec.norm || normed(*spec.norm)) &&
         (!spec.factor || (IsFloat(*spec.factor) && spec.factor->size() == 1));
}

namespace {

struct SumJob {
  struct Part {
    Strided rows;
    RowNorm norm;
  };
  Strided base;
  std::vector<Part> parts;
  std::optional<RowNorm> outer;
  std::optional<Strided> factor;
  FloatType factor_type;
  FloatType type;
  std::byte* y;

  void operator()() const {
    const RowsOf bases(base);
    const size_t width = base.shape.back();
    std::deque<RowsOf> rows;  // which stay where they are
    std::vector<std::vector<float>> factors;
    for (const Part& part : parts) {
      rows.emplace_back(part.rows);
      factors.push_back(Factors(part.norm.weight, part.norm.type));
    }
    std::vector<float> last;
    if (outer) last = Factors(outer->weight, outer->type);
    const float times = factor ? Factors(*factor, factor_type)[0] : 1;
    ForRows(bases.size(), width, [&](size_t r, std::span<float> buffer) {
      const std::span<float> sum = buffer.first(width);
      const std::span<float> one = buffer.subspan(width);
      for (size_t i = 0; i < parts.size(); ++i) {
        const std::span<float> part = i == 0 ? sum : one;
        LoadFloats(type, rows[i][r], part);
        NormRow(factors[i], parts[i].norm.eps, part);
        if (i > 0) AddScaled(one, 1, sum);
      }
      if (outer) NormRow(last, outer->eps, sum);
      kernels::AddFloats(type, bases[r], sum);
      if (factor) {
        for (float& value : sum) value *= times;
      }
      StoreFloats(type, sum, y + r * width * quant::SizeOf(type));
    });
  }
};

}  // namespace

Array AddNormed(const Array& base, std::span<const NormedRows> parts, const SumSpec& spec) {
  std::vector<Array> inputs = {base};
  for (const NormedRows& part : parts) inputs.push_back(part.rows);
  const size_t count = parts.size();
  std::vector<float> eps;
  for (const NormedRows& part : parts) {
    inputs.push_back(part.norm.weight);
    eps.push_back(part.norm.eps);
  }
  if (spec.norm) inputs.push_back(spec.norm->weight);
  if (spec.factor) inputs.push_back(*spec.factor);
  const std::optional<float> outer_eps = spec.norm ? std::optional(spec.norm->eps) : std::nullopt;
  const auto prepare = [count, eps = std::move(eps), outer_eps, scaled = spec.factor.has_value()](
                           const std::vector<Array>& in, Array& out) -> Task {
    std::vector<SumJob::Part> bound;
    for (size_t i = 0; i < count; ++i) {
      bound.push_back({Strided(in[1 + i]), RowNormOf(in[1 + count + i], eps[i])});
    }
    std::optional<RowNorm> outer;
    if (outer_eps) outer = RowNormOf(in[1 + 2 * count], *outer_eps);
    std::optional<Strided> factor;
    if (scaled) factor.emplace(in.back());
    return SumJob{.base = Strided(in[0]),
                  .parts = std::move(bound),
                  .outer = std::move(outer),
                  .factor = std::move(factor),
                  .factor_type = *FloatTypeOf(in.back().dtype()),
                  .type = *FloatTypeOf(out.dtype()),
                  .y = BytesOf(out)};
  };
  return CpuOp("IngotAddNormed", base.shape(), base.dtype(), std::move(inputs), prepare, 1 + count);
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
