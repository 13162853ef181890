#include "ops/cpu/linear.h"

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

#include "core/cpu.h"
#include "kernels/product.h"
#include "kernels/scratch.h"
#include "ops/cpu/choice.h"
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

  void Run() const {
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

// Inputs: x, then what WeightSpec lists.
class LinearPrimitive : public mx::UnaryPrimitive {
 public:
  LinearPrimitive(mx::Stream stream, WeightSpec spec) : UnaryPrimitive(stream), spec_(spec) {}

  void eval_cpu(const std::vector<Array>& inputs, Array& out) override {
    out.set_data(mx::allocator::malloc(out.nbytes()));
    if (out.size() == 0) return;
    const auto job =
        std::make_shared<const Job>(Job{.x = Strided(inputs[0]),
                                        .weight = BoundWeight(spec_, inputs, 1, stream()),
                                        .type = *FloatTypeOf(out.dtype()),
                                        .y = BytesOf(out)});
    mx::cpu::get_command_encoder(stream()).dispatch([job] { job->Run(); });
  }
  void eval_gpu(const std::vector<Array>&, Array&) override {
    throw std::logic_error("a CPU kernel was sent to a GPU");
  }
  const char* name() const override { return "IngotLinear"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* linear = dynamic_cast<const LinearPrimitive*>(&other);
    return linear != nullptr && linear->spec_ == spec_;
  }

 private:
  WeightSpec spec_;
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
  return Array(std::move(shape), x.dtype(),
               std::make_shared<LinearPrimitive>(mx::default_stream(mx::Device::cpu),
                                                 SpecOf(linear.weight, linear.bias)),
               std::move(inputs));
}

}  // namespace ingot::ops::cpu
