// Our engine against jinja2: over goldens that the reference script made, and live.
#include <stdlib.h>
#include <time.h>

#include <sstream>

#include <gtest/gtest.h>

#include "tests/testing/python.h"
#include "tests/text/jinja/cases.h"

namespace ingot::text::jinja::testing {
namespace {

constexpr char kScript[] = "tools/reference/jinja_reference.py";
constexpr int kGoldenStride = 7;

bool Soak() { return getenv("INGOT_SOAK") != nullptr; }

class ReferenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }

  // Lines "template case digest".
  static void CompareDigests(const std::string& expected, const std::filesystem::path& directory,
                             size_t stride) {
    const std::vector<core::Json> matrix = Matrix();
    std::istringstream lines(expected);
    size_t compared = 0;
    for (const auto& path : TemplatesIn(directory)) {
      const auto parsed = Template::Parse(ReadText(path), path.filename().string());
      for (size_t i = 0; i < matrix.size(); i += stride) {
        std::string name, digest;
        size_t index = 0;
        ASSERT_TRUE(lines >> name >> index >> digest);
        ASSERT_EQ(name, path.filename());
        ASSERT_EQ(index, i);
        const auto text = RenderSource(parsed, matrix[i]);
        ++compared;
        ASSERT_EQ(DigestOf(text, digest), digest)
            << name << ", case " << i << ": see `" << kScript << " show " << path.string()
            << " tests/text/jinja/data " << i << "`; ours:\n"
            << (text.ok() ? *text : std::string(text.status().message()));
      }
    }
    std::string more;
    EXPECT_FALSE(lines >> more) << more;
    EXPECT_GE(compared, TemplatesIn(directory).size() * 50);
  }

  static void CompareSnippets(const std::string& expected, const std::string& file) {
    const auto variables = ReadJson(kCases / "data/variables.json");
    std::istringstream lines(expected);
    std::string line;
    for (const std::string& snippet : Snippets(ReadText(kCases / "data" / file))) {
      ASSERT_TRUE(std::getline(lines, line)) << snippet;
      const auto golden = core::ParseJson(line);
      ASSERT_TRUE(golden.ok()) << line;
      ComparePiece(snippet, *golden, variables);
    }
    EXPECT_FALSE(std::getline(lines, line)) << line;
  }

  static void ComparePiece(const std::string& source, const core::Json& expected,
                           const core::Json& variables) {
    const auto text = RenderSource(Template::Parse(source, "snippet"), variables);
    const std::string ours = text.ok() ? *text : "refused";
    const std::string theirs = expected.is_null() ? "refused" : expected.get<std::string>();
    EXPECT_EQ(ours, theirs) << source << "\n" << text.status().message();
  }

  static std::string Run(const std::vector<std::string>& arguments) {
    const auto run = ingot::testing::RunPython(kScript, arguments);
    EXPECT_EQ(run.exit_code, 0) << "the reference script failed; did the set-up make .deps/venv?";
    return run.output;
  }
  static std::string DataPath(const std::string& name) { return (kCases / "data" / name).string(); }
};

TEST_F(ReferenceTest, ThereAreAtLeastThirtyTemplatesOfOurOwn) {
  EXPECT_GE(TemplatesIn(kCases / "templates").size(), 30u);
}

TEST_F(ReferenceTest, TemplatesRenderAsTheGoldensSay) {
  CompareDigests(ReadText(kCases / "goldens/digests.txt"), kCases / "templates", kGoldenStride);
}

TEST_F(ReferenceTest, ExpressionsGiveWhatTheGoldensSay) {
  CompareSnippets(ReadText(kCases / "goldens/expressions.jsonl"), "expressions.txt");
}

TEST_F(ReferenceTest, StatementsGiveWhatTheGoldensSay) {
  CompareSnippets(ReadText(kCases / "goldens/statements.jsonl"), "statements.txt");
}

TEST_F(ReferenceTest, OurTemplatesRenderAsJinja2RendersThem) {
  const size_t stride = Soak() ? 1 : 5;
  const auto directory = kCases / "templates";
  CompareDigests(
      Run({"digests", directory.string(), DataPath(""), "--stride", std::to_string(stride)}),
      directory, stride);
}

TEST_F(ReferenceTest, PublishedTemplatesRenderAsJinja2RendersThem) {
  const auto directory = std::filesystem::path(INGOT_SOURCE_DIR) / ".deps/chat-templates-0.3.36";
  ASSERT_TRUE(std::filesystem::is_directory(directory)) << "run tools/setup.sh";
  EXPECT_GE(TemplatesIn(directory).size(), 70u);
  const size_t stride = Soak() ? 1 : 11;
  CompareDigests(
      Run({"digests", directory.string(), DataPath(""), "--stride", std::to_string(stride)}),
      directory, stride);
}

TEST_F(ReferenceTest, SnippetsGiveWhatJinja2Gives) {
  for (const char* file : {"expressions.txt", "statements.txt"}) {
    CompareSnippets(Run({"snippets", DataPath(file), DataPath("variables.json")}), file);
  }
}

TEST_F(ReferenceTest, RandomTemplatesRenderAsJinja2RendersThem) {
  const int count = Soak() ? 200'000 : 1'500;
  std::istringstream lines(Run({"random", "1", std::to_string(count)}));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto variables = core::ParseJson(line);
  ASSERT_TRUE(variables.ok());
  int rendered = 0;
  int compared = 0;
  int unprintable = 0;
  for (; std::getline(lines, line); ++compared) {
    const auto made = core::ParseJson(line);
    ASSERT_TRUE(made.ok()) << line;
    const std::string source = (*made)["source"];
    const auto text = RenderSource(Template::Parse(source, "made"), *variables);
    // Where a template makes text of an object that has none but its address, we refuse; Python
    // goes on, and the address may or may not be seen.
    if (text.status().message().find("printing a value of type") != std::string_view::npos) {
      ++unprintable;
      continue;
    }
    ComparePiece(source, (*made)["text"], *variables);
    rendered += (*made)["text"].is_null() ? 0 : 1;
  }
  EXPECT_EQ(compared, count);
  EXPECT_LT(unprintable, count / 20);
  EXPECT_GE(rendered, count / 4);
}

TEST_F(ReferenceTest, CaseAndClassesOfEveryCharacterAreAsPythonHasThem) {
  std::istringstream lines(Run({"characters"}));
  std::string line;
  int compared = 0;
  while (std::getline(lines, line)) {
    const auto entry = core::ParseJson(line);
    ASSERT_TRUE(entry.ok()) << line;
    const core::Json variables = {{"s", (*entry)["s"]}};
    ComparePiece((*entry)["source"].get<std::string>(), (*entry)["text"], variables);
    ++compared;
  }
  EXPECT_GT(compared, 1000);
}

}  // namespace
}  // namespace ingot::text::jinja::testing
