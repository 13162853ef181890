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

}  // namespace
}  // namespace ingot::engine
