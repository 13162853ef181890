#include "server/context.h"

#include <algorithm>

namespace ingot::server {

Refusal Ending(const Context& context) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr int64_t kMost = 60;
  const int64_t left = context.drained_ns - context.clock.MonotonicNs();
  const int64_t seconds = std::clamp<int64_t>((left + kSecond - 1) / kSecond, 1, kMost);
  return {core::Status(core::Code::kBusy, "the server is ending"), static_cast<int>(seconds)};
}

}  // namespace ingot::server
