#include "core/strings.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ingot::core {
namespace {

TEST(StringsTest, StrCatJoinsTextAndNumbers) {
  EXPECT_EQ(StrCat("a", 'b', std::string("c"), 1, uint64_t{18446744073709551615u}, -2, 0.5),
            "abc118446744073709551615-20.5");
}

TEST(StringsTest, PrintableKeepsTextAndDisarmsTerminals) {
  EXPECT_EQ(Printable("plain ünïcode 日本"), "plain ünïcode 日本");
  EXPECT_EQ(Printable("\x1b[31mred\n"), "\\x1b[31mred\\x0a");
  EXPECT_EQ(Printable("\x7f"), "\\x7f");
  EXPECT_EQ(Printable("a\xc2\x9b!"), "a\\xc2\\x9b!") << "C1 control sequence introducer";
  EXPECT_EQ(Printable("a\xe2\x80\xae!"), "a\\xe2\\x80\\xae!") << "right-to-left override";
  EXPECT_EQ(Printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(Printable("abcdef", 3), "abc…");
}

TEST(StringsTest, Utf8ValidityIsStrict) {
  EXPECT_TRUE(IsValidUtf8("é日😀"));
  EXPECT_FALSE(IsValidUtf8("\xc0\x80")) << "overlong";
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80")) << "surrogate";
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80")) << "beyond U+10FFFF";
  EXPECT_FALSE(IsValidUtf8("\xe2\x82")) << "cut";
}

TEST(StringsTest, ParseUintTakesWholeNumbersOnly) {
  EXPECT_EQ(ParseUint("0"), 0u);
  EXPECT_EQ(ParseUint("18446744073709551615"), 18446744073709551615u);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1.0", "18446744073709551616", "0x1"}) {
    EXPECT_EQ(ParseUint(bad), std::nullopt) << bad;
  }
}

TEST(StringsTest, HumanFormsRoundIntoTheNextUnit) {
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1000), "1.0 KB");
  EXPECT_EQ(HumanBytes(999'499), "999 KB");
  EXPECT_EQ(HumanBytes(999'500), "1.0 MB");
  EXPECT_EQ(HumanBytes(9'940'000'000), "9.9 GB");
  EXPECT_EQ(HumanBytes(~uint64_t{0}), "18 EB");
  EXPECT_EQ(HumanDuration(0.42), "0.4s");
  EXPECT_EQ(HumanDuration(59.6), "1m00s");
  EXPECT_EQ(HumanDuration(3725), "1h02m");
  EXPECT_EQ(HumanDuration(-1), "?");
  EXPECT_EQ(HumanCount(30'500'000'000), "30.5B");
  EXPECT_EQ(HumanCount(2'000'000), "2M");
  EXPECT_EQ(HumanCount(384), "384");
}

TEST(StringsTest, ClosestMatchForgivesSlipsOnly) {
  const std::vector<std::string> commands = {"verify", "repair", "list", "show"};
  EXPECT_EQ(ClosestMatch("verfy", commands), "verify");
  EXPECT_EQ(ClosestMatch("sohw", commands), "show");
  EXPECT_EQ(ClosestMatch("frobnicate", commands), std::nullopt);
}

TEST(StringsTest, SplitAndTrim) {
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(Split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(Trim(" \t x y\n"), "x y");
  EXPECT_EQ(Trim("  "), "");
}

}  // namespace
}  // namespace ingot::core
