#include "text/token/utf8.h"

#include <gtest/gtest.h>

namespace ingot::text {
namespace {

std::string Repaired(std::string_view text) {
  std::string storage;
  return std::string(Repair(text, storage));
}

TEST(Utf8Test, LeavesGoodTextAlone) {
  const std::string text = "plain, naïve, 日本語, 👍🏽";
  std::string storage;
  EXPECT_EQ(Repair(text, storage).data(), text.data());
}

TEST(Utf8Test, ReplacesBrokenSequencesAsPythonDoes) {
  EXPECT_EQ(Repaired("a\x80z"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(Repaired("a\xE2\x82z"), "a\xEF\xBF\xBDz") << "one for the start of a character";
  EXPECT_EQ(Repaired("\xF0\x9F\x91"), "\xEF\xBF\xBD");
  EXPECT_EQ(Repaired("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "an overlong form";
  EXPECT_EQ(Repaired("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD") << "a surrogate";
  EXPECT_EQ(Repaired("\xF4\x90\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(Repaired("\xFF\xFE"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Utf8Test, TellsAnUnfinishedCharacterFromABrokenOne) {
  EXPECT_TRUE(MeasureBroken("\xE2\x82").unfinished);
  EXPECT_EQ(MeasureBroken("\xE2\x82").bytes, 2u);
  EXPECT_FALSE(MeasureBroken("\xE2\x82z").unfinished);
  EXPECT_FALSE(MeasureBroken("\xFF").unfinished);
  EXPECT_FALSE(MeasureBroken("\xE0\x80").unfinished) << "no character begins so";
  EXPECT_EQ(MeasureBroken("\xE0\x80").bytes, 1u);
}

TEST(Utf8Test, WritesAndReadsEveryLength) {
  for (const uint32_t point : {0x24u, 0xA2u, 0x20ACu, 0x10348u, 0x10FFFFu}) {
    std::string text;
    AppendPoint(text, point);
    EXPECT_EQ(ValidPrefix(text), text.size());
    EXPECT_EQ(PointAt(text, 0), point);
    EXPECT_EQ(Utf8Length(text[0]), text.size());
    EXPECT_EQ(PreviousStart(text, text.size()), 0u);
  }
}

}  // namespace
}  // namespace ingot::text
