// The parsers of models' answers, over fixtures/<parser>.json: what comes out does not depend on
// how the answer was cut.
#include "text/parse/output_parser.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::text {
namespace {

using core::Json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

const std::filesystem::path kFixtures =
    std::filesystem::path(INGOT_SOURCE_DIR) / "tests/text/parse/fixtures";

Json ReadJson(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  auto json = core::ParseJson(text.str());
  EXPECT_TRUE(json.ok()) << path << ": " << json.status().message();
  return json.ok() ? *json : Json();
}

std::unique_ptr<OutputParser> Make(std::string_view name, const Json& tools, bool in_thinking) {
  auto parser = MakeOutputParser(name, {.tools = tools, .in_thinking = in_thinking});
  EXPECT_TRUE(parser.ok()) << parser.status().message();
  return std::move(*parser);
}

// What came out, in the form that the fixtures have it.
class Gathered {
 public:
  void Add(ParsedPiece piece) {
    content_ += piece.content;
    thinking_ += piece.thinking;
    for (const ToolCall& call : piece.calls) {
      calls_.push_back({{"name", call.name}, {"arguments", call.arguments}});
    }
  }
  std::string Dump() const {
    return Json{{"content", content_}, {"thinking", thinking_}, {"calls", calls_}}.dump(
        1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  std::string content_;
  std::string thinking_;
  Json calls_ = Json::array();
};

std::string ParseIn(OutputParser& parser, const std::vector<std::string_view>& pieces) {
  Gathered gathered;
  for (const std::string_view piece : pieces) gathered.Add(parser.Add(piece));
  gathered.Add(parser.Finish());
  return gathered.Dump();
}

class FixtureTest : public ::testing::TestWithParam<std::string> {};

TEST_P(FixtureTest, GivesTheSameHoweverTheAnswerIsCut) {
  const Json tools = ReadJson(kFixtures / "tools.json");
  const Json file = ReadJson(kFixtures / GetParam());
  for (const std::string name : file["parsers"]) {
    for (const Json& one : file["cases"]) {
      SCOPED_TRACE(name + ": " + one["name"].get<std::string>());
      const std::string text = one["text"];
      const Json offered = one.value("tools", true) ? tools : Json();
      const auto parse = [&](const std::vector<std::string_view>& pieces) {
        return ParseIn(*Make(name, offered, one.value("in_thinking", false)), pieces);
      };
      const std::string expected = Json{
          {"content", one["content"]},
          {"thinking", one["thinking"]},
          {"calls", one["calls"]}}.dump(1);
      const std::string_view all = text;
      ASSERT_EQ(parse({all}), expected);
      for (size_t cut = 0; cut <= all.size(); ++cut) {
        ASSERT_EQ(parse({all.substr(0, cut), all.substr(cut)}), expected) << "cut at " << cut;
      }
      std::vector<std::string_view> bytes;
      for (size_t i = 0; i < all.size(); ++i) bytes.push_back(all.substr(i, 1));
      ASSERT_EQ(parse(bytes), expected) << "byte by byte";
    }
  }
}

// Cut in two anywhere, and the answer ending there: what came out before never depends on what
// follows, and the front alone gives the same in one piece and byte by byte.
TEST_P(FixtureTest, EndsAnywhereWithTheSameResult) {
  const Json tools = ReadJson(kFixtures / "tools.json");
  const Json file = ReadJson(kFixtures / GetParam());
  const std::string name = file["parsers"][0];
  for (const Json& one : file["cases"]) {
    SCOPED_TRACE(name + ": " + one["name"].get<std::string>());
    const std::string text = one["text"];
    const bool in_thinking = one.value("in_thinking", false);
    for (size_t end = 0; end <= text.size(); ++end) {
      const std::string_view front = std::string_view(text).substr(0, end);
      std::vector<std::string_view> bytes;
      for (size_t i = 0; i < end; ++i) bytes.push_back(front.substr(i, 1));
      ASSERT_EQ(ParseIn(*Make(name, tools, in_thinking), bytes),
                ParseIn(*Make(name, tools, in_thinking), {front}))
          << "ends at " << end;
    }
  }
}

std::vector<std::string> FixtureFiles() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(kFixtures)) {
    const std::string name = entry.path().filename();
    if (name != "tools.json") files.push_back(name);
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Parsers, FixtureTest, ::testing::ValuesIn(FixtureFiles()),
                         [](const auto& info) {
                           std::string name = std::filesystem::path(info.param).stem();
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

TEST(OutputParsers, EveryOneHasFixtures) {
  std::vector<std::string> covered;
  for (const std::string& file : FixtureFiles()) {
    const Json read = ReadJson(kFixtures / file);
    for (const std::string name : read["parsers"]) covered.push_back(name);
  }
  const auto names = OutputParserNames();
  EXPECT_THAT(covered, ::testing::UnorderedElementsAreArray(
                           std::vector<std::string>(names.begin(), names.end())));
}

TEST(OutputParsers, AnUnknownOneIsRefusedByName) {
  const auto parser = MakeOutputParser("no-such", {});
  EXPECT_EQ(parser.status().code(), core::Code::kUnsupported);
  EXPECT_THAT(std::string(parser.status().message()), HasSubstr("no output parser \"no-such\""));
  EXPECT_THAT(std::string(parser.status().hint()), HasSubstr("qwen3.5"));
  EXPECT_FALSE(HasOutputParser("no-such"));
  EXPECT_TRUE(HasOutputParser(""));
  EXPECT_TRUE(HasOutputParser("none"));
}

TEST(OutputParsers, ArgumentsOfInvalidUtf8AreRepaired) {
  const auto parser = Make("qwen3.5", Json(), false);
  Gathered gathered;
  gathered.Add(parser->Add("<tool_call><function=f\xff><parameter=a>\xc3(</parameter></function>"));
  gathered.Add(parser->Add("</tool_call>"));
  gathered.Add(parser->Finish());
  EXPECT_THAT(gathered.Dump(), HasSubstr("\"name\": \"f\uFFFD\""));
  EXPECT_THAT(gathered.Dump(), HasSubstr("\"a\": \"\uFFFD(\""));
}

TEST(OutputParsers, ThinkingAndContentComeWhileTheyAreWritten) {
  const auto parser = Make("qwen3.5", Json(), true);
  EXPECT_EQ(parser->Add("One ").thinking, "One");
  EXPECT_EQ(parser->Add("two.\n</th").thinking, " two.");
  EXPECT_TRUE(parser->Add("ink>\n").empty());
  EXPECT_EQ(parser->Add("\nYes").content, "Yes");
  // Prose about calls is not held back for long.
  EXPECT_EQ(parser->Add(": <tool_call> is").content, ": <tool_call> is");
  EXPECT_TRUE(parser->Finish().empty());
}

TEST(OutputParsers, ACallComesAsSoonAsItIsWhole) {
  const auto parser = Make("qwen3", Json(), false);
  EXPECT_TRUE(parser->Add("<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call").empty());
  EXPECT_EQ(parser->Add(">").calls.size(), 1u);
}

TEST(OutputParsers, ManyBrokenCallsAreTextAfterAll) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "<tool_call>{\"name\": }";
  const std::string whole = ParseIn(*Make("qwen3", Json(), false), {text});
  EXPECT_THAT(whole, HasSubstr("\"calls\": []"));
  const auto parser = Make("qwen3", Json(), false);
  std::string content = parser->Add(text).content;
  content += parser->Finish().content;
  EXPECT_EQ(content, text);
}

TEST(OutputParsers, CallsOfAbsurdlyManyArgumentsAreContent) {
  std::string text = "<tool_call><function=f>";
  for (int i = 0; i < 5000; ++i) text += "<parameter=p" + std::to_string(i) + ">1</parameter>";
  text += "</function></tool_call>";
  const auto parser = Make("qwen3.5", Json(), false);
  ParsedPiece piece = parser->Add(text);
  EXPECT_THAT(piece.calls, IsEmpty());
  piece.content += parser->Finish().content;
  EXPECT_EQ(piece.content, text);
}

TEST(OutputParsers, AreInferredFromWhatATemplateTeaches) {
  const std::pair<std::string_view, std::string_view> kTemplates[] = {
      {"<|start|>assistant<|channel|>analysis<|message|>", "harmony"},
      {"<|tool_call>call:{{ name }}", "gemma4"},
      {"<|START_ACTION|>", "cohere"},
      {"<tool_call>{{ name }}<arg_key>", "glm-4.7"},
      {"<think> <tool_call><function=name>", "qwen3.5"},
      {"<tool_call>\n<function=name>", "qwen3-coder"},
      {"<function=name>", "xml"},
      {"<tool_call>{\"name\": x, \"arguments\": y}", "qwen3"},
      {"{{ content }}", ""},
  };
  for (const auto& [source, parser] : kTemplates) EXPECT_EQ(InferOutputParser(source), parser);
}

TEST(OutputParsers, TagsOfEachAreKnown) {
  EXPECT_THAT(ParserTags("qwen3.5"),
              IsSupersetOf<std::string_view>({"<think>", "</think>", "<tool_call>"}));
  for (const std::string_view name : OutputParserNames()) {
    EXPECT_FALSE(ParserTags(name).empty()) << name;
    for (const std::string_view tag : ParserTags(name)) EXPECT_FALSE(tag.empty()) << name;
  }
}

}  // namespace
}  // namespace ingot::text
