// The weights of a model, asked for by name and expected shape while the model is put together.
// Whatever the disk calls them and however they are packed, what comes back is ready to compute
// with. A tensor that is missing or has another shape is remembered, and Finish() lists them all.
//
// Used by one thread while a model loads; the arrays keep the mapped files alive by themselves.
#ifndef INGOT_MODEL_WEIGHTS_H_
#define INGOT_MODEL_WEIGHTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "model/parts.h"
#include "model/quant_config.h"
#include "model/stored_tensors.h"
#include "ops/experts.h"
#include "ops/forms.h"
#include "ops/linear.h"
#include "ops/packed_columns.h"

namespace ingot::model {

// Which axis of a stored stack comes first. Only stacks that are not packed can be turned.
enum class StackOrder : uint8_t { kOutputsFirst, kInputsFirst };

class Weights {
 public:
  // tensors outlives the object. type is what activations are computed in: dense weights are
  // brought to it, unless asked for otherwise. columns is how caches keep keys and values.
  Weights(const StoredTensors& tensors, QuantConfig config, ops::mx::Dtype type,
          ops::ColumnForm columns = ops::ColumnForm::kComputed);

  ops::mx::Dtype type() const { return type_; }
  ops::ColumnForm columns() const { return columns_; }

  // Names from here on follow the first of these prefixes under which `probe` exists.
  void UsePrefix(std::span<const std::string_view> candidates, std::string_view probe);
  // With the prefix, for messages.
  std::string FullName(std::string_view name) const;
  // Below the prefix, or as it stands.
  bool Has(std::string_view name) const;

  // <name>.weight [out, in], with <name>.bias [out] if that is there.
  ops::Linear Linear(std::string_view name, int outputs, int inputs);
  // A table of rows [rows, width]: <name>.weight.
  ops::Linear Table(std::string_view name, int rows, int width);
  // The output head: a table of its own if there is one, else the embedding's.
  ops::Linear Head(std::string_view name, const ops::Linear& embedding, int rows, int width);
  // A dense tensor of exactly this shape in the activations' type, or in fp32.
  ops::Array Dense(std::string_view name, std::span<const int> shape);
  ops::Array DenseFloat32(std::string_view name, std::span<const int> shape);
  // The shape of a stored tensor, for layouts that tell what a checkpoint is.
  std::optional<tensor::Shape> ShapeOf(std::string_view name) const;

  // A stack [experts, out, in], named with or without ".weight"; nullopt when there is none. Its
  // bias [experts, out] follows ".bias" or "_bias".
  std::optional<ops::ExpertStack> Stack(std::string_view name, int experts, int outputs, int inputs,
                                        StackOrder order = StackOrder::kOutputsFirst);
  // The same as <name>_blocks [experts, out, in/32, 16] and <name>_scales [experts, out, in/32],
  // bytes of four-bit floats and of powers of two.
  std::optional<ops::ExpertStack> Blocks(std::string_view name, int experts, int outputs,
                                         int inputs);
  // That the device computes `form` at this width; `name` is the layer that wants it.
  void Need(ops::Form form, int width, std::string_view name);
  // For forms that the caller puts together itself.
  void Missing(std::string_view name);
  void Complain(const core::Status& status);

  core::Status Finish() const;
  // The same for what was built from the weights.
  template <typename Base, typename Model>
  core::Result<std::unique_ptr<Base>> Finish(std::unique_ptr<Model> built) const {
    INGOT_TRY(Finish());
    return std::unique_ptr<Base>(std::move(built));
  }

 private:
  const WeightParts* Find(std::string_view name, std::string* full = nullptr) const;
  ops::Weight Load(std::string_view name, std::span<const int> shape);
  std::optional<ops::Array> StackBias(std::string_view name, int experts, int outputs);
  core::Result<ops::Array> BindExactly(std::string_view name, std::span<const int> shape,
                                       tensor::DType type) const;
  ops::Array Placeholder(std::span<const int> shape) const;
  core::Result<ops::Array> BindTensor(size_t index) const;
  core::Result<ops::Weight> LoadParts(std::string_view name, const WeightParts& parts,
                                      std::span<const int> shape) const;
  core::Result<ops::Weight> LoadPacked(std::string_view name, const WeightParts& parts,
                                       std::span<const int> shape) const;

  const StoredTensors& tensors_;
  QuantConfig config_;
  ops::mx::Dtype type_;
  ops::ColumnForm columns_;
  PartsByName parts_;
  std::string prefix_;
  std::vector<std::string> missing_;
  std::vector<std::string> complaints_;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_WEIGHTS_H_
