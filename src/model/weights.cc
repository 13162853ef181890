#include "model/weights.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/strings.h"
#include "ops/bind.h"

namespace ingot::model {
namespace {

namespace mx = ops::mx;
using core::Result;
using core::Status;
using core::StrCat;
using ops::Array;

std::string ShapeText(std::span<const int> shape) {
  std::vector<std::string> dims;
  for (const int dim : shape) dims.push_back(StrCat(dim));
  return StrCat("[", core::Join(dims, ", "), "]");
}

bool SameShape(const tensor::Shape& stored, std::span<const int> expected) {
  return std::equal(stored.begin(), stored.end(), expected.begin(), expected.end(),
                    [](uint32_t a, int b) { return b >= 0 && a == static_cast<uint32_t>(b); });
}

std::vector<std::string_view> NamesOf(const StoredTensors& tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) names.push_back(tensors.name(i));
  return names;
}

bool IsPackedType(tensor::DType type) { return type == tensor::DType::kU32; }

}  // namespace

Weights::Weights(const StoredTensors& tensors, QuantConfig config, mx::Dtype type,
                 ops::ColumnForm columns)
    : tensors_(tensors),
      config_(std::move(config)),
      type_(type),
      columns_(columns),
      parts_(GroupParts(NamesOf(tensors))) {}

void Weights::UsePrefix(std::span<const std::string_view> candidates, std::string_view probe) {
  for (const std::string_view candidate : candidates) {
    if (parts_.contains(StrCat(candidate, probe))) {
      prefix_ = candidate;
      return;
    }
  }
}

const WeightParts* Weights::Find(std::string_view name, std::string* full) const {
  // Heads lie beside the prefix, not under it: both places are looked at.
  for (std::string candidate :
       {StrCat(prefix_, name), std::string(name), StrCat("language_model.", name)}) {
    const auto found = parts_.find(candidate);
    if (found == parts_.end()) continue;
    if (full != nullptr) *full = std::move(candidate);
    return &found->second;
  }
  return nullptr;
}

std::string Weights::FullName(std::string_view name) const { return StrCat(prefix_, name); }

bool Weights::Has(std::string_view name) const { return Find(name) != nullptr; }

std::optional<tensor::Shape> Weights::ShapeOf(std::string_view name) const {
  const WeightParts* parts = Find(name);
  if (parts == nullptr) return std::nullopt;
  return tensors_.shape(parts->weight);
}

Array Weights::Placeholder(std::span<const int> shape) const {
  return mx::zeros(mx::Shape(shape.begin(), shape.end()), type_);
}

void Weights::Missing(std::string_view name) { missing_.push_back(FullName(name)); }

void Weights::Need(ops::Form form, int width, std::string_view name) {
  Status found = ops::RequireForm(form, width);
  if (!found.ok()) Complain(std::move(found).Context(core::Printable(FullName(name))));
}

void Weights::Complain(const Status& status) { complaints_.emplace_back(status.message()); }

Result<Array> Weights::BindTensor(size_t index) const {
  INGOT_ASSIGN(const tensor::TensorView view, tensors_.View(index));
  INGOT_ASSIGN(const std::shared_ptr<const core::MappedFile> owner, tensors_.Mapping(index));
  // What a GPU has is not read again: it need not stay in this process's memory as well.
  const auto forget = [&](std::span<const std::byte> part) {
    owner->Release(static_cast<uint64_t>(part.data() - owner->bytes().data()), part.size());
  };
  return ops::Bind(view, owner, forget);
}

