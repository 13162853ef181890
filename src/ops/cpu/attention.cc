#include "ops/cpu/attention.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <mlx/primitives.h>

#include "kernels/attend.h"
#include "kernels/pack.h"
#include "kernels/store.h"
#include "ops/cpu/attend_work.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"
#include "ops/packed_columns.h"

namespace ingot::ops::cpu {
namespace {

using kernels::AttendQuery;
using kernels::AttendRun;
using kernels::LoadFloats;
using kernels::StoreFloats;
using quant::FloatType;

// [B, heads, columns, width] with whole rows.
struct Heads {
  explicit Heads(const Array& array) : from(array), packed(IsPacked(array)) {}
  size_t heads() const { return from.shape[1]; }
  size_t columns() const { return from.shape[2]; }
  // Of a column: what a packed one holds.
  size_t width() const { return packed ? kernels::WidthOfPacked(from.shape[3]) : from.shape[3]; }
  ptrdiff_t stride() const { return from.strides[2] * static_cast<ptrdiff_t>(from.item); }
  const std::byte* Row(size_t batch, size_t head, size_t column) const {
    const int64_t offset = static_cast<int64_t>(batch) * from.strides[0] +
                           static_cast<int64_t>(head) * from.strides[1] +
                           static_cast<int64_t>(column) * from.strides[2];
    return from.data + offset * static_cast<int64_t>(from.item);
  }
  Strided from;
  bool packed;
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
  size_t value_width;
  FloatType type;  // of queries and results
  std::byte* y;

  // Queries that share a head of keys, counted column by column: row i is of the head
  // i % group of that head's, at column i / group.
  void operator()() const {
    const size_t group = q.heads() / k.heads();
    const size_t rows = group * q.columns();
    const size_t strips = (rows + kStripRows - 1) / kStripRows;
    const auto place = [&](size_t strip) {
      const size_t head = strip / strips;
      const size_t first = strip % strips * kStripRows;
      return Strip{.batch = head / k.heads(),
                   .key_head = head % k.heads(),
                   .first = first,
                   .rows = std::min(kStripRows, rows - first),
                   .group = group};
    };
    AttendAll({.strips = q.from.shape[0] * k.heads() * strips,
               .key_width = k.width(),
               .value_width = value_width,
               .see = [&](size_t i, AttendQuery* sights) { return See(place(i), sights); },
               .load = [&](size_t i, bool, AttendRun& run, float* to) { Load(place(i), run, to); },
               .store = [&](size_t i, const AttendRun& run) { Store(place(i), run); }});
  }

 private:
  struct Strip {
    size_t batch;
    size_t key_head;
    size_t first;
    size_t rows;
    size_t group;

    size_t Head(size_t row) const { return key_head * group + (first + row) % group; }
    size_t Column(size_t row) const { return (first + row) / group; }
  };

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
    return y + row * value_width * quant::SizeOf(type);
  }

  size_t See(const Strip& strip, AttendQuery* sights) const {
    for (size_t r = 0; r < strip.rows; ++r) sights[r] = Sight(strip.Head(r), strip.Column(r));
    return strip.rows;
  }

  void Load(const Strip& strip, AttendRun& run, float* to) const {
    for (size_t r = 0; r < strip.rows; ++r) {
      LoadFloats(type, q.Row(strip.batch, strip.Head(r), strip.Column(r)),
                 {to + r * run.q_stride, k.width()});
    }
    run.type = type;
    run.keys = k.columns();
    run.key_rows = k.Row(strip.batch, strip.key_head, 0);
    run.key_stride = k.stride();
    run.value_rows = v.Row(strip.batch, strip.key_head, 0);
    run.value_stride = v.stride();
    run.scale = scale;
    if (k.packed) run.key_scales = k.width();
    if (v.packed) run.value_scales = v.width();
  }

  void Store(const Strip& strip, const AttendRun& run) const {
    for (size_t r = 0; r < strip.rows; ++r) {
      StoreFloats(type, {run.out + r * run.out_stride, value_width},
                  Result(strip.batch, strip.Head(r), strip.Column(r)));
    }
  }
};

}  // namespace

bool ServesAttention(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec) {
  const bool packed = IsPacked(k) && IsPacked(v) && q.ndim() == 4 &&
                      WidthOfPacked(k) == q.shape(3) && WidthOfPacked(v) >= spec.value_width;
  const bool typed = packed || (k.dtype() == q.dtype() && v.dtype() == q.dtype());
  const bool shaped = q.ndim() == 4 && k.ndim() == 4 && v.ndim() == 4 && k.shape(1) > 0 &&
                      q.shape(1) % k.shape(1) == 0 && k.shape(2) > 0 && q.shape(3) > 0 &&
                      (!spec.causal || k.shape(2) >= q.shape(2));
  return KernelsInUse() && typed && shaped && FloatTypeOf(q.dtype()) &&
         (!spec.sinks || spec.sinks->size() == static_cast<size_t>(q.shape(1)));
}

Array Attention(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec,
                bool merged) {
  std::vector<Array> inputs = {q, k, v};
  if (spec.sinks) inputs.push_back(mx::contiguous(ToFloat32(*spec.sinks)));
  const int value_width = spec.value_width > 0 ? spec.value_width
                          : IsPacked(v)        ? WidthOfPacked(v)
                                               : v.shape(3);
  const mx::Shape shape = merged ? mx::Shape{q.shape(0), q.shape(2), q.shape(1) * value_width}
                                 : mx::Shape{q.shape(0), q.shape(1), q.shape(2), value_width};
  // A single query may find its keys in any order: it sees them all, up to its window.
  const auto prepare = [scale = spec.scale, window = static_cast<size_t>(spec.window),
                        causal = spec.causal, value_width = static_cast<size_t>(value_width),
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
               .value_width = value_width,
               .type = *FloatTypeOf(out.dtype()),
               .y = BytesOf(out)};
  };
  return CpuOp("IngotAttention", shape, q.dtype(), std::move(inputs), prepare, 3);
}

}  // namespace ingot::ops::cpu
