#include "store/json_text.h"

#include <string>

#include <gtest/gtest.h>

namespace ingot::store {
namespace {

std::string Encoded(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

TEST(JsonText, EscapesAsTheFormatDoes) {
  EXPECT_EQ(Encoded("plain"), "\"plain\"");
  EXPECT_EQ(Encoded("<a> & \"b\" \\"), R"("\u003ca\u003e \u0026 \"b\" \\")");
  EXPECT_EQ(Encoded("\b\f\n\r\t\x01\x7f"), "\"\\b\\f\\n\\r\\t\\u0001\x7f\"");
  EXPECT_EQ(Encoded(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(Encoded("é 日本 🦙"), "\"é 日本 🦙\"");
  EXPECT_EQ(Encoded("\xe2\x80\xa8\xe2\x80\xa9"), R"("\u2028\u2029")");
}

TEST(JsonText, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  EXPECT_EQ(Encoded("a\xff\xfe\x62"), R"("a\ufffd\ufffdb")");
  EXPECT_EQ(Encoded("\xe2\x80"), R"("\ufffd\ufffd")");
}

TEST(JsonText, ObjectKeepsTheOrderOfTheCalls) {
  JsonObjectText object;
  object.String("z", "1").Number("a", 18446744073709551615u).Strings("l", {"x", "y"});
  object.StringUnlessEmpty("no", "").NumberUnlessZero("none", 0).Raw("r", "[1,{}]");
  EXPECT_EQ(object.Take(), R"({"z":"1","a":18446744073709551615,"l":["x","y"],"r":[1,{}]})");
  EXPECT_EQ(object.Take(), "{}");
}

}  // namespace
}  // namespace ingot::store
