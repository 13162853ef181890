#include "ops/bind.h"

#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "core/strings.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/upload.h"

namespace ingot::ops {
namespace {

std::optional<mx::Dtype> MlxType(tensor::DType type) {
  switch (type) {
    case tensor::DType::kBool:
      return mx::bool_;
    case tensor::DType::kU8:
    case tensor::DType::kF8E4M3:  // codes: whoever uses them knows what they mean
    case tensor::DType::kF8E8M0:
      return mx::uint8;
    case tensor::DType::kI8:
      return mx::int8;
    case tensor::DType::kU16:
      return mx::uint16;
    case tensor::DType::kI16:
      return mx::int16;
    case tensor::DType::kU32:
      return mx::uint32;
    case tensor::DType::kI32:
      return mx::int32;
    case tensor::DType::kU64:
      return mx::uint64;
    case tensor::DType::kI64:
      return mx::int64;
    case tensor::DType::kF16:
      return mx::float16;
    case tensor::DType::kBF16:
      return mx::bfloat16;
    case tensor::DType::kF32:
      return mx::float32;
    default:
      return std::nullopt;
  }
}

// MLX's CPU allocator keeps the length of a block in front of it, and a Buffer points there: one
// that points sizeof(size_t) bytes before foreign memory is read at that memory. Nothing reads or
// writes those bytes while the deleter is ours.
Array Share(const std::byte* bytes, mx::Shape shape, mx::Dtype type,
            std::function<void()> release) {
  auto* before = const_cast<std::byte*>(bytes) - sizeof(size_t);
  return Array(
      mx::allocator::Data(mx::allocator::Buffer(before),
                          [release = std::move(release)](mx::allocator::Buffer) { release(); }),
      std::move(shape), type);
}

bool ProbeSharing() {
  if (mx::default_device() != mx::Device::cpu) return false;
  alignas(64) static constexpr std::array<uint32_t, 4> kProbe = {0, 0, 7, 9};
  bool released = false;
  bool same = false;
  {
    const auto* bytes = reinterpret_cast<const std::byte*>(kProbe.data() + 2);
    Array array = Share(bytes, {2}, mx::uint32, [&released] { released = true; });
    same =
        static_cast<const void*>(array.data<uint32_t>()) == bytes && array.data<uint32_t>()[1] == 9;
  }
  return same && released;
}

bool IsAligned(const std::byte* bytes, size_t size) {
  return reinterpret_cast<uintptr_t>(bytes) % size == 0;
}

}  // namespace

bool CanShareMemory() {
  static const bool can = ProbeSharing();
  return can;
}

core::Result<Array> Bind(const tensor::TensorView& view, std::shared_ptr<const void> owner,
                         const gpu::Forget& forget) {
  const std::optional<mx::Dtype> type = MlxType(view.dtype);
  if (!type) {
    return core::Unsupported(core::StrCat(core::Printable(view.name), ": tensors of type ",
                                          tensor::NameOf(view.dtype), " cannot be computed with"));
  }
  mx::Shape shape;
  for (const uint32_t dim : view.shape) shape.push_back(static_cast<int>(dim));
  if (!view.bytes.empty() && CanShareMemory() && IsAligned(view.bytes.data(), mx::size_of(*type))) {
    return Share(view.bytes.data(), std::move(shape), *type, [owner = std::move(owner)] {});
  }
  if (gpu::BackEndInUse() == gpu::BackEnd::kMetal) {
    const std::optional<Array> shared = gpu::InPlace(view.bytes, shape, *type, [owner] {});
    if (shared) return *shared;
  }
  if (gpu::BackEndInUse() != gpu::BackEnd::kCpu)
    return gpu::Upload(view.bytes, shape, *type, forget);
  mx::allocator::Data copy = mx::allocator::malloc(view.bytes.size());
  if (!view.bytes.empty()) {
    std::memcpy(copy.buffer().raw_ptr(), view.bytes.data(), view.bytes.size());
  }
  return Array(std::move(copy), std::move(shape), *type);
}

}  // namespace ingot::ops
