#include "ops/gpu/upload.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace ingot::ops::gpu {
namespace {

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

Array Upload(std::span<const std::byte> bytes, const mx::Shape& shape, mx::Dtype type,
             const Forget& forget, size_t slab_bytes) {
  if (bytes.empty()) return mx::zeros(shape, type);
  // As rows of a matrix, whose numbers stay small where a count of elements would not.
  const int columns = shape.size() < 2 ? 1 : shape.back();
  const size_t row_bytes = static_cast<size_t>(columns) * mx::size_of(type);
  const size_t rows = bytes.size() / row_bytes;
  const size_t step = std::max<size_t>(slab_bytes / row_bytes, 1);
  Array all = mx::zeros({static_cast<int>(rows), columns}, type);
  for (size_t begin = 0; begin < rows; begin += step) {
    const size_t count = std::min(step, rows - begin);
    const auto part = bytes.subspan(begin * row_bytes, count * row_bytes);
    mx::allocator::Data slab = mx::allocator::malloc(part.size());
    std::memcpy(slab.buffer().raw_ptr(), part.data(), part.size());
    const Array piece(std::move(slab), {static_cast<int>(count), columns}, type);
    // The only owner gives its memory on, so this writes in place.
    all =
        mx::slice_update(std::exchange(all, Array(0)), piece, mx::Shape{static_cast<int>(begin), 0},
                         mx::Shape{static_cast<int>(begin + count), columns});
    all.eval();
    if (forget) forget(part);
  }
  return mx::reshape(all, shape);
}

PageSpan PagesAround(std::span<const std::byte> bytes, size_t page) {
  const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t first = begin / page * page;
  const uintptr_t last = (begin + bytes.size() + page - 1) / page * page;
  return {reinterpret_cast<std::byte*>(first), last - first, begin - first};
}

std::optional<Array> InPlace(std::span<const std::byte> bytes, const mx::Shape& shape,
                             mx::Dtype type, std::function<void()> release) {
  const size_t item = mx::size_of(type);
  if (bytes.empty()) return std::nullopt;
  // What follows the file's end on its last page is zero, and belongs to the mapping.
  const PageSpan pages = PagesAround(bytes, PageSize());
  const size_t count = bytes.size() / item;
  const size_t first = pages.offset / item;
  if (pages.offset % item != 0 ||
      first + count > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return std::nullopt;
  }
  const mx::allocator::Buffer buffer = mx::allocator::make_buffer(pages.begin, pages.size);
  if (buffer.ptr() == nullptr) return std::nullopt;
  const auto end = static_cast<int>(first + count);
  const Array whole(mx::allocator::Data(buffer,
                                        [release = std::move(release)](mx::allocator::Buffer b) {
                                          mx::allocator::release(b);
                                          release();
                                        }),
                    {end}, type);
  return mx::reshape(mx::slice(whole, mx::Shape{static_cast<int>(first)}, mx::Shape{end}), shape);
}

}  // namespace ingot::ops::gpu
