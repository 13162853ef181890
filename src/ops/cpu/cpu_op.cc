#include "ops/cpu/cpu_op.h"

#include <memory>
#include <stdexcept>
#include <utility>

#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

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

}  // namespace

Array CpuOp(const char* name, const mx::Shape& shape, mx::Dtype type, std::vector<Array> inputs,
            Prepare prepare) {
  return Array(
      shape, type,
      std::make_shared<CpuPrimitive>(name, mx::default_stream(mx::Device::cpu), std::move(prepare)),
      std::move(inputs));
}

}  // namespace ingot::ops::cpu
