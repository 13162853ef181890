#include "ops/cpu/packed_columns.h"

#include <utility>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/pack.h"
#include "kernels/rows.h"
#include "kernels/scratch.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

constexpr size_t kRowsAtOnce = 32;

// f(column, its place in the result, room for `width` floats) for each column.
template <typename F>
void ForColumns(const Strided& columns, size_t width, std::byte* out, size_t out_bytes, F f) {
  const RowsOf rows(columns);
  core::ThreadPool::Shared().ParallelFor(rows.size(), kRowsAtOnce, [&](size_t begin, size_t end) {
    const kernels::Scratch scratch(width * sizeof(float));
    auto* numbers = reinterpret_cast<float*>(scratch.data());
    for (size_t i = begin; i < end; ++i) f(rows[i], out + i * out_bytes, numbers);
  });
}

mx::Shape WithLast(mx::Shape shape, int last) {
  shape.back() = last;
  return shape;
}

}  // namespace

bool ServesPacking(const Array& columns) {
  return KernelsInUse() && FloatTypeOf(columns.dtype()) && columns.ndim() > 0;
}

bool ServesUnpacking(const Array& packed, mx::Dtype type) {
  return KernelsInUse() && FloatTypeOf(type) && packed.ndim() > 0;
}

Array PackColumns(const Array& columns) {
  const auto width = static_cast<size_t>(columns.shape(-1));
  const size_t bytes = kernels::PackedBytes(width);
  const auto prepare = [=](const std::vector<Array>& in, Array& out) -> Task {
    return [=, from = Strided(in[0]), type = *FloatTypeOf(in[0].dtype()), to = BytesOf(out)] {
      const kernels::RowForm& form = kernels::RowsHere();
      ForColumns(from, width, to, bytes, [&](const std::byte* row, std::byte* at, float* numbers) {
        form.load(type, row, numbers, width);
        form.pack(numbers, width, at);
      });
    };
  };
  return CpuOp("IngotPackColumns", WithLast(columns.shape(), static_cast<int>(bytes)), mx::int8,
               {columns}, prepare);
}

Array UnpackColumns(const Array& packed, int count, mx::Dtype type) {
  const size_t width = kernels::WidthOfPacked(static_cast<size_t>(packed.shape(-1)));
  const auto some = static_cast<size_t>(count);
  const auto prepare = [=](const std::vector<Array>& in, Array& out) -> Task {
    return [=, from = Strided(in[0]), type = *FloatTypeOf(out.dtype()), to = BytesOf(out)] {
      const kernels::RowForm& form = kernels::RowsHere();
      const size_t bytes = some * quant::SizeOf(type);
      ForColumns(from, some, to, bytes, [&](const std::byte* row, std::byte* at, float* numbers) {
        form.unpack(row, width, some, numbers);
        form.store(type, numbers, at, some);
      });
    };
  };
  return CpuOp("IngotUnpackColumns", WithLast(packed.shape(), count), type, {packed}, prepare);
}

}  // namespace ingot::ops::cpu
