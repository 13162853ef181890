#include "ops/cpu/cpu_op.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

#include "ops/cpu/rows.h"
#include "ops/cpu/step.h"

namespace ingot::ops::cpu {
namespace {

// Inputs that the graph does not know of.
class Held {
 public:
  // Takes those from `first` on off the inputs, if all of them are in memory.
  Held(std::vector<Array>& inputs, size_t first) {
    if (first >= inputs.size()) return;
    const auto begin = inputs.begin() + static_cast<ptrdiff_t>(first);
    if (!std::all_of(begin, inputs.end(), [](const Array& a) { return a.is_available(); })) return;
    arrays_ = std::make_shared<const std::vector<Array>>(std::make_move_iterator(begin),
                                                         std::make_move_iterator(inputs.end()));
    inputs.erase(begin, inputs.end());
  }
  std::vector<Array> With(const std::vector<Array>& inputs) const {
    std::vector<Array> all = inputs;
    if (arrays_) all.insert(all.end(), arrays_->begin(), arrays_->end());
    return all;
  }
  // The task, and what it reads for as long as it may run: MLX keeps only the graph's inputs.
  Task For(Task task) const {
    if (!arrays_) return task;
    return [task = std::move(task), arrays = arrays_] { task(); };
  }

 private:
  std::shared_ptr<const std::vector<Array>> arrays_;
};

class CpuPrimitive : public mx::UnaryPrimitive {
 public:
  CpuPrimitive(const char* name, mx::Stream stream, Held held, Prepare prepare)
      : UnaryPrimitive(stream), name_(name), held_(std::move(held)), prepare_(std::move(prepare)) {}

  void eval_cpu(const std::vector<Array>& inputs, Array& out) override {
    out.set_data(mx::allocator::malloc(out.nbytes()));
    if (out.size() == 0) return;
    mx::cpu::get_command_encoder(stream()).dispatch(held_.For(prepare_(held_.With(inputs), out)));
  }
  void eval_gpu(const std::vector<Array>&, Array&) override {
    throw std::logic_error("a CPU kernel was sent to a GPU");
  }
  const char* name() const override { return name_; }

 private:
  const char* name_;
  Held held_;
  Prepare prepare_;
};

class CpuPrimitives : public mx::Primitive {
 public:
  CpuPrimitives(const char* name, mx::Stream stream, std::vector<int> in_place_of, Held held,
                PrepareAll prepare)
      : Primitive(stream),
        name_(name),
        in_place_of_(std::move(in_place_of)),
        held_(std::move(held)),
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
    encoder.dispatch(held_.For(prepare_(held_.With(inputs), outputs)));
  }
  void eval_gpu(const std::vector<Array>&, std::vector<Array>&) override {
    throw std::logic_error("a CPU kernel was sent to a GPU");
  }
  const char* name() const override { return name_; }

 private:
  const char* name_;
  std::vector<int> in_place_of_;
  Held held_;
  PrepareAll prepare_;
};

}  // namespace

namespace {

// On a GPU a CPU kernel would bring its inputs over and its results back, unasked and unseen: who
// chose it there has made a mistake.
mx::Stream StreamFor(const char* name) {
  if (mx::default_device() != mx::Device::cpu) {
    throw std::logic_error(std::string(name) + " was asked of the CPU while arrays are on a GPU");
  }
  return mx::default_stream(mx::Device::cpu);
}

}  // namespace

std::vector<Array> CpuOpOf(const char* name, const std::vector<ResultType>& results,
                           std::vector<Array> inputs, PrepareAll prepare, size_t weights_from) {
  if (StepScope* step = StepScope::Current()) {
    return step->Start(results, inputs, prepare);
  }
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> types;
  std::vector<int> in_place_of;
  for (const ResultType& result : results) {
    shapes.push_back(result.shape);
    types.push_back(result.type);
    in_place_of.push_back(result.in_place_of);
  }
  Held held(inputs, weights_from);
  auto primitive = std::make_shared<CpuPrimitives>(name, StreamFor(name), std::move(in_place_of),
                                                   std::move(held), std::move(prepare));
  return Array::make_arrays(std::move(shapes), types, std::move(primitive), inputs);
}

Array CpuOp(const char* name, const mx::Shape& shape, mx::Dtype type, std::vector<Array> inputs,
            Prepare prepare, size_t weights_from) {
  if (StepScope* step = StepScope::Current()) {
    const auto prepare_all = [&](const std::vector<Array>& in, std::vector<Array>& out) {
      return out.front().size() == 0 ? Task([] {}) : prepare(in, out.front());
    };
    return step->Start({{shape, type}}, inputs, prepare_all).front();
  }
  Held held(inputs, weights_from);
  return Array(
      shape, type,
      std::make_shared<CpuPrimitive>(name, StreamFor(name), std::move(held), std::move(prepare)),
      std::move(inputs));
}

}  // namespace ingot::ops::cpu
