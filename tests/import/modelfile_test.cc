#include "import/modelfile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::import {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Modelfile Must(std::string_view text) {
  auto modelfile = ParseModelfile(text);
  EXPECT_TRUE(modelfile.ok()) << modelfile.status().message();
  return modelfile.ok() ? *std::move(modelfile) : Modelfile{};
}
std::string ErrorOf(std::string_view text) {
  const auto modelfile = ParseModelfile(text);
  EXPECT_FALSE(modelfile.ok()) << text;
  return std::string(modelfile.status().message());
}

TEST(Modelfile, ReadsEveryCommand) {
  const Modelfile file = Must(R"(# a model
FROM ./folder
draft ./small
Template """{{ .Prompt }}
second line"""
SYSTEM "You are terse."
LICENSE one
LICENSE """two
lines"""
PARSER qwen3
RENDERER qwen3-coder
REQUIRES v0.20.1
PARAMETER temperature 0.7
PARAMETER stop "<|end|>"
PARAMETER stop Human:
MESSAGE user Hello there
MESSAGE assistant """Hi
you"""
)");
  EXPECT_EQ(file.from, "./folder");
  EXPECT_EQ(file.draft, "./small");
  EXPECT_EQ(file.chat_template, "{{ .Prompt }}\nsecond line");
  EXPECT_EQ(file.system, "You are terse.");
  EXPECT_THAT(file.licenses, ElementsAre("one", "two\nlines"));
  EXPECT_EQ(file.parser, "qwen3");
  EXPECT_EQ(file.renderer, "qwen3-coder");
  EXPECT_EQ(file.requires_version, "0.20.1");
  EXPECT_EQ(file.parameters.ToJson(),
            "{\"stop\":[\"\\u003c|end|\\u003e\",\"Human:\"],\"temperature\":0.7}\n");
  ASSERT_EQ(file.messages.size(), 2U);
  EXPECT_EQ(file.messages[1].role, "assistant");
  EXPECT_EQ(MessagesJson(file.messages),
            "[{\"role\":\"user\",\"content\":\"Hello there\"},"
            "{\"role\":\"assistant\",\"content\":\"Hi\\nyou\"}]\n");
}

TEST(Modelfile, LetsTheLastOfSeveralCount) {
  const Modelfile file =
      Must("FROM a\nSYSTEM x\nFROM b\nSYSTEM y\nPARAMETER top_k 1\nPARAMETER top_k 2");
  EXPECT_EQ(file.from, "b");
  EXPECT_EQ(file.system, "y");
  EXPECT_EQ(file.parameters.ToJson(), "{\"top_k\":2}\n");
}

TEST(Modelfile, TakesQuotesAsTheyStandAtTheEndsOfLines) {
  EXPECT_EQ(Must("FROM \"a b\"").from, "a b");
  EXPECT_EQ(Must("FROM a \"b\" c").from, "a \"b\" c");
  EXPECT_EQ(*Must("FROM a\nSYSTEM \"\"\"say \"\"\" twice\nnow\"\"\"").system,
            "say \"\"\" twice\nnow");
  EXPECT_EQ(*Must("FROM a\nSYSTEM \"\"").system, "");
  EXPECT_EQ(*Must("FROM a\nSYSTEM \"tab\there\"").system, "tab\there");
  EXPECT_EQ(Must("  FROM   a   \r\n\r\n# end").from, "a");
}

TEST(Modelfile, ReadsByteOrderMarks) {
  EXPECT_EQ(Must("\xEF\xBB\xBF"
                 "FROM a")
                .from,
            "a");
  const std::string little(
      "\xFF\xFE"
      "F\0R\0O\0M\0 \0\xE4\0\x3D\xD8\x00\xDE",
      18);
  EXPECT_EQ(Must(little).from, "\xC3\xA4\xF0\x9F\x98\x80");
  const std::string big("\xFE\xFF\0F\0R\0O\0M\0 \0a", 14);
  EXPECT_EQ(Must(big).from, "a");
  EXPECT_THAT(ErrorOf(std::string("\xFE\xFF\0F\0", 5)), HasSubstr("half a UTF-16 character"));
  EXPECT_THAT(ErrorOf(std::string("\xFE\xFF\xD8\x00\0a", 6)), HasSubstr("stands alone"));
  EXPECT_THAT(ErrorOf("FROM \xff"), HasSubstr("not UTF-8"));
}

