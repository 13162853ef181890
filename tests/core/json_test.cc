#include "core/json.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::core {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(std::string_view text, JsonLimits limits = {}) {
  return std::string(ParseJson(text, limits).status().message());
}

TEST(JsonTest, TreeKeepsKeyOrderAndNumberKinds) {
  const Result<Json> tree =
      ParseJson(R"( {"b":[1,-2,1.5e3,true,false,null,"x"],"a":{},"c":18446744073709551615} )");
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  EXPECT_EQ(tree->dump(),
            R"({"b":[1,-2,1500.0,true,false,null,"x"],"a":{},"c":18446744073709551615})");
  EXPECT_TRUE((*tree)["b"][1].is_number_integer());
  EXPECT_TRUE((*tree)["c"].is_number_unsigned());
}

TEST(JsonTest, StringsAreUnescaped) {
  const Result<Json> tree = ParseJson(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é")");
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  EXPECT_EQ(tree->get<std::string>(), "\"\\/\b\f\n\r\té😀é");
}

TEST(JsonTest, EveryBreachNamesItsByte) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "byte 0: expected a value, found the end"},
      {"{\"a\":1,}", "expected a string"},
      {"{\"a\":1 \"b\":2}", "expected ',' or '}', found a string"},
      {"{\"a\" 1}", "expected ':'"},
      {"{'a':1}", "expected a string"},
      {"[1,]", "expected a value"},
      {"[1 2]", "expected ',' or ']'"},
      {"[1", "found the end of the text"},
      {"01", "leading zero"},
      {"-", "without digits"},
      {"1.", "after the point"},
      {"1e", "in the exponent"},
      {"1e999", "out of range"},
      {"+1", "expected a value"},
      {"nul", "expected null"},
      {"NaN", "expected a value"},
      {"\"a", "ends inside a string"},
      {"\"a\\", "ends inside a string"},
      {"\"\\x\"", "unknown escape"},
      {"\"\\u12g4\"", "four hexadecimal digits"},
      {"\"\\ud800\"", "surrogate"},
      {"\"\\ud800\\u0041\"", "surrogate"},
      {"\"\\udc00\"", "surrogate"},
      {"\"\n\"", "control character"},
      {"\"\xff\"", "not valid UTF-8"},
      {"\"\\n\xff\"", "not valid UTF-8"},
      {"{} x", "after the end"},
      {"{\"a\":1,\"a\":2}", "duplicate key \"a\""},
      {"{\"a\":1,\"\\u0061\":2}", "duplicate key \"a\""},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(ErrorOf(text), HasSubstr(expected)) << text;
    EXPECT_THAT(ErrorOf(text), HasSubstr("byte ")) << text;
  }
}

TEST(JsonTest, DepthAndSizeAreBounded) {
  const std::string deep(100'000, '[');
  EXPECT_THAT(ErrorOf(deep), HasSubstr("nested deeper than 64 levels"));
  JsonReader reader(deep);
  EXPECT_THAT(std::string(reader.SkipValue().message()), HasSubstr("nested deeper"));
  EXPECT_TRUE(ParseJson("[[[]]]", {.max_depth = 3}).ok());
  EXPECT_FALSE(ParseJson("[[[[]]]]", {.max_depth = 3}).ok());
  EXPECT_THAT(ErrorOf("[1,2,3]", {.max_bytes = 6}), HasSubstr("over the limit of 6"));
}

TEST(JsonReaderTest, PullsAMixedDocument) {
  JsonReader reader(
      R"({"name":"a\tb","shape":[2,3],"skip":{"x":[1,{"y":"]}"}]},"raw":[1, 2],"n":-4,"d":0.25,"t":true})");
  ASSERT_TRUE(reader.BeginObject().ok());
  std::vector<std::string> seen;
  std::vector<uint64_t> shape;
  while (true) {
    const auto next = reader.NextKey();
    ASSERT_TRUE(next.ok()) << next.status().message();
    if (!*next) break;
    const std::string key(**next);
    seen.push_back(key);
    if (key == "name") {
      EXPECT_EQ(*reader.String(), "a\tb");
    } else if (key == "shape") {
      ASSERT_TRUE(reader.BeginArray().ok());
      while (*reader.NextElement()) shape.push_back(*reader.Unsigned());
    } else if (key == "skip") {
      EXPECT_TRUE(reader.SkipValue().ok());
    } else if (key == "raw") {
      EXPECT_EQ(*reader.RawValue(), "[1, 2]");
    } else if (key == "n") {
      EXPECT_EQ(*reader.Signed(), -4);
    } else if (key == "d") {
      EXPECT_EQ(*reader.Number(), 0.25);
    } else {
      EXPECT_EQ(*reader.Bool(), true);
    }
  }
  EXPECT_TRUE(reader.End().ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"name", "shape", "skip", "raw", "n", "d", "t"}));
  EXPECT_EQ(shape, (std::vector<uint64_t>{2, 3}));
}

TEST(JsonReaderTest, SaysWhatItFoundInstead) {
  const auto unsigned_error = [](std::string_view text) {
    JsonReader reader(text);
    return std::string(reader.Unsigned().status().message());
  };
  EXPECT_THAT(unsigned_error("-1"), HasSubstr("found -1"));
  EXPECT_THAT(unsigned_error("1.5"), HasSubstr("found 1.5"));
  EXPECT_THAT(unsigned_error("18446744073709551616"), HasSubstr("2^64-1"));
  EXPECT_THAT(unsigned_error("\"7\""), HasSubstr("expected a number, found a string"));
  EXPECT_THAT(unsigned_error("{}"), HasSubstr("found an object"));
}

TEST(JsonReaderTest, UseOutOfOrderIsAnErrorNotACrash) {
  JsonReader reader("[1]");
  EXPECT_EQ(reader.NextKey().status().code(), Code::kInternal);
}

}  // namespace
}  // namespace ingot::core
