#include "ops/cpu/linear.h"

#include <utility>
#include <vector>

#include "core/cpu.h"
#include "kernels/product.h"
#include "kernels/scratch.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/weight_arrays.h"

namespace ingot::ops::cpu {
namespace {

using kernels::Scratch;
using kernels::Segment;

// What is left to do once the graph has memory for everything.
struct Job {
  Strided x;
  BoundWeight weight;
  FloatType type;
  std::byte* y;

  void operator()() const {
    const Scratch copy(x.has_whole_rows() ? 0 : x.bytes());
    const size_t row_bytes = weight.whole.inputs * quant::SizeOf(type);
    std::vector<const std::byte*> from;
    if (x.has_whole_rows()) {
      from = x.Rows();
    } else {
      x.CopyTo(copy.data());
      for (size_t at = 0; at < x.bytes(); at += row_bytes) from.push_back(copy.data() + at);
    }
    std::vector<std::byte*> to(from.size());
    for (size_t r = 0; r < to.size(); ++r) {
      to[r] = y + r * weight.outputs * quant::SizeOf(type);
    }
    const Segment segment{.matrix = weight.MatrixOf(0),
                          .factor = weight.FactorOf(0),
                          .bias = weight.BiasOf(0),
                          .first_row = 0,
                          .rows = from.size()};
    kernels::Compute(PlanProduct(segment.matrix, type, core::ActiveIsa()),
                     {.segments = {&segment, 1},
                      .type = type,
                      .result_type = type,
                      .bias_type = weight.bias_type,
                      .x = from,
                      .y = to},
                     core::ThreadPool::Shared());
  }
};

}  // namespace

bool Serves(const Linear& linear, const Array& x) {
  return KernelsInUse() && FloatTypeOf(x.dtype()) && x.ndim() > 0 &&
         IsReadable(linear.weight, linear.bias);
}

Array Apply(const Linear& linear, const Array& x) {
  std::vector<Array> inputs = {x};
  AppendArrays(linear.weight, linear.bias, inputs);
  mx::Shape shape = x.shape();
  shape.back() = linear.outputs();
  const auto prepare = [spec = SpecOf(linear.weight, linear.bias)](const std::vector<Array>& in,
                                                                   Array& out) -> Task {
    return Job{.x = Strided(in[0]),
               .weight = BoundWeight(spec, in, 1, mx::default_stream(mx::Device::cpu)),
               .type = *FloatTypeOf(out.dtype()),
               .y = BytesOf(out)};
  };
  return CpuOp("IngotLinear", shape, x.dtype(), std::move(inputs), prepare, 1);
}

}  // namespace ingot::ops::cpu
