#include "engine/busy.h"

#include <limits>

#include <gtest/gtest.h>

namespace ingot::engine {
namespace {

TEST(BusyTest, TheTimeGrowsWithWhatWaitsAndWithHowLongAnswersTake) {
  EXPECT_EQ(SecondsUntilTurn(0, 1, 3), 3);
  EXPECT_EQ(SecondsUntilTurn(4, 1, 3), 15);
  EXPECT_EQ(SecondsUntilTurn(4, 1, 6), 30);
  EXPECT_EQ(SecondsUntilTurn(63, 64, 7), 7);
  EXPECT_EQ(SecondsUntilTurn(127, 64, 7), 14);
  EXPECT_EQ(SecondsUntilTurn(2, 0, 1.5), 5) << "parts of a second count as one";
}

TEST(BusyTest, TheTimeHasBounds) {
  EXPECT_EQ(SecondsUntilTurn(0, 64, 0), 1);
  EXPECT_EQ(SecondsUntilTurn(100, 64, 0.001), 1);
  EXPECT_EQ(SecondsUntilTurn(512, 1, 30), 60);
  EXPECT_EQ(SecondsUntilTurn(std::numeric_limits<size_t>::max(), 1, 1e300), 60);
}

TEST(BusyTest, AStatusSaysWhenToComeAgain) {
  for (const int seconds : {1, 2, 60}) {
    const core::Status status = Busy("the queue is full", seconds);
    EXPECT_EQ(status.code(), core::Code::kBusy);
    EXPECT_EQ(BusySeconds(status), seconds) << status.hint();
    EXPECT_EQ(BusySeconds(core::Status(status).Context("the model")), seconds);
  }
  EXPECT_EQ(Busy("", 1).hint(), "Try again in 1 second.");
  EXPECT_EQ(BusySeconds(core::Status(core::Code::kBusy, "taken")), std::nullopt);
  EXPECT_EQ(BusySeconds(core::Status(core::Code::kBusy, "x").WithHint("Try again in a while.")),
            std::nullopt);
  EXPECT_EQ(BusySeconds(core::Internal("x").WithHint("Try again in 5 seconds.")), std::nullopt);
}

}  // namespace
}  // namespace ingot::engine
