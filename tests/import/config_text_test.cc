#include "import/config_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"

namespace ingot::import {
namespace {

std::string Without(std::string_view config) {
  const auto text = WithoutQuantization(config);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "";
}

TEST(ConfigText, LosesTheBlocksAndNothingElse) {
  EXPECT_EQ(Without(R"({"a": 1, "quantization": {"bits": 4}, "b": 2})"), R"({"a": 1, "b": 2})");
  EXPECT_EQ(Without(R"({"quantization": {"bits": 4}, "b": 2})"), R"({"b": 2})");
  EXPECT_EQ(Without(R"({"a": 1, "quantization": {"bits": 4}})"), R"({"a": 1})");
  EXPECT_EQ(Without(R"({"quantization": {}})"), "{}");
  EXPECT_EQ(Without("{\n  \"a\": 1,\n  \"quantization\": {},\n  \"quantization_config\": {}\n}\n"),
            "{\n  \"a\": 1\n}\n");
  EXPECT_EQ(Without("{\n  \"quantization\": {},\n  \"a\": 1,\n  \"quantization_config\": {}\n}"),
            "{\n  \"a\": 1\n}");
  EXPECT_EQ(Without("{ \"a\" : 1 }"), "{ \"a\" : 1 }");
  EXPECT_EQ(Without("{ }"), "{ }");
}

TEST(ConfigText, LooksIntoTheTextConfigOnly) {
  EXPECT_EQ(
      Without(R"({"text_config": {"x": 1, "quantization_config": {}}, "b": {"quantization": 1}})"),
      R"({"text_config": {"x": 1}, "b": {"quantization": 1}})");
  EXPECT_EQ(Without(R"({"text_config": null, "compression_config": {}})"),
            R"({"text_config": null})");
}

TEST(ConfigText, IsNotFooledByStrings) {
  EXPECT_EQ(Without(R"({"a": "\"quantization\": {", "quantization": 1, "b\"": [","]})"),
            R"({"a": "\"quantization\": {", "b\"": [","]})");
}

TEST(ConfigText, GivesBackWhatAMemberWasPutInto) {
  for (std::string_view config : {R"({"a": 1})", "{\n    \"a\": 1,\n    \"b\": [1, 2]\n}\n",
                                  R"({"a":{"b":null}})", "{}", "{ }", "\n{ \"x\" :\t1}"}) {
    const auto with = WithMember(config, "quantization", R"({"bits": 4})");
    ASSERT_TRUE(with.ok()) << with.status().message();
    const auto json = core::ParseJson(*with);
    ASSERT_TRUE(json.ok()) << *with;
    EXPECT_EQ((*json)["quantization"]["bits"], 4);
    EXPECT_EQ(Without(*with), config);
  }
  EXPECT_EQ(*WithMember("{\n  \"a\": 1\n}", "k", "2"), "{\n  \"k\": 2,\n  \"a\": 1\n}");
}

TEST(ConfigText, RefusesWhatIsNoObject) {
  EXPECT_FALSE(WithoutQuantization("[]").ok());
  EXPECT_FALSE(WithoutQuantization(R"({"a": )").ok());
  EXPECT_FALSE(WithMember(R"({"a": 1} x)", "k", "2").ok());
}

}  // namespace
}  // namespace ingot::import
