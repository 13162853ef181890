// A clock that stands still until a test moves it. Thread-safe.
#ifndef INGOT_TESTS_TESTING_FAKE_CLOCK_H_
#define INGOT_TESTS_TESTING_FAKE_CLOCK_H_

#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/clock.h"

namespace ingot::testing {

class FakeClock final : public core::Clock {
 public:
  // 2026-01-01T00:00:00Z unless told.
  explicit FakeClock(int64_t wall_ns = 1'767'225'600'000'000'000) : wall_ns_(wall_ns) {}

  int64_t WallNs() const override { return wall_ns_; }
  int64_t MonotonicNs() const override { return monotonic_ns_; }

  void Advance(std::chrono::nanoseconds by) {
    wall_ns_ += by.count();
    monotonic_ns_ += by.count();
  }
  // The wall clock alone, as when somebody sets the time.
  void SetWallNs(int64_t wall_ns) { wall_ns_ = wall_ns; }

 private:
  std::atomic<int64_t> wall_ns_;
  std::atomic<int64_t> monotonic_ns_{1'000'000'000};
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_TESTING_FAKE_CLOCK_H_
