#include "ops/cpu/cpu_op.h"

#include <memory>
#include <stdexcept>
#include <utility>

#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

class CpuPrimitive : public mx::UnaryPrimitive {
 public:
  CpuPrimitive(const char* name, mx::Stream stream, Prepare prepare)
      : UnaryPrimitive(stream), name_(name), prepare_(std::move(prepare)) {}

  void eval_cpu(const std::vector<Array>& inputs, Array& out) override {
    out.set_data(mx::allocator::malloc(out.nbytes()));
    if (out.size() == 0) return;
    mx::cpu::get_command_encoder(stream()).dispatch(prepare_(inputs, out));
  }
  void eval_gpu(const std::vector<Array>&, Array&) override {
    throw std::logic_error("a CPU kernel was sent to a GPU");
  }
  const char* name() const override { return name_; }

 private:
  const char* name_;
  Prepare prepare_;
};

class CpuPrimitives : public mx::Primitive {
 public:
  CpuPrimitives(const char* name, mx::Stream stream, std::vector<int> in_place_of,
                PrepareAll prepare)
      : Primitive(stream),
        name_(name),
        in_place_of_(std::move(in_place_of)),
        prepare_(std::move(prepare)) {}

  void eval_cpu(const std::vector<Array>& inputs, std::vector<Array>& outputs) override {
    mx::cpu::CommandEncoder& encoder = mx::cpu::get_command_encoder(stream());
    // Each result has a list of the inputs; the others' would make every input look shared.
    for (Array& out : outputs) {
      if (&out.inputs() != &inputs) out.inputs().clear();
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      Array& out = outputs[i];
      const Array* old =
          in_place_of_[i] < 0 ? nullptr : &inputs[static_cast<size_t>(in_place_of_[i])];
      if (old != nullptr && old->is_donatable() && old->flags().row_contiguous) {
        out.copy_shared_buffer(*old);
        continue;
      }
      out.set_data(mx::allocator::malloc(out.nbytes()));
      if (old == nullptr) continue;
      encoder.dispatch([from = Strided(*old), to = BytesOf(out)] { from.CopyTo(to); });
    }
    encoder.dispatch(prepare_(inputs, outputs));
  }
  void eval_gpu(const std::vector<Array>&, std::vector<Array>&) override {
    throw std::logic_error("a CPU kernel was sent to a GPU");
  }
  const char* name() const override { return name_; }

 private:
  const char* name_;
  std::vector<int> in_place_of_;
  PrepareAll prepare_;
};

}  // namespace

std::vector<Array> CpuOpOf(const char* name, const std::vector<ResultType>& results,
                           const std::vector<Array>& inputs, PrepareAll prepare) {
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> types;
  std::vector<int> in_place_of;
  for (const ResultType& result : results) {
    shapes.push_back(result.shape);
    types.push_back(result.type);
    in_place_of.push_back(result.in_place_of);
  }
  auto primitive = std::make_shared<CpuPrimitives>(name, mx::default_stream(mx::Device::cpu),
                                                   std::move(in_place_of), std::move(prepare));
  return Array::make_arrays(std::move(shapes), types, std::move(primitive), inputs);
}

Array CpuOp(const char* name, const mx::Shape& shape, mx::Dtype type, std::vector<Array> inputs,
            Prepare prepare) {
  return Array(
      shape, type,
      std::make_shared<CpuPrimitive>(name, mx::default_stream(mx::Device::cpu), std::move(prepare)),
      std::move(inputs));
}

}  // namespace ingot::ops::cpu
