#include "ops/cpu/attention.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <mlx/primitives.h>

#include "core/cpu.h"
#include "core/thread_pool.h"
#include "kernels/attend.h"
#include "kernels/form.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

using kernels::AttendQuery;
using kernels::AttendRun;
using kernels::kAttendRows;
using kernels::kVector;
using kernels::LoadFloats;
using kernels::RoundUp;
using kernels::Scratch;
using kernels::StoreFloats;
using quant::FloatType;

// [B, heads, columns, width] with whole rows.
struct Heads {
  explicit Heads(const Array& array) : from(array) {}
  size_t heads() const { return from.shape[1]; }
  size_t columns() const { return from.shape[2]; }
  size_t width() const { return from.shape[3]; }
  ptrdiff_t stride() const { return from.strides[2] * static_cast<ptrdiff_t>(from.item); }
  const std::byte* Row(size_t batch, size_t head, size_t column) const {
    const int64_t offset = static_cast<int64_t>(batch) * from.strides[0] +
                           static_cast<int64_t>(head) * from.strides[1] +
                           static_cast<int64_t>(column) * from.strides[2];
    return from.data + offset * static_cast<int64_t>(from.item);
  }
  Strided from;
};

struct Job {
  Heads q;
  Heads k;
  Heads v;
  const float* sinks;  // one a head of queries, or null
  float scale;
  size_t window;
  bool causal;
  bool merged;
  FloatType type;
  std::byte* y;

  // Queries that share a head of keys, counted column by column: row i is of the head
  // i % group of that head's, at column i / group.
  void operator()() const {
    const size_t group = q.heads() / k.heads();
    const size_t rows = group * q.columns();
    const size_t blocks = (rows + kAttendRows - 1) / kAttendRows;
    const size_t batches = q.from.shape[0];
    // Later columns see more keys, hence one block at a time: whoever is free takes the next.
    core::ThreadPool::Shared().ParallelFor(
        batches * k.heads() * blocks, 1, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            const size_t head = i / blocks;
            Block(head / k.heads(), head % k.heads(), group, i % blocks * kAttendRows, rows);
          }
        });
  }

 private:
  AttendQuery Sight(size_t head, size_t column) const {
    const size_t keys = k.columns();
    const float* sink = sinks == nullptr ? nullptr : sinks + head;
    if (!causal) return {0, keys, sink};
    const size_t end = keys - q.columns() + column + 1;
    return {window > 0 && end > window ? end - window : 0, end, sink};
  }

  std::byte* Result(size_t batch, size_t head, size_t column) const {
    const size_t row = merged ? (batch * q.columns() + column) * q.heads() + head
                              : (batch * q.heads() + head) * q.columns() + column;
    return y + row * v.width() * quant::SizeOf(type);
  }

  void Block(size_t batch, size_t key_head, size_t group, size_t first, size_t rows) const {
    const size_t count = std::min(kAttendRows, rows - first);
    const size_t q_stride = RoundUp(k.width(), kVector);
    const size_t out_stride = RoundUp(v.width(), kVector);
    const Scratch scratch(kAttendRows * (q_stride + out_stride) * sizeof(float));
    auto* queries = reinterpret_cast<float*>(scratch.data());
    std::array<AttendQuery, kAttendRows> sights{};
    for (size_t r = 0; r < count; ++r) {
      const size_t head = key_head * group + (first + r) % group;
      const size_t column = (first + r) / group;
      sights[r] = Sight(head, column);
      const std::span<float> row(queries + r * q_stride, q_stride);
      LoadFloats(type, q.Row(batch, head, column), row.first(k.width()));
      std::fill(row.begin() + static_cast<ptrdiff_t>(k.width()), row.end(), 0.0F);
    }
    float* out = queries + kAttendRows * q_stride;
    const AttendRun run{.type = type,
                        .rows = count,
                        .queries = sights.data(),
                        .q = queries,
                        .q_stride = q_stride,
                        .keys = k.columns(),
                        .key_rows = k.Row(batch, key_head, 0),
                        .key_stride = k.stride(),
                        .key_width = k.width(),
                        .value_rows = v.Row(batch, key_head, 0),
                        .value_stride = v.stride(),
                        .value_width = v.width(),
                        .scale = scale,
                        .out = out,
                        .out_stride = out_stride};
    kernels::FormFor(core::ActiveIsa(), kernels::Matrix{}, FloatType::kF32).attend(run);
    for (size_t r = 0; r < count; ++r) {
      StoreFloats(type, {out + r * out_stride, v.width()},
                  Result(batch, key_head * group + (first + r) % group, (first + r) / group));
    }
  }
};

}  // namespace

bool ServesAttention(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec) {
  const bool shaped = q.ndim() == 4 && k.ndim() == 4 && v.ndim() == 4 && k.shape(1) > 0 &&
                      q.shape(1) % k.shape(1) == 0 && k.shape(2) > 0 && q.shape(3) > 0 &&
                      (!spec.causal || k.shape(2) >= q.shape(2));
  return KernelsInUse() && shaped && FloatTypeOf(q.dtype()) && k.dtype() == q.dtype() &&
         v.dtype() == q.dtype() &&
         (!spec.sinks || spec.sinks->size() == static_cast<size_t>(q.shape(1)));
}

Array Attention(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec,
                bool merged) {
  std::vector<Array> inputs = {q, k, v};
  if (spec.sinks) inputs.push_back(mx::contiguous(ToFloat32(*spec.sinks)));
  const mx::Shape shape = merged ? mx::Shape{q.shape(0), q.shape(2), q.shape(1) * v.shape(3)}
                                 : mx::Shape{q.shape(0), q.shape(1), q.shape(2), v.shape(3)};
  // A single query may find its keys in any order: it sees them all, up to its window.
  const auto prepare = [scale = spec.scale, window = static_cast<size_t>(spec.window),
                        causal = spec.causal,
                        merged](const std::vector<Array>& in, Array& out) -> Task {
    const auto heads = [&](const Array& array) {
      const Strided found(array);
      return Heads(found.has_whole_rows() ? array
                                          : CopyInOnePiece(array, out.primitive().stream()));
    };
    return Job{.q = heads(in[0]),
               .k = heads(in[1]),
               .v = heads(in[2]),
               .sinks = in.size() > 3 ? in[3].data<float>() : nullptr,
               .scale = scale,
               .window = window,
               .causal = causal,
               .merged = merged,
               .type = *FloatTypeOf(out.dtype()),
               .y = BytesOf(out)};
  };
  return CpuOp("IngotAttention", shape, q.dtype(), std::move(inputs), prepare, 3);
}

}  // namespace ingot::ops::cpu
