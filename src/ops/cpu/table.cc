#include "ops/cpu/table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "core/cpu.h"
#include "core/thread_pool.h"
#include "kernels/expand.h"
#include "kernels/store.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/weight_arrays.h"

namespace ingot::ops::cpu {
namespace {

using kernels::kStretch;

// Rows that a thread takes at once: some hundred thousand numbers.
constexpr size_t kRowsEach = 16;

struct Job {
  Strided ids;
  BoundWeight table;
  FloatType type;
  std::byte* y;

  void operator()() const {
    std::vector<int32_t> wanted(ids.count);
    ids.CopyTo(reinterpret_cast<std::byte*>(wanted.data()));
    core::ThreadPool::Shared().ParallelFor(wanted.size(), kRowsEach, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) Decode(wanted[i], i);
    });
  }

 private:
  void Decode(int32_t id, size_t to) const {
    const kernels::Matrix& matrix = table.whole;
    const bool there = id >= 0 && static_cast<size_t>(id) < matrix.outputs;
    std::array<float, kStretch> numbers;
    numbers.fill(std::numeric_limits<float>::quiet_NaN());
    std::byte* out = y + to * matrix.inputs * quant::SizeOf(type);
    for (size_t at = 0; at < matrix.inputs; at += kStretch) {
      const auto some = std::span(numbers).first(std::min(kStretch, matrix.inputs - at));
      if (there) {
        kernels::Expand(core::ActiveIsa(), matrix, static_cast<size_t>(id), at, some.size(),
                        some.data());
        if (const float* factor = table.FactorOf(0); factor != nullptr) {
          for (float& number : some) number *= *factor;
        }
      }
      kernels::StoreFloats(type, some, out + at * quant::SizeOf(type));
    }
  }
};

}  // namespace

bool ServesRows(const Linear& table, const Array& ids, mx::Dtype type) {
  return KernelsInUse() && ids.dtype() == mx::int32 && FloatTypeOf(type) &&
         IsReadable(table.weight, {});
}

Array Rows(const Linear& table, const Array& ids, mx::Dtype type) {
  std::vector<Array> inputs = {ids};
  AppendArrays(table.weight, {}, inputs);
  const auto prepare = [spec = SpecOf(table.weight, {})](const std::vector<Array>& in,
                                                         Array& out) -> Task {
    return Job{.ids = Strided(in[0]),
               .table = BoundWeight(spec, in, 1, mx::default_stream(mx::Device::cpu)),
               .type = *FloatTypeOf(out.dtype()),
               .y = BytesOf(out)};
  };
  mx::Shape shape = ids.shape();
  const auto* dense = std::get_if<Array>(&table.weight);
  const auto* codes = std::get_if<QuantizedTensor>(&table.weight);
  shape.push_back(dense != nullptr
                      ? dense->shape(-1)
                      : static_cast<int>(*quant::UnpackedColumns(
                            codes->format, static_cast<uint64_t>(codes->codes.shape(-1)))));
  return CpuOp("IngotRows", shape, type, std::move(inputs), prepare, 1);
}

}  // namespace ingot::ops::cpu
