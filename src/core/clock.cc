#include "core/clock.h"

#include <chrono>
#include <cstdio>

namespace ingot::core {
namespace {

class SystemClock : public Clock {
 public:
  int64_t WallNs() const override { return NowOf<std::chrono::system_clock>(); }
  int64_t MonotonicNs() const override { return NowOf<std::chrono::steady_clock>(); }

 private:
  template <typename C>
  static int64_t NowOf() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(C::now().time_since_epoch())
        .count();
  }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

std::string Rfc3339(int64_t wall_ns) {
  using std::chrono::days;
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(wall_ns)};
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{floor<std::chrono::seconds>(time - day)};
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02ld:%02ld:%02ldZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<long>(clock.hours().count()),
                static_cast<long>(clock.minutes().count()),
                static_cast<long>(clock.seconds().count()));
  return text;
}

}  // namespace ingot::core
