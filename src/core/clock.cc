#include "core/clock.h"

#include <chrono>
#include <cstdio>

namespace ingot::core {
namespace {

using std::chrono::nanoseconds;

class SystemClock final : public Clock {
 public:
  int64_t WallNs() const override {
    return nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  int64_t MonotonicNs() const override {
    return nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

// Rounded down, before the epoch too.
std::string Format(int64_t wall_ns, bool millis) {
  namespace chrono = std::chrono;
  const auto since_epoch = chrono::floor<chrono::milliseconds>(nanoseconds(wall_ns));
  const auto days = chrono::floor<chrono::days>(since_epoch);
  const chrono::year_month_day date{chrono::sys_days(days)};
  const chrono::hh_mm_ss time(since_epoch - days);
  char text[48];
  const int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  std::string out(text, static_cast<size_t>(length));
  if (millis) {
    std::snprintf(text, sizeof text, ".%03d", static_cast<int>(time.subseconds().count()));
    out += text;
  }
  return out + 'Z';
}

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

std::string Rfc3339(int64_t wall_ns) { return Format(wall_ns, false); }
std::string Rfc3339Millis(int64_t wall_ns) { return Format(wall_ns, true); }

}  // namespace ingot::core
