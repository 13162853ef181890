#include "core/python_json.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::core {
namespace {

// json.dump of Python writes them, and config.json of Nemotron-H has one.
TEST(PythonJson, ReadsSpecialFloats) {
  constexpr std::string_view kText =
      R"({"a": [0.0, Infinity, -Infinity], "b": NaN, "c": "\" NaN", "Infinity": -1})";
  EXPECT_FALSE(ParseJson(kText).ok());
  const auto tree = ParsePythonJson(kText);
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  EXPECT_EQ(tree->dump(), R"({"a":[0.0,{"__float__":"Infinity"},{"__float__":"-Infinity"}],)"
                          R"("b":{"__float__":"NaN"},"c":"\" NaN","Infinity":-1})");
}

TEST(PythonJson, ReadsWhatIsPlainAsItStands) {
  EXPECT_EQ(ParsePythonJson(R"({"a": 1})")->dump(), R"({"a":1})");
  for (std::string_view text : {"Infinit", "Infinityx", "--Infinity", "Nan", "[NaN1]", "-NaN",
                                "{NaN: 1}", "NaN NaN", "\"NaN", "\"\\"}) {
    EXPECT_FALSE(ParsePythonJson(text).ok()) << text;
  }
  EXPECT_FALSE(ParsePythonJson("[NaN]", {.max_bytes = 4}).ok());
}

TEST(PythonJson, MasksWithoutMovingAnything) {
  constexpr std::string_view kText = R"({"NaN": [NaN, Infinity], "b": -Infinity})";
  const std::string masked = MaskSpecialFloats(kText);
  EXPECT_EQ(masked, R"({"NaN": ["a", "nfinit"], "b": "Infinit"})");
  EXPECT_EQ(masked.size(), kText.size());
}

}  // namespace
}  // namespace ingot::core