Result<ops::Weight> Weights::LoadPacked(std::string_view name, const WeightParts& parts,
                                        std::span<const int> shape) const {
  if (!parts.scale) {
    return core::Corrupt(StrCat(core::Printable(name),
                                ": packed in U32 words, and no scales for it: ", "neither ", name,
                                ".scale nor its plural form is stored"));
  }
  const PackedTensor packed{.name = name,
                            .codes = tensors_.shape(parts.weight),
                            .scales = tensors_.shape(*parts.scale),
                            .scale_type = tensors_.dtype(*parts.scale),
                            .has_biases = parts.quant_bias.has_value()};
  INGOT_ASSIGN(const quant::Format format,
               ResolveFormat(packed, config_, tensors_.MetadataOf(parts.weight)));
  std::vector<int> unpacked(packed.codes.begin(), packed.codes.end());
  const auto columns = quant::UnpackedColumns(format, packed.codes.back());
  unpacked.back() = columns ? static_cast<int>(*columns) : -1;
  if (!std::equal(unpacked.begin(), unpacked.end(), shape.begin(), shape.end())) {
    return core::Corrupt(StrCat(core::Printable(name), ": expected ", ShapeText(shape), ", found ",
                                ShapeText(unpacked), " packed as ", quant::Describe(format)));
  }
  if (parts.quant_bias && (tensors_.shape(*parts.quant_bias) != packed.scales ||
                           tensors_.dtype(*parts.quant_bias) != packed.scale_type)) {
    return core::Corrupt(StrCat(core::Printable(name), ": its zero points ",
                                ToString(tensors_.shape(*parts.quant_bias)), " and its scales ",
                                ToString(packed.scales), " differ"));
  }
  if (Status form = ops::RequireForm(ops::FormOf(format)); !form.ok()) {
    return std::move(form).Context(core::Printable(name));
  }
  INGOT_ASSIGN(Array codes, BindTensor(parts.weight));
  INGOT_ASSIGN(Array scales, BindTensor(*parts.scale));
  ops::QuantizedTensor result{std::move(codes), std::move(scales), {}, {}, format};
  if (parts.quant_bias) {
    INGOT_ASSIGN(Array biases, BindTensor(*parts.quant_bias));
    result.biases = std::move(biases);
  }
  if (parts.global_scale) {
    INGOT_ASSIGN(const Array global, BindTensor(*parts.global_scale));
    const size_t experts = shape.size() == 3 ? static_cast<size_t>(shape[0]) : 1;
    if (global.size() != 1 && global.size() != experts) {
      return core::Corrupt(StrCat(core::Printable(name), ": expected one global scale",
                                  experts > 1 ? StrCat(" or ", experts) : "", ", found ",
                                  global.size()));
    }
    result.global_scale = ops::ToFloat32(mx::flatten(global));
  }
  return ops::Weight(std::move(result));
}

Result<ops::Weight> Weights::LoadParts(std::string_view name, const WeightParts& parts,
                                       std::span<const int> shape) const {
  if (IsPackedType(tensors_.dtype(parts.weight))) return LoadPacked(name, parts, shape);
  if (!tensor::IsFloat(tensors_.dtype(parts.weight)) ||
      tensor::BitsOf(tensors_.dtype(parts.weight)) < 16) {
    return core::Unsupported(StrCat(core::Printable(name), ": ",
                                    tensor::NameOf(tensors_.dtype(parts.weight)),
                                    " weights have to be imported first"))
        .WithHint("Run `ingot create NAME -f DIR`.");
  }
  if (!SameShape(tensors_.shape(parts.weight), shape)) {
    return core::Corrupt(StrCat(core::Printable(name), ": expected ", ShapeText(shape), ", found ",
                                ToString(tensors_.shape(parts.weight))));
  }
  INGOT_ASSIGN(const Array stored, BindTensor(parts.weight));
  return ops::Weight(mx::astype(stored, type_));
}

ops::Weight Weights::Load(std::string_view name, std::span<const int> shape) {
  std::string full;
  const WeightParts* parts = Find(name, &full);
  if (parts == nullptr) {
    Missing(name);
    return Placeholder(shape);
  }
  Result<ops::Weight> weight = LoadParts(full, *parts, shape);
  if (weight.ok()) return *std::move(weight);
  Complain(weight.status());
  return Placeholder(shape);
}

ops::Linear Weights::Linear(std::string_view name, int outputs, int inputs) {
  ops::Linear linear{Load(StrCat(name, ".weight"), std::array{outputs, inputs}), {}};
  const std::string bias = StrCat(name, ".bias");
  if (Has(bias)) linear.bias = Dense(bias, std::array{outputs});
  return linear;
}

ops::Linear Weights::Table(std::string_view name, int rows, int width) {
  return {Load(StrCat(name, ".weight"), std::array{rows, width}), {}};
}

ops::Linear Weights::Head(std::string_view name, const ops::Linear& embedding, int rows,
                          int width) {
  return Has(StrCat(name, ".weight")) ? Linear(name, rows, width) : embedding;
}

Array Weights::Dense(std::string_view name, std::span<const int> shape) {
  return mx::astype(DenseFloat32(name, shape), type_);
}

