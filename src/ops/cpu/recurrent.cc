#include "ops/cpu/recurrent.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/recur.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/conv_window.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

using kernels::kStateRows;
using quant::FloatType;

mx::Stream Stream() { return mx::default_stream(mx::Device::cpu); }

size_t Size(int value) { return static_cast<size_t>(value); }

// Multiplications that are worth taking from the pool.
constexpr size_t kChunk = size_t{1} << 14;

// fp32 numbers of an array whose last axis is in one piece: [batch, step, head, …].
struct Floats {
  // Copies the array first where it is in pieces.
  explicit Floats(const Array& array) : Floats(Strided(array), array) {}

  const float* At(size_t batch, size_t step, size_t head) const {
    return data + static_cast<ptrdiff_t>(batch) * strides[0] +
           static_cast<ptrdiff_t>(step) * strides[1] + static_cast<ptrdiff_t>(head) * strides[2];
  }
  ptrdiff_t step() const { return strides[1]; }

  const float* data;
  std::array<ptrdiff_t, 3> strides;

 private:
  Floats(const Strided& from, const Array& array)
      : Floats(array.ndim() < 4 || from.has_whole_rows()
                   ? from
                   : Strided(CopyInOnePiece(array, Stream()))) {}
  explicit Floats(const Strided& from)
      : data(reinterpret_cast<const float*>(from.data)),
        strides{from.strides[0], from.strides[1], from.strides[2]} {}
};

// Whether steps are taken a chunk at a time. Chunks end where states are kept.
bool InChunks(Parting parting, size_t steps, size_t keep_every) {
  if (parting == Parting::kAlike) return false;
  const size_t from = kernels::RecurHere().chunk.from;
  return steps >= from && (keep_every == 0 || keep_every >= from);
}

// What a layer's states look like, and the pieces that they are shared out in.
struct StateShape {
  size_t batch, steps, heads, rows, width;
  bool in_chunks;

  // Rows of a head that one thread takes through all steps. In chunks a head's rows share what its
  // keys have with each other, and are parted only where there are fewer heads than threads.
  size_t piece_rows() const {
    if (!in_chunks) return kStateRows;
    const size_t lanes = kernels::RecurHere().chunk.lanes;
    const auto threads = static_cast<size_t>(core::ThreadPool::Shared().threads());
    const size_t parts = (threads + batch * heads - 1) / std::max<size_t>(1, batch * heads);
    const size_t panels = (rows + lanes - 1) / lanes;
    return std::max<size_t>(1, (panels + parts - 1) / parts) * lanes;
  }

  // Calls body(batch, head, first row, rows) for every piece, on the pool.
  template <typename Body>
  void ForPieces(const Body& body) const {
    const size_t each = piece_rows();
    const size_t pieces = (rows + each - 1) / each;
    const size_t work = std::max<size_t>(1, steps * each * width * 3);
    core::ThreadPool::Shared().ParallelFor(
        batch * heads * pieces, std::max<size_t>(1, kChunk / work), [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            const size_t first = i % pieces * each;
            const size_t head = i / pieces;
            body(head / heads, head % heads, first, std::min(each, rows - first));
          }
        });
  }
};

// Rows of one head's state, taken through all steps in chunks: run(panels, work) with its panels.
template <typename Run>
void ThroughPanels(float* state, size_t rows, size_t width, const Run& run) {
  const size_t lanes = kernels::RecurHere().chunk.lanes;
  const size_t panel_floats = (kernels::PanelFloats(rows, width, lanes) + 15) / 16 * 16;
  const kernels::Scratch memory((panel_floats + kernels::ChunkFloats(width, lanes)) *
                                sizeof(float));
  auto* panels = reinterpret_cast<float*>(memory.data());
  kernels::PackPanels(state, rows, width, lanes, panels);
  run(panels, panels + panel_floats);
  kernels::UnpackPanels(panels, rows, width, lanes, state);
}

struct DeltaJob {
  StateShape shape;
  size_t key_heads;
  Floats q, k, v, decay, beta;
  float* state;  // [B, Hv, Dv, Dk]
  float* y;      // [B, T, Hv, Dv]
  float* kept;   // [B, T / keep_every, Hv, Dv, Dk], or null
  size_t keep_every;

  void operator()() const {
    const size_t of_head = shape.rows * shape.width;
    const size_t of_state = shape.heads * of_head;
    const size_t kept_states = keep_every == 0 ? 0 : shape.steps / keep_every;
    const auto row = static_cast<ptrdiff_t>(shape.heads * shape.rows);
    shape.ForPieces([&](size_t b, size_t h, size_t first, size_t rows) {
      const size_t g = h / (shape.heads / key_heads);
      const size_t at = h * of_head + first * shape.width;
      const kernels::DeltaRun run = {
          .steps = shape.steps,
          .rows = rows,
          .width = shape.width,
          .q = q.At(b, 0, g),
          .k = k.At(b, 0, g),
          .q_stride = q.step(),
          .k_stride = k.step(),
          .v = v.At(b, 0, h) + first,
          .v_stride = v.step(),
          .decay = decay.At(b, 0, h),
          .beta = beta.At(b, 0, h),
          .decay_stride = decay.step(),
          .beta_stride = beta.step(),
          .state = state + b * of_state + at,
          .y = y + (b * shape.steps * shape.heads + h) * shape.rows + first,
          .y_stride = row,
          .kept = kept_states == 0 ? nullptr : kept + b * kept_states * of_state + at,
          .keep_every = keep_every,
          .kept_stride = static_cast<ptrdiff_t>(of_state)};
      const kernels::RecurForm& form = kernels::RecurHere();
      if (!shape.in_chunks) return form.delta(run);
      ThroughPanels(run.state, rows, shape.width,
                    [&](float* panels, float* work) { form.chunk.delta(run, panels, work); });
    });
  }
};

