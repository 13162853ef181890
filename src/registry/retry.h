// When to try again, and how long to wait before. Waiting goes through an interface, so that tests
// of minutes take none.
#ifndef INGOT_REGISTRY_RETRY_H_
#define INGOT_REGISTRY_RETRY_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

#include "core/status.h"

namespace ingot::registry {

// Thread-safe.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // kCancelled at once when the process is interrupted or *stop rises.
  virtual core::Status Sleep(int64_t ns, const std::atomic<bool>* stop) = 0;
  static Waiter& System();
};

struct RetryOptions {
  int64_t first_ns = 500'000'000;                     // doubled each time,
  int64_t longest_ns = int64_t{120} * 1'000'000'000;  // up to here
  int64_t longest_asked_ns =
      int64_t{600} * 1'000'000'000;  // a server that asks for more is not waited for
  int attempts = 10;                 // in a row without a byte
  int contact_attempts = 4;          // of the first request, where a wrong name shows
};

// Exponential, each wait between half of its length and all of it, so that clients that failed
// together do not come back together. One thread.
class Backoff {
 public:
  Backoff(const RetryOptions& options, int attempts, uint64_t seed);

  // Something was achieved: counting starts again.
  void Reset() { failures_ = 0; }
  // One more failure: how long to wait, or nullopt when it is time to give up. What the server
  // asked for is waited for at least.
  std::optional<int64_t> Next(std::optional<int64_t> retry_after_ns);
  int failures() const { return failures_; }

 private:
  const RetryOptions options_;
  const int attempts_;
  int failures_ = 0;
  std::mt19937_64 random_;
};

// The value of a Retry-After header, seconds or a date, from now on; nullopt when it is neither.
std::optional<int64_t> ParseRetryAfter(std::string_view text, int64_t wall_ns);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_RETRY_H_
