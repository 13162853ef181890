#include "core/utf8.h"

#include <gtest/gtest.h>

#include "core/strings.h"

namespace ingot::core {
namespace {

std::string Utf8(uint32_t point) {
  std::string out;
  AppendUtf8(out, point);
  return out;
}

TEST(Utf8Test, EachLengthBeginsWhereTheOneBeforeEnds) {
  EXPECT_EQ(Utf8(0), std::string(1, '\0'));
  EXPECT_EQ(Utf8(0x7F), "\x7F");
  EXPECT_EQ(Utf8(0x80), "\xC2\x80");
  EXPECT_EQ(Utf8(0x7FF), "\xDF\xBF");
  EXPECT_EQ(Utf8(0x800), "\xE0\xA0\x80");
  EXPECT_EQ(Utf8(0xFFFF), "\xEF\xBF\xBF");
  EXPECT_EQ(Utf8(0x10000), "\xF0\x90\x80\x80");
  EXPECT_EQ(Utf8(0x10FFFF), "\xF4\x8F\xBF\xBF");
}

TEST(Utf8Test, EveryCharacterIsValidAndAppended) {
  std::string out = "x";
  for (uint32_t point = 0; point <= 0x10FFFF; point += point < 0x3000 ? 1 : 257) {
    if (point >= 0xD800 && point < 0xE000) continue;
    EXPECT_TRUE(IsValidUtf8(Utf8(point))) << point;
    AppendUtf8(out, point);
  }
  EXPECT_EQ(out.front(), 'x');
  EXPECT_TRUE(IsValidUtf8(out));
}

}  // namespace
}  // namespace ingot::core