struct ScanJob {
  StateShape shape;
  size_t groups;
  Floats x, step, input, output;
  const float* rate;
  const float* direct;
  float* state;  // [B, Hm, P, N]
  float* y;      // [B, T, Hm, P]

  void operator()() const {
    const auto row = static_cast<ptrdiff_t>(shape.heads * shape.rows);
    shape.ForPieces([&](size_t b, size_t h, size_t first, size_t rows) {
      const size_t g = h / (shape.heads / groups);
      const kernels::ScanRun run = {
          .steps = shape.steps,
          .rows = rows,
          .width = shape.width,
          .x = x.At(b, 0, h) + first,
          .x_stride = x.step(),
          .step = step.At(b, 0, h),
          .step_stride = step.step(),
          .rate = rate[h],
          .direct = direct[h],
          .input = input.At(b, 0, g),
          .output = output.At(b, 0, g),
          .input_stride = input.step(),
          .output_stride = output.step(),
          .state = state + ((b * shape.heads + h) * shape.rows + first) * shape.width,
          .y = y + (b * shape.steps * shape.heads + h) * shape.rows + first,
          .y_stride = row};
      const kernels::RecurForm& form = kernels::RecurHere();
      if (!shape.in_chunks) return form.scan(run);
      ThroughPanels(run.state, rows, shape.width,
                    [&](float* panels, float* work) { form.chunk.scan(run, panels, work); });
    });
  }
};

struct ConvJob {
  Strided u;       // [B, T, C]
  Strided tail;    // [B, K-1, C]
  Strided weight;  // [C, K]
  FloatType weight_type;
  FloatType type;
  float* y;          // [B, T, C]
  std::byte* after;  // [B, K-1, C]

  size_t steps() const { return u.shape[1]; }
  size_t channels() const { return u.shape[2]; }
  size_t taps() const { return weight.shape[1]; }

  void operator()() const {
    const ConvWindow window(u, tail);
    const RowsOf weights(weight);
    constexpr size_t kPiece = 256;   // channels
    constexpr size_t kStretch = 64;  // steps
    const size_t pieces = (channels() + kPiece - 1) / kPiece;
    const size_t stretches = (steps() + kStretch - 1) / kStretch;
    const size_t work = std::min(steps(), kStretch) * kPiece * taps();
    core::ThreadPool::Shared().ParallelFor(
        u.shape[0] * pieces * stretches, std::max<size_t>(1, kChunk / work),
        [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            const size_t c = i / stretches % pieces * kPiece;
            const size_t t = i % stretches * kStretch;
            Piece(window, weights, i / stretches / pieces, c, std::min(kPiece, channels() - c), t,
                  std::min(kStretch, steps() - t));
          }
        });
    window.CopyTail(after);
  }

 private:
  void Piece(const ConvWindow& window, const RowsOf& weights, size_t b, size_t c, size_t count,
             size_t first, size_t some) const {
    std::vector<float> own(taps() * count);  // taps by channels
    std::vector<float> one(taps());
    for (size_t i = 0; i < count; ++i) {
      kernels::LoadFloats(weight_type, weights[c + i], one);
      for (size_t tap = 0; tap < taps(); ++tap) own[tap * count + i] = one[tap];
    }
    std::vector<const std::byte*> rows(taps());
    for (size_t t = first; t < first + some; ++t) {
      for (size_t tap = 0; tap < taps(); ++tap) {
        rows[tap] = window.Row(b, t + tap) + c * quant::SizeOf(type);
      }
      kernels::RecurHere().conv({.type = type,
                                 .taps = taps(),
                                 .rows = rows.data(),
                                 .weights = own.data(),
                                 .weight_stride = count,
                                 .out = y + (b * steps() + t) * channels() + c,
                                 .count = count});
    }
  }
};

bool Divides(int part, int whole) { return part > 0 && whole % part == 0; }

}  // namespace

bool ServesConv(const Array& u, const Array& weight, const Array& tail) {
  return KernelsInUse() && FloatTypeOf(u.dtype()) && FloatTypeOf(weight.dtype()) && u.ndim() == 3 &&
         weight.ndim() == 2 && tail.ndim() == 3 && weight.shape(1) > 0 &&
         weight.shape(0) == u.shape(2) && tail.shape(0) == u.shape(0) &&
         tail.shape(1) == weight.shape(1) - 1 && tail.shape(2) == u.shape(2);
}

