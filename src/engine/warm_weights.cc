#include "engine/warm_weights.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace ingot::engine {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kStride = size_t{16} << 20;  // between two reports

// One byte a page is enough to have it read. The sum is used, so that the reads stay.
unsigned Touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (size_t at = 0; at < bytes.size(); at += kPage) {
    sum += static_cast<unsigned>(*static_cast<const volatile std::byte*>(&bytes[at]));
  }
  return sum;
}

}  // namespace

core::Status WarmWeights(const model::StoredTensors& tensors, const LoadListener& progress) {
  LoadProgress at{.done = 0, .total = tensors.bytes()};
  for (size_t i = 0; i < tensors.size(); ++i) {
    INGOT_ASSIGN(const tensor::TensorView view, tensors.View(i));
    for (size_t begin = 0; begin < view.bytes.size(); begin += kStride) {
      const auto part = view.bytes.subspan(begin, std::min(kStride, view.bytes.size() - begin));
      Touch(part);
      at.done += part.size();
      if (progress && !progress(at)) return core::Cancelled("loading was given up");
    }
  }
  return core::Status::Ok();
}

}  // namespace ingot::engine
