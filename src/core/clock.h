// Time, behind an interface so that tests of ages and timeouts need not wait. Thread-safe.
#ifndef INGOT_CORE_CLOCK_H_
#define INGOT_CORE_CLOCK_H_

#include <cstdint>
#include <string>

namespace ingot::core {

class Clock {
 public:
  virtual ~Clock() = default;
  static Clock& System();
  virtual int64_t WallNs() const = 0;       // since the Unix epoch
  virtual int64_t MonotonicNs() const = 0;  // for durations
};

// In UTC. "2026-11-21T08:15:30Z", or to the millisecond: "2026-11-21T08:15:30.125Z".
std::string Rfc3339(int64_t wall_ns);
std::string Rfc3339Millis(int64_t wall_ns);

}  // namespace ingot::core

#endif  // INGOT_CORE_CLOCK_H_
