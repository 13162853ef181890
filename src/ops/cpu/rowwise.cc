#include "ops/cpu/rowwise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/bend.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

using kernels::LoadFloats;
using kernels::Scratch;
using kernels::StoreFloats;
using quant::FloatType;

// Numbers that a thread takes at a time: some microseconds of work.
constexpr size_t kChunk = size_t{1} << 14;

// The rows of an array that may be strided, as long as this lives.
class RowsOf {
 public:
  explicit RowsOf(const Strided& array)
      : copy_(array.has_whole_rows() ? 0 : array.bytes()), rows_(array.Rows()) {
    if (array.has_whole_rows()) return;
    array.CopyTo(copy_.data());
    const size_t bytes = array.bytes() / rows_.size();
    for (size_t r = 0; r < rows_.size(); ++r) rows_[r] = copy_.data() + r * bytes;
  }
  const std::byte* operator[](size_t row) const { return rows_[row]; }
  size_t size() const { return rows_.size(); }

 private:
  Scratch copy_;
  std::vector<const std::byte*> rows_;
};

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

// The same sum for any compiler: 16 lanes, then a tree.
float SumOfSquares(std::span<const float> values) {
  std::array<float, 16> lanes{};
  size_t i = 0;
  for (; i + lanes.size() <= values.size(); i += lanes.size()) {
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      lanes[lane] += values[i + lane] * values[i + lane];
    }
  }
  for (size_t lane = 0; i < values.size(); ++i, ++lane) lanes[lane] += values[i] * values[i];
  for (size_t half = lanes.size() / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

// A RopeSpec without its array, which is an input of the operation.
struct Turning {
  int dims;
  bool interleaved;
  float base;
  float scale;
  float magnitude;
};

// How fast each pair of dimensions turns, in radians a position.
std::vector<float> Rates(const Turning& spec, const float* wavelengths) {
  std::vector<float> rates;
  if (wavelengths == nullptr) {
    rates = PlainWavelengths(spec.dims, spec.base);
  } else {
    rates.assign(wavelengths, wavelengths + spec.dims / 2);
  }
  for (float& rate : rates) rate = 1.0F / rate;
  return rates;
}

struct Turn {
  float cosine;
  float sine;
};

// Turns one row that begins with the dimensions that turn.
void TurnRow(const Turning& spec, const Turn* turns, std::span<float> row) {
  const auto half = static_cast<size_t>(spec.dims / 2);
  for (size_t i = 0; i < half; ++i) {
    float& a = row[spec.interleaved ? 2 * i : i];
    float& b = row[spec.interleaved ? 2 * i + 1 : i + half];
    const float turned = a * turns[i].cosine - b * turns[i].sine;
    b = a * turns[i].sine + b * turns[i].cosine;
    a = turned;
  }
}

struct RopeJob {
  Turning spec;
  Strided x;
  FloatType type;
  const float* wavelengths;
  int offset;
  std::byte* y;

  void operator()() const {
    const RowsOf rows(x);
    const size_t width = x.shape.back();
    const size_t steps = x.shape[x.shape.size() - 2];
    const auto half = static_cast<size_t>(spec.dims / 2);
    const std::vector<float> rates = Rates(spec, wavelengths);
    // The same for all heads.
    const Scratch memory(steps * half * sizeof(Turn));
    Turn* turns = reinterpret_cast<Turn*>(memory.data());
    core::ThreadPool::Shared().ParallelFor(steps, 16, [&](size_t begin, size_t end) {
      for (size_t step = begin; step < end; ++step) {
        const float position = static_cast<float>(offset + static_cast<int>(step)) * spec.scale;
        for (size_t i = 0; i < half; ++i) {
          const float angle = position * rates[i];
          turns[step * half + i] = {std::cos(angle) * spec.magnitude,
                                    std::sin(angle) * spec.magnitude};
        }
      }
    });
    ForRows(rows.size(), width, [&](size_t r, std::span<float> buffer) {
      const std::span<float> row = buffer.first(width);
      LoadFloats(type, rows[r], row);
      TurnRow(spec, turns + r % steps * half, row);
      StoreFloats(type, row, y + r * width * quant::SizeOf(type));
    });
  }
};

bool IsFloat(const Array& x) { return FloatTypeOf(x.dtype()).has_value(); }

}  // namespace

bool ServesNorm(const Array& x, const std::optional<Array>& weight) {
  return KernelsInUse() && x.ndim() > 0 && IsFloat(x) && (!weight || IsFloat(*weight));
}

Array RmsNorm(const Array& x, const std::optional<Array>& weight, float eps) {
  std::vector<Array> inputs = {x};
  if (weight) inputs.push_back(*weight);
  const auto prepare = [eps](const std::vector<Array>& in, Array& out) -> Task {
    std::optional<Strided> w;
    if (in.size() > 1) w.emplace(in[1]);
    const FloatType w_type = *FloatTypeOf(in.back().dtype());
    return
        [eps, w, w_type, x = Strided(in[0]), type = *FloatTypeOf(out.dtype()), y = BytesOf(out)] {
          const RowsOf rows(x);
          const size_t width = x.shape.back();
          std::vector<float> factors(width, 1.0F);
          if (w) LoadFloats(w_type, RowsOf(*w)[0], factors);
          ForRows(rows.size(), width, [&](size_t r, std::span<float> buffer) {
            const std::span<float> row = buffer.first(width);
            LoadFloats(type, rows[r], row);
            const float mean = SumOfSquares(row) / static_cast<float>(width);
            const float inverse = 1.0F / std::sqrt(mean + eps);
            for (size_t i = 0; i < width; ++i) row[i] = row[i] * inverse * factors[i];
            StoreFloats(type, row, y + r * width * quant::SizeOf(type));
          });
        };
  };
  return CpuOp("IngotRmsNorm", x.shape(), x.dtype(), std::move(inputs), prepare);
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
  return KernelsInUse() && x.ndim() >= 2 && IsFloat(x) && spec.dims > 0 && spec.dims % 2 == 0 &&
         spec.dims <= x.shape(-1) &&
         (!spec.wavelengths || (spec.wavelengths->dtype() == mx::float32 &&
                                spec.wavelengths->size() * 2 == static_cast<size_t>(spec.dims)));
}

Array Rope(const Array& x, const RopeSpec& spec, int offset) {
  std::vector<Array> inputs = {x};
  if (spec.wavelengths) inputs.push_back(mx::contiguous(*spec.wavelengths));
  const Turning kept{.dims = spec.dims,
                     .interleaved = spec.interleaved,
                     .base = spec.base,
                     .scale = spec.scale,
                     .magnitude = spec.magnitude};
  const auto prepare = [kept, offset](const std::vector<Array>& in, Array& out) -> Task {
    return RopeJob{.spec = kept,
                   .x = Strided(in[0]),
                   .type = *FloatTypeOf(out.dtype()),
                   .wavelengths = in.size() > 1 ? in[1].data<float>() : nullptr,
                   .offset = offset,
                   .y = BytesOf(out)};
  };
  return CpuOp("IngotRope", x.shape(), x.dtype(), std::move(inputs), prepare);
}

}  // namespace ingot::ops::cpu
