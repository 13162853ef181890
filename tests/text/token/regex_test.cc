#include "text/token/regex.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/token/regex_translate.h"

namespace ingot::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Matches(std::string_view pattern, std::string_view text) {
  std::vector<std::string> out;
  const auto regex = Regex::Compile(pattern);
  EXPECT_TRUE(regex.ok()) << regex.status().message();
  if (!regex.ok()) return out;
  RegexScratch scratch;
  const core::Status found = regex->Find(text, scratch, [&](size_t begin, size_t end) {
    out.emplace_back(text.substr(begin, end - begin));
    return core::Status::Ok();
  });
  EXPECT_TRUE(found.ok()) << found.message();
  return out;
}

std::string Refusal(std::string_view pattern) {
  const auto regex = Regex::Compile(pattern);
  EXPECT_FALSE(regex.ok()) << pattern;
  return regex.ok() ? "" : std::string(regex.status().message());
}

TEST(RegexTest, ReadsOnigurumasWays) {
  EXPECT_THAT(Matches(R"(\h+)", "beef stew"), ElementsAre("beef", "e")) << "hexadecimal digits";
  EXPECT_THAT(Matches(R"(a{,2})", "aaa"), ElementsAre("aa", "a"));
  EXPECT_THAT(Matches("(?m:a.c)", "a\nc abc"), ElementsAre("a\nc", "abc")) << "m: dot is anything";
  EXPECT_THAT(Matches("^.", "ab\ncd"), ElementsAre("a", "c")) << "lines, always";
  EXPECT_THAT(Matches("a(?i)b|c", "aB aC c"), ElementsAre("aB", "aC"));
  EXPECT_THAT(Matches(R"([[:alpha:]&&[^b-d]]+)", "abcde"), ElementsAre("a", "e"));
  EXPECT_THAT(Matches(R"(x{1,2}+)", "xxxxx"), ElementsAre("xxxxx")) << "repeats, is not possessive";
  EXPECT_THAT(Matches(R"([^(\s|[.,])]+)", "a(b.c|d"), ElementsAre("a", "b", "c", "d"));
}

TEST(RegexTest, KnowsUnicodeAsTheReferenceDoes) {
  EXPECT_THAT(Matches(R"(\s)", "a\u180Eb\u0085"), ElementsAre("\u0085"));
  EXPECT_THAT(Matches(R"(\p{Lu}\p{^Lu})", "ÀÉé"), ElementsAre("Éé"));
  EXPECT_THAT(Matches(R"(\w+)", "e\u0301², x"), ElementsAre("e\u0301²", "x"));
  EXPECT_THAT(Matches(R"([\w]+)", "é²x"), ElementsAre("é", "x"));
  EXPECT_THAT(Matches(R"(\p{Han}+)", "漢字かな"), ElementsAre("漢字"));
  EXPECT_THAT(Matches(R"(\p{L})", "\U0002EBF0"), ElementsAre("\U0002EBF0")) << "of Unicode 15.1";
}

TEST(RegexTest, EmptyMatchesMoveOn) {
  EXPECT_THAT(Matches("x*", "axxé"), ElementsAre("", "xx", ""));
  EXPECT_THAT(Matches("", "é1"), ElementsAre("", "", ""));
}

TEST(RegexTest, RefusesWhatItCannotSayByName) {
  EXPECT_THAT(Refusal(R"(\p{Klingon})"), HasSubstr("Klingon"));
  EXPECT_THAT(Refusal(R"(\y)"), HasSubstr(R"(\y)"));
  EXPECT_THAT(Refusal("(?x: a )"), HasSubstr("option"));
  EXPECT_THAT(Refusal("[[:upper:]]"), HasSubstr("upper"));
  EXPECT_THAT(Refusal("(a"), HasSubstr("without end"));
  EXPECT_THAT(Refusal("a)"), HasSubstr("unmatched"));
  EXPECT_THAT(Refusal("[a"), HasSubstr("without end"));
  EXPECT_THAT(Refusal("[b-a]"), HasSubstr("range"));
  EXPECT_THAT(Refusal("*a"), HasSubstr("nothing to repeat"));
  EXPECT_THAT(Refusal("a{99999}"), HasSubstr("repetition"));
  EXPECT_THAT(Refusal("(?<=a+)b"), HasSubstr("does not compile"));
  EXPECT_THAT(Refusal("\xFF"), HasSubstr("UTF-8"));
  EXPECT_THAT(Refusal(std::string(1000, '(')), HasSubstr("deep"));
  EXPECT_THAT(Refusal(std::string(100000, 'a')), HasSubstr("limit"));
}

TEST(RegexTest, EndsAtTheLimitOfSteps) {
  const auto regex = Regex::Compile("(?:a|aa)+(?:b|c)$");
  ASSERT_TRUE(regex.ok());
  RegexScratch scratch;
  const core::Status found = regex->Find(std::string(5000, 'a'), scratch,
                                         [](size_t, size_t) { return core::Status::Ok(); });
  EXPECT_EQ(found.code(), core::Code::kExhausted);
}

TEST(RegexTest, LongMatchesNeedNoDeepStack) {
  const std::string text(4 << 20, 'a');
  EXPECT_EQ(Matches(R"([^\r\n\p{L}\p{N}]?\p{L}+|x)", text).size(), 1u);
  EXPECT_EQ(Matches(R"((?:a|b)+)", text.substr(0, 100000)).front().size(), 100000u);
}

TEST(RegexTest, AnErrorOfTheVisitorEndsTheSearch) {
  const auto regex = Regex::Compile("a");
  RegexScratch scratch;
  int calls = 0;
  const core::Status found = regex->Find("aaa", scratch, [&](size_t, size_t) {
    return ++calls == 2 ? core::InvalidArgument("enough") : core::Status::Ok();
  });
  EXPECT_EQ(found.message(), "enough");
  EXPECT_EQ(calls, 2);
}

TEST(RegexTest, LiteralsAreTakenAsTheyAre) {
  const auto regex = Regex::Literal("a.b|[c]$");
  ASSERT_TRUE(regex.ok());
  RegexScratch scratch;
  std::vector<size_t> at;
  ASSERT_TRUE(regex
                  ->Find("axb a.b|[c]$", scratch,
                         [&](size_t begin, size_t) {
                           at.push_back(begin);
                           return core::Status::Ok();
                         })
                  .ok());
  EXPECT_THAT(at, ElementsAre(4));
}

}  // namespace
}  // namespace ingot::text
