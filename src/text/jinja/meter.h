// What one rendering may cost: steps of work, bytes of memory held at once, nesting. A template and
// the messages it renders come from strangers, so everything a template can do is charged here.
// One Meter belongs to one rendering, hence to one thread.
#ifndef INGOT_TEXT_JINJA_METER_H_
#define INGOT_TEXT_JINJA_METER_H_

#include <cstddef>
#include <cstdint>

#include "core/status.h"

namespace ingot::text::jinja {

struct Limits {
  uint64_t max_steps = 100'000'000;       // nodes evaluated, items visited, 64 bytes copied
  size_t max_output = size_t{64} << 20;   // bytes of the result, and of any one string
  size_t max_memory = size_t{512} << 20;  // bytes of values alive at once
  int max_depth = 1000;                   // nested evaluations: expressions, blocks, macro calls
  uint32_t max_nesting = 200;             // lists in lists
};

class Meter {
 public:
  explicit Meter(const Limits& limits) : limits_(limits) {}
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  const Limits& limits() const { return limits_; }

  core::Status Charge(uint64_t steps) {
    if (steps > limits_.max_steps - steps_) {
      steps_ = limits_.max_steps;
      return core::Exhausted("the template takes too many steps");
    }
    steps_ += steps;
    return {};
  }
  core::Status ChargeBytes(size_t bytes) { return Charge(bytes / 64 + 1); }
  uint64_t steps() const { return steps_; }

  core::Status Hold(size_t bytes) {
    if (bytes > limits_.max_memory - held_) {
      return core::Exhausted("the template's values take too much memory");
    }
    held_ += bytes;
    return {};
  }
  void Release(size_t bytes) { held_ -= bytes; }
  size_t held() const { return held_; }

  // Counts nested evaluations; false when one more would be too deep.
  bool Enter() { return depth_ < limits_.max_depth && (++depth_, true); }
  void Leave() { --depth_; }

 private:
  Limits limits_;
  uint64_t steps_ = 0;
  size_t held_ = 0;
  int depth_ = 0;
};

// Memory that an object holds of a meter until it goes. Objects made before any rendering (a
// template's constants, the messages) have no meter.
class Holding {
 public:
  Holding() = default;
  Holding(Meter* meter, size_t bytes) : meter_(meter), bytes_(bytes) {}
  Holding(Holding&& other) noexcept : meter_(other.meter_), bytes_(other.bytes_) {
    other.meter_ = nullptr;
  }
  Holding& operator=(Holding&&) = delete;
  ~Holding() {
    if (meter_ != nullptr) meter_->Release(bytes_);
  }

 private:
  Meter* meter_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_METER_H_