ConvResult CausalConv(const Array& u, const Array& weight, const Array& tail) {
  const auto prepare = [](const std::vector<Array>& in, std::vector<Array>& out) -> Task {
    return ConvJob{.u = Strided(in[0]),
                   .tail = Strided(in[1]),
                   .weight = Strided(in[2]),
                   .weight_type = *FloatTypeOf(in[2].dtype()),
                   .type = *FloatTypeOf(in[0].dtype()),
                   .y = out[0].data<float>(),
                   .after = BytesOf(out[1])};
  };
  std::vector<Array> made =
      CpuOpOf("IngotCausalConv", {{u.shape(), mx::float32}, {tail.shape(), u.dtype()}},
              {u, ToTypeOf(tail, u), weight}, prepare, 2);
  return {made[0], made[1]};
}

bool ServesDelta(const DeltaInputs& in, const Array& state) {
  return KernelsInUse() && in.v.ndim() == 4 && in.k.ndim() == 4 && in.v.shape(1) > 0 &&
         in.q.shape() == in.k.shape() && Divides(in.k.shape(2), in.v.shape(2)) &&
         state.shape() == mx::Shape{in.v.shape(0), in.v.shape(2), in.v.shape(3), in.k.shape(3)};
}

DeltaResult GatedDelta(const DeltaInputs& in, const Array& state, int keep_every, Parting parting) {
  const mx::Shape& values = in.v.shape();
  const StateShape shape{.batch = Size(values[0]),
                         .steps = Size(values[1]),
                         .heads = Size(values[2]),
                         .rows = Size(values[3]),
                         .width = Size(in.k.shape(3)),
                         .in_chunks = InChunks(parting, Size(values[1]), Size(keep_every))};
  std::vector<ResultType> results = {{values, mx::float32}, {state.shape(), mx::float32, 5}};
  if (keep_every > 0) {
    mx::Shape kept = state.shape();
    kept.insert(kept.begin() + 1, values[1] / keep_every);
    results.push_back({kept, mx::float32});
  }
  const auto prepare = [shape, key_heads = Size(in.k.shape(2)), keep_every = Size(keep_every)](
                           const std::vector<Array>& from, std::vector<Array>& out) -> Task {
    return DeltaJob{.shape = shape,
                    .key_heads = key_heads,
                    .q = Floats(from[0]),
                    .k = Floats(from[1]),
                    .v = Floats(from[2]),
                    .decay = Floats(from[3]),
                    .beta = Floats(from[4]),
                    .state = out[1].data<float>(),
                    .y = out[0].data<float>(),
                    .kept = out.size() > 2 ? out[2].data<float>() : nullptr,
                    .keep_every = keep_every};
  };
  std::vector<Array> made = CpuOpOf("IngotGatedDelta", results,
                                    {ToFloat32(in.q), ToFloat32(in.k), ToFloat32(in.v),
                                     ToFloat32(in.decay), ToFloat32(in.beta), ToFloat32(state)},
                                    prepare);
  DeltaResult result{ToTypeOf(made[0], in.v), made[1], {}};
  if (keep_every > 0) result.between = made[2];
  return result;
}

bool ServesScan(const ScanInputs& in, const Array& state) {
  return KernelsInUse() && in.x.ndim() == 4 && in.input.ndim() == 4 && in.x.shape(1) > 0 &&
         in.output.shape() == in.input.shape() && Divides(in.input.shape(2), in.x.shape(2)) &&
         state.shape() == mx::Shape{in.x.shape(0), in.x.shape(2), in.x.shape(3), in.input.shape(3)};
}

ScanResult SelectiveScan(const ScanInputs& in, const Array& state, Parting parting) {
  const mx::Shape& x = in.x.shape();
  const StateShape shape{.batch = Size(x[0]),
                         .steps = Size(x[1]),
                         .heads = Size(x[2]),
                         .rows = Size(x[3]),
                         .width = Size(in.input.shape(3)),
                         .in_chunks = InChunks(parting, Size(x[1]), 0)};
  const auto prepare = [shape, groups = Size(in.input.shape(2))](const std::vector<Array>& from,
                                                                 std::vector<Array>& out) -> Task {
    return ScanJob{.shape = shape,
                   .groups = groups,
                   .x = Floats(from[0]),
                   .step = Floats(from[1]),
                   .input = Floats(from[2]),
                   .output = Floats(from[3]),
                   .rate = from[5].data<float>(),
                   .direct = from[6].data<float>(),
                   .state = out[1].data<float>(),
                   .y = out[0].data<float>()};
  };
  const std::vector<Array> made = CpuOpOf(
      "IngotSelectiveScan", {{x, mx::float32}, {state.shape(), mx::float32, 4}},
      {ToFloat32(in.x), ToFloat32(in.step), ToFloat32(in.input), ToFloat32(in.output),
       ToFloat32(state), mx::contiguous(ToFloat32(in.rate)), mx::contiguous(ToFloat32(in.direct))},
      prepare);
  return {ToTypeOf(made[0], in.x), made[1]};
}

}  // namespace ingot::ops::cpu
