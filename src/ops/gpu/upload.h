// Brings the bytes of weights into the memory of a GPU, once: through slabs on CUDA, in place on
// Metal, whose GPU reads the same memory.
//
// Used while a model loads, by one thread.
#ifndef INGOT_OPS_GPU_UPLOAD_H_
#define INGOT_OPS_GPU_UPLOAD_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "ops/array.h"

namespace ingot::ops::gpu {

// Far under a GiB, and large enough that a copy to the device runs at full speed.
constexpr size_t kSlabBytes = size_t{64} << 20;

// Called with what has been read of a file and will not be again.
using Forget = std::function<void(std::span<const std::byte>)>;

// A copy in the memory of the default device. No more than two slabs of it are in the host's memory
// at any time: each is on the device, and forgotten, before the next is read.
Array Upload(std::span<const std::byte> bytes, const mx::Shape& shape, mx::Dtype type,
             const Forget& forget = {}, size_t slab_bytes = kSlabBytes);

// The whole pages that hold a range of memory.
struct PageSpan {
  std::byte* begin = nullptr;
  size_t size = 0;
  size_t offset = 0;  // of the range in them
};
PageSpan PagesAround(std::span<const std::byte> bytes, size_t page);

// An array over mapped memory itself, or nothing where the device cannot read it or it is not
// aligned to its elements. release is called when the array is gone, and only if there was one.
std::optional<Array> InPlace(std::span<const std::byte> bytes, const mx::Shape& shape,
                             mx::Dtype type, std::function<void()> release);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_UPLOAD_H_
