#include "core/clock.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "tests/testing/fake_clock.h"

namespace ingot::core {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(ClockTest, Rfc3339IsUtcToTheSecond) {
  EXPECT_EQ(Rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Rfc3339(1'795'248'930 * kSecond + 999'999'999), "2026-11-21T08:15:30Z");
  EXPECT_EQ(Rfc3339(951'782'400 * kSecond), "2000-02-29T00:00:00Z");
  EXPECT_EQ(Rfc3339(4'107'542'399 * kSecond), "2100-02-28T23:59:59Z");
  EXPECT_EQ(Rfc3339(4'107'542'400 * kSecond), "2100-03-01T00:00:00Z") << "2100 is no leap year";
}

TEST(ClockTest, Rfc3339RoundsDownBeforeTheEpochToo) {
  EXPECT_EQ(Rfc3339(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(Rfc3339Millis(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(Rfc3339(std::numeric_limits<int64_t>::min()), "1677-09-21T00:12:43Z");
  EXPECT_EQ(Rfc3339(std::numeric_limits<int64_t>::max()), "2262-04-11T23:47:16Z");
}

TEST(ClockTest, MillisecondsHaveThreeDigits) {
  EXPECT_EQ(Rfc3339Millis(7'999'999), "1970-01-01T00:00:00.007Z");
}

TEST(ClockTest, TheSystemClockIsOfThisEraAndNeverRunsBackwards) {
  const Clock& clock = Clock::System();
  EXPECT_GT(clock.WallNs(), 1'700'000'000 * kSecond);
  const int64_t before = clock.MonotonicNs();
  EXPECT_GE(clock.MonotonicNs(), before);
}

TEST(ClockTest, AFakeClockMovesWhenTold) {
  testing::FakeClock clock;
  EXPECT_EQ(Rfc3339(clock.WallNs()), "2026-01-01T00:00:00Z");
  const int64_t start = clock.MonotonicNs();
  clock.Advance(std::chrono::hours(1));
  EXPECT_EQ(Rfc3339(clock.WallNs()), "2026-01-01T01:00:00Z");
  clock.SetWallNs(0);
  EXPECT_EQ(clock.MonotonicNs() - start, 3600 * kSecond);
}

}  // namespace
}  // namespace ingot::core