TEST(Modelfile, NamesTheLineOfAnError) {
  EXPECT_THAT(ErrorOf("FROM a\n\nFROMM b"), HasSubstr("line 3: unknown command \"FROMM\""));
  EXPECT_THAT(ErrorOf("FROM a\r\nFRO-M b"), HasSubstr("line 2: unknown command \"FRO-M\""));
  EXPECT_THAT(ErrorOf("SYSTEM x"), HasSubstr("no FROM line"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("no FROM line"));
  EXPECT_THAT(ErrorOf("FROM"), HasSubstr("line 1: a value is missing"));
  EXPECT_THAT(ErrorOf("FROM a\nSYSTEM \"\"\"x\ny"), HasSubstr("line 2: the quotes of the value"));
  EXPECT_THAT(ErrorOf("FROM a\nADAPTER b"), HasSubstr("line 2: ADAPTER is not supported"));
  EXPECT_THAT(ErrorOf("FROM a\nMESSAGE robot x"),
              HasSubstr("MESSAGE is from \"robot\", expected system, user or assistant"));
  EXPECT_THAT(ErrorOf("FROM a\nMESSAGE user"), HasSubstr("a value is missing"));
}

TEST(Modelfile, ChecksVersions) {
  EXPECT_THAT(ErrorOf("FROM a\nREQUIRES soon"), HasSubstr("expected a version such as 0.19.0"));
  EXPECT_THAT(ErrorOf("FROM a\nREQUIRES 0.18.9"), HasSubstr("REQUIRES 0.18.9 is below 0.19.0"));
  EXPECT_THAT(ErrorOf("FROM a\nREQUIRES 01.2.3"), HasSubstr("expected a version"));
  EXPECT_EQ(Must("FROM a\nREQUIRES 0.19.0").requires_version, "0.19.0");
  EXPECT_EQ(Must("FROM a\nREQUIRES 1.0").requires_version, "1.0");
}

TEST(Modelfile, ChecksParameters) {
  EXPECT_THAT(ErrorOf("FROM a\nPARAMETER temprature 1"),
              HasSubstr("line 2: unknown parameter \"temprature\""));
  EXPECT_EQ(ParseModelfile("FROM a\nPARAMETER temprature 1").status().hint(),
            "did you mean temperature?");
  EXPECT_THAT(ErrorOf("FROM a\nPARAMETER temperature hot"),
              HasSubstr("\"hot\", expected a number"));
  EXPECT_THAT(ErrorOf("FROM a\nPARAMETER temperature nan"), HasSubstr("expected a number"));
  EXPECT_THAT(ErrorOf("FROM a\nPARAMETER top_k 1.5"), HasSubstr("expected a whole number"));
  EXPECT_THAT(ErrorOf("FROM a\nPARAMETER use_mmap yes"), HasSubstr("expected true or false"));
  EXPECT_THAT(ErrorOf("FROM a\nPARAMETER mirostat 1"),
              HasSubstr("\"mirostat\" has no meaning any more"));
  EXPECT_THAT(ErrorOf("FROM a\nPARAMETER"), HasSubstr("needs a name and a value"));
  EXPECT_THAT(ErrorOf("FROM a\nPARAMETER top_k"), HasSubstr("a value is missing"));
}

TEST(Parameters, AreStoredAsTheOriginalStoresThem) {
  Parameters parameters;
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"top_p", "0.95"},
                                                                  {"min_p", "1"},
                                                                  {"temperature", "1e-9"},
                                                                  {"num_ctx", "-1"},
                                                                  {"use_mmap", "T"},
                                                                  {"repeat_penalty", "+1.10"},
                                                                  {"typical_p", "100000000"}}) {
    ASSERT_TRUE(parameters.Add(name, value).ok()) << name;
  }
  EXPECT_EQ(parameters.ToJson(),
            "{\"min_p\":1,\"num_ctx\":-1,\"repeat_penalty\":1.1,\"temperature\":1e-9,"
            "\"top_p\":0.95,\"typical_p\":100000000,\"use_mmap\":true}\n");
  const auto again = Parameters::FromJson(parameters.ToJson());
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->ToJson(), parameters.ToJson());
}

TEST(Parameters, MergeByName) {
  auto base = *Parameters::FromJson(R"({"stop":["a","b"],"top_k":1})");
  base.Merge(*Parameters::FromJson(R"({"stop":["c"],"seed":7})"));
  EXPECT_EQ(base.ToJson(), "{\"seed\":7,\"stop\":[\"c\"],\"top_k\":1}\n");
  EXPECT_FALSE(Parameters::FromJson("[]").ok());
  EXPECT_FALSE(Parameters::FromJson(R"({"stop":[1]})").ok());
  EXPECT_FALSE(Parameters::FromJson(R"({"nonsense":1})").ok());
}

}  // namespace
}  // namespace ingot::import