Array Weights::DenseFloat32(std::string_view name, std::span<const int> shape) {
  std::string full;
  const WeightParts* parts = Find(name, &full);
  if (parts == nullptr) {
    Missing(name);
    return mx::astype(Placeholder(shape), mx::float32);
  }
  if (!SameShape(tensors_.shape(parts->weight), shape)) {
    Complain(core::Corrupt(StrCat(core::Printable(full), ": expected ", ShapeText(shape),
                                  ", found ", ToString(tensors_.shape(parts->weight)))));
    return mx::astype(Placeholder(shape), mx::float32);
  }
  const Result<Array> stored = BindTensor(parts->weight);
  if (stored.ok()) return ops::ToFloat32(*stored);
  Complain(stored.status());
  return mx::astype(Placeholder(shape), mx::float32);
}

std::optional<Array> Weights::StackBias(std::string_view name, int experts, int outputs) {
  for (const std::string& candidate : {StrCat(name, ".bias"), StrCat(name, "_bias")}) {
    if (Has(candidate)) return Dense(candidate, std::array{experts, outputs});
  }
  return std::nullopt;
}

std::optional<ops::ExpertStack> Weights::Stack(std::string_view name, int experts, int outputs,
                                               int inputs, StackOrder order) {
  for (const std::string& candidate : {StrCat(name, ".weight"), std::string(name)}) {
    if (!Has(candidate)) continue;
    const auto bias = StackBias(name, experts, outputs);
    if (order == StackOrder::kOutputsFirst) {
      return ops::ExpertStack{Load(candidate, std::array{experts, outputs, inputs}), bias};
    }
    const Array turned = Dense(candidate, std::array{experts, inputs, outputs});
    // Turned for good at the first use: kernels want rows in one piece.
    return ops::ExpertStack{mx::contiguous(mx::swapaxes(turned, 1, 2)), bias};
  }
  return std::nullopt;
}

Result<Array> Weights::BindExactly(std::string_view name, std::span<const int> shape,
                                   tensor::DType type) const {
  std::string full;
  const WeightParts* parts = Find(name, &full);
  if (parts == nullptr) return core::Corrupt(StrCat(core::Printable(name), " is missing"));
  const tensor::DType stored = tensors_.dtype(parts->weight);
  if (stored == type && SameShape(tensors_.shape(parts->weight), shape)) {
    return BindTensor(parts->weight);
  }
  return core::Corrupt(StrCat(core::Printable(full), ": expected ", tensor::NameOf(type), " ",
                              ShapeText(shape), ", found ", tensor::NameOf(stored), " ",
                              ToString(tensors_.shape(parts->weight))));
}

std::optional<ops::ExpertStack> Weights::Blocks(std::string_view name, int experts, int outputs,
                                                int inputs) {
  constexpr int kBlock = 32;
  constexpr int kBlockBytes = 16;
  const quant::Format format = {.mode = quant::Mode::kMxfp4, .bits = 4, .group_size = kBlock};
  if (!Has(StrCat(name, "_blocks"))) return std::nullopt;
  const std::array codes_shape = {experts, outputs, inputs / kBlock, kBlockBytes};
  const std::array scales_shape = {experts, outputs, inputs / kBlock};
  const Result<Array> codes = BindExactly(StrCat(name, "_blocks"), codes_shape, tensor::DType::kU8);
  const Result<Array> scales =
      BindExactly(StrCat(name, "_scales"), scales_shape, tensor::DType::kU8);
  if (!codes.ok() || !scales.ok()) {
    Complain(codes.ok() ? scales.status() : codes.status());
    return ops::ExpertStack{Placeholder(std::array{experts, outputs, inputs}), {}};
  }
  const auto words = static_cast<int>(quant::PackedWords(format, static_cast<uint64_t>(inputs)));
  const Array packed =
      mx::reshape(mx::view(mx::contiguous(*codes), mx::uint32), {experts, outputs, words});
  return ops::ExpertStack{ops::QuantizedTensor{packed, *scales, {}, {}, format},
                          StackBias(name, experts, outputs)};
}

Status Weights::Finish() const {
  std::vector<std::string> lines = complaints_;
  if (!missing_.empty()) {
    lines.push_back(StrCat(missing_.size(), missing_.size() == 1 ? " tensor is" : " tensors are",
                           " missing: ", core::Join(missing_, ", ")));
  }
  if (lines.empty()) return Status::Ok();
  return core::Corrupt(core::Join(lines, "; "));
}

}  // namespace ingot::model
