#include "core/progress_text.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"

namespace ingot::core {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ProgressEvent Event(uint64_t done, uint64_t total, double seconds, bool finished = false) {
  return {"verifying", ProgressUnit::kBytes, done, total, seconds, finished};
}

TEST(ProgressTextTest, ABarShowsShareAmountsRateAndTimeLeft) {
  EXPECT_EQ(ProgressBar(Event(1'000'000'000, 2'000'000'000, 4), 250e6, {80, true}),
            "verifying   50%  ▕██████████          ▏  1.0 GB of 2.0 GB  250 MB/s  4.0s left");
  EXPECT_EQ(ProgressBar(Event(500'000'000, 2'000'000'000, 4), 250e6, {80, false}),
            "verifying   25%  [#####...............]  500 MB of 2.0 GB  250 MB/s  6.0s left");
}

TEST(ProgressTextTest, ABarIsAlwaysNarrowerThanTheTerminal) {
  for (const bool unicode : {true, false}) {
    for (const bool finished : {true, false}) {
      for (int columns = 0; columns < 140; ++columns) {
        for (const uint64_t total : {0ull, 1ull, 2'000'000'000ull}) {
          for (const char* step :
               {"v", "verifying sha256:0123456789abcdef", "导入模型-模型-模型-模型"}) {
            ProgressEvent event = Event(1'000'000'000, total, 40, finished);
            event.step = step;
            const std::string bar = ProgressBar(event, 25e6, {columns, unicode});
            ASSERT_LT(DisplayColumns(bar), std::max(columns, 1)) << bar << " in " << columns;
            ASSERT_TRUE(IsValidUtf8(bar));
          }
        }
      }
    }
  }
}

TEST(ProgressTextTest, NarrowTerminalsKeepThePercentageLongest) {
  const ProgressEvent event = Event(1'000'000'000, 2'000'000'000, 4);
  EXPECT_EQ(ProgressBar(event, 250e6, {60, true}),
            "verifying   50%  1.0 GB of 2.0 GB  250 MB/s  4.0s left");
  EXPECT_EQ(ProgressBar(event, 250e6, {50, true}), "verifying   50%  250 MB/s  4.0s left");
  EXPECT_EQ(ProgressBar(event, 250e6, {30, true}), "verifying   50%  4.0s left");
  EXPECT_EQ(ProgressBar(event, 250e6, {20, true}), "verifying   50%");
  EXPECT_EQ(ProgressBar(event, 250e6, {10, true}), "verifying");
  EXPECT_EQ(ProgressBar(event, 250e6, {8, true}), "verify…");
}

TEST(ProgressTextTest, LongNamesAreCutAndNotWhatFollows) {
  ProgressEvent event = Event(1'000'000'000, 2'000'000'000, 4);
  event.step = std::string(200, 'x');
  const std::string bar = ProgressBar(event, 250e6, {80, true});
  EXPECT_THAT(bar, HasSubstr("xxx…   50%  1.0 GB of 2.0 GB  250 MB/s  4.0s left"));
  EXPECT_EQ(DisplayColumns(bar), 79);
}

TEST(ProgressTextTest, AnUnknownTotalShowsWhatWasDoneAndForHowLong) {
  EXPECT_EQ(ProgressBar(Event(1'000'000'000, 0, 4), 250e6, {80, true}),
            "verifying  1.0 GB  250 MB/s  4.0s");
}

TEST(ProgressTextTest, AHundredPercentMeansAll) {
  EXPECT_THAT(ProgressBar(Event(999'999, 1'000'000, 4), 1, {80, true}), HasSubstr(" 99%"));
  EXPECT_THAT(ProgressBar(Event(1'000'000, 1'000'000, 4), 1, {80, true}), HasSubstr("100%"));
  EXPECT_THAT(ProgressBar(Event(5'000'000, 1'000'000, 4), 1, {80, true}), HasSubstr("100%"))
      << "more than was announced";
}

TEST(ProgressTextTest, NoTimeLeftIsStatedBeforeItCanBeKnown) {
  EXPECT_THAT(ProgressBar(Event(1, 1'000'000, 0.2), 5, {80, true}), Not(HasSubstr("left")));
  EXPECT_THAT(ProgressBar(Event(0, 1'000'000, 50), 0, {80, true}), Not(HasSubstr("left")));
}

TEST(ProgressTextTest, StepNamesCannotDriveTheTerminal) {
  ProgressEvent event = Event(1, 2, 4);
  event.step = "x\x1b[2J\r\n\xff";
  for (const bool finished : {false, true}) {
    event.finished = finished;
    for (const std::string& text : {ProgressBar(event, 1, {200, true}), ProgressLine(event, 1)}) {
      EXPECT_THAT(text, HasSubstr("x\\x1b[2J\\x0d\\x0a\\xff"));
      EXPECT_EQ(text, Printable(text, 1000));
    }
  }
}

TEST(ProgressTextTest, LinesTellHowFarAStepIsAndHowItEnded) {
  EXPECT_EQ(ProgressLine(Event(1'000'000'000, 2'000'000'000, 40), 25e6),
            "verifying: 50%, 1.0 GB of 2.0 GB, 25 MB/s, 40s left");
  EXPECT_EQ(ProgressLine(Event(2'000'000'000, 2'000'000'000, 80, true), 25e6),
            "verifying: 2.0 GB in 1m20s (25 MB/s)");
  EXPECT_EQ(ProgressLine(Event(1'000'000'000, 2'000'000'000, 40, true), 25e6),
            "verifying: stopped at 1.0 GB of 2.0 GB after 40s");
  EXPECT_EQ(ProgressLine(Event(0, 0, 3, true), 0), "verifying: done in 3.0s");
  EXPECT_EQ(ProgressLine({"hashing", ProgressUnit::kItems, 3, 7, 10, false}, 0.3),
            "hashing: 42%, 3 of 7, 0.3/s, 13s left");
}

TEST(ProgressTextTest, WideCharactersTakeTwoColumnsAndMarksNone) {
  EXPECT_EQ(DisplayColumns(""), 0);
  EXPECT_EQ(DisplayColumns("abc é █"), 7);
  EXPECT_EQ(DisplayColumns("日本"), 4);
  EXPECT_EQ(DisplayColumns("e\xCC\x81"), 1) << "combining acute";
  EXPECT_EQ(DisplayColumns("🚀"), 2);
}

TEST(RateMeterTest, FollowsAChangeWithinSomeSecondsAndSmoothsOverIt) {
  RateMeter meter;
  double seconds = 0;
  uint64_t done = 0;
  const auto run = [&](double rate, double for_seconds) {
    double shown = 0;
    for (int i = 0; i < 10 * for_seconds; ++i) {
      seconds += 0.1;
      done += static_cast<uint64_t>(rate * 0.1);
      shown = meter.Update(done, seconds);
    }
    return shown;
  };
  EXPECT_NEAR(run(1e6, 20), 1e6, 1e3);
  const double soon = run(3e6, 1);
  EXPECT_GT(soon, 1.2e6);
  EXPECT_LT(soon, 1.8e6);
  EXPECT_NEAR(run(3e6, 20), 3e6, 5e4);
}

TEST(RateMeterTest, BeginsAgainWithANewStep) {
  RateMeter meter;
  EXPECT_EQ(meter.Update(0, 0), 0);
  EXPECT_EQ(meter.Update(1000, 1), 1000);
  EXPECT_EQ(meter.Update(0, 0), 0);
  EXPECT_EQ(meter.Update(10, 1), 10);
}

}  // namespace
}  // namespace ingot::core
