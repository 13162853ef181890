#include "registry/retry.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include <curl/curl.h>

#include "core/interrupt.h"
#include "core/strings.h"

namespace ingot::registry {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSlice = 50'000'000;  // how soon an interruption is noticed

class SystemWaiter : public Waiter {
 public:
  core::Status Sleep(int64_t ns, const std::atomic<bool>* stop) override {
    while (true) {
      INGOT_TRY(core::CheckInterrupted());
      if (stop != nullptr && stop->load()) return core::Cancelled("given up");
      if (ns <= 0) return core::Status::Ok();
      const int64_t slice = std::min(ns, kSlice);
      std::this_thread::sleep_for(std::chrono::nanoseconds(slice));
      ns -= slice;
    }
  }
};

}  // namespace

Waiter& Waiter::System() {
  static SystemWaiter waiter;
  return waiter;
}

Backoff::Backoff(const RetryOptions& options, int attempts, uint64_t seed)
    : options_(options), attempts_(attempts), random_(seed) {}

std::optional<int64_t> Backoff::Next(std::optional<int64_t> retry_after_ns) {
  if (++failures_ >= attempts_) return std::nullopt;
  int64_t wait = options_.first_ns;
  for (int i = 1; i < failures_ && wait < options_.longest_ns; ++i) wait *= 2;
  wait = std::min(wait, options_.longest_ns);
  wait -= static_cast<int64_t>(random_() % static_cast<uint64_t>(wait / 2 + 1));
  if (retry_after_ns) {
    if (*retry_after_ns > options_.longest_asked_ns) return std::nullopt;
    wait = std::max(wait, *retry_after_ns);
  }
  return wait;
}

std::optional<int64_t> ParseRetryAfter(std::string_view text, int64_t wall_ns) {
  text = core::Trim(text);
  if (const auto seconds = core::ParseUint(text)) {
    return static_cast<int64_t>(std::min<uint64_t>(*seconds, 1'000'000)) * kSecond;
  }
  const time_t then = curl_getdate(std::string(text).c_str(), nullptr);
  if (then < 0) return std::nullopt;
  const int64_t wait = static_cast<int64_t>(then) - wall_ns / kSecond;
  return std::clamp<int64_t>(wait, 0, 1'000'000) * kSecond;
}

}  // namespace ingot::registry
