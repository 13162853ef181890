#include "core/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "tests/testing/temp_dir.h"

namespace ingot::core {
namespace {

constexpr int64_t kTime = 1'795'248'930'125'000'000;

// Standard error into a file, and the log as it was before, for the time of a test.
class CapturedLog {
 public:
  CapturedLog() : saved_(dup(STDERR_FILENO)) {
    const int file = open(path().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(file, STDERR_FILENO);
    close(file);
  }
  ~CapturedLog() {
    Restore();
    SetLogWriter({});
    ConfigureLog(LogLevel::kWarning, LogFormat::kText);
  }
  std::string Text() {
    Restore();
    std::ostringstream text;
    text << std::ifstream(path()).rdbuf();
    return text.str();
  }

 private:
  std::string path() const { return dir_ / "log"; }
  void Restore() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    saved_ = -1;
  }

  testing::TempDir dir_;
  int saved_;
};

TEST(LogTest, LevelsAndFormatsByName) {
  EXPECT_EQ(ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(ParseLogLevel("WARN"), LogLevel::kWarning);
  EXPECT_EQ(ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_EQ(ParseLogLevel("off"), LogLevel::kOff);
  EXPECT_EQ(ParseLogLevel(""), std::nullopt);
  EXPECT_EQ(ParseLogLevel("loud"), std::nullopt);
  EXPECT_EQ(ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(ParseLogFormat("timed"), LogFormat::kTimed);
  EXPECT_EQ(ParseLogFormat("xml"), std::nullopt);
}

TEST(LogTest, TextLinesQuoteValuesThatAreNotOneWord) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, kTime, LogLevel::kWarning, "a blob is missing",
                          {{"blob", "sha256:12"}, {"why", "no such file"}, {"empty", ""}}),
            "warn: a blob is missing blob=sha256:12 why=\"no such file\" empty=\"\"\n");
  EXPECT_EQ(FormatLogLine(LogFormat::kTimed, kTime, LogLevel::kInfo, "up", {}),
            "2026-11-21T08:15:30.125Z info: up\n");
}

TEST(LogTest, TextFromOutsideCannotForgeLinesOrDriveTheTerminal) {
  const std::string line = FormatLogLine(LogFormat::kText, kTime, LogLevel::kError,
                                         "bad\nerror: forged", {{"name", "\x1b[2J\r\xff"}});
  EXPECT_EQ(line, "error: bad\\x0aerror: forged name=\"\\x1b[2J\\x0d\\xff\"\n");
}

TEST(LogTest, JsonLinesParseWhateverTheTextHolds) {
  const std::string line =
      FormatLogLine(LogFormat::kJson, kTime, LogLevel::kError, "a \"b\"\n\xff é",
                    {{"path", "/tmp/\x1b"}, {"level", "mine"}, {"path", "again"}});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_TRUE(std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= ' '; }));
  const Json json = Json::parse(line);
  EXPECT_EQ(json["time"], "2026-11-21T08:15:30.125Z");
  EXPECT_EQ(json["level"], "error");
  EXPECT_EQ(json["message"], "a \"b\"\n\xEF\xBF\xBD é");
  EXPECT_EQ(json["path"], "/tmp/\x1b");
  EXPECT_EQ(json["level_"], "mine");
  EXPECT_EQ(json["path_"], "again");
}

TEST(LogTest, LongTextIsCut) {
  const std::string line =
      FormatLogLine(LogFormat::kText, kTime, LogLevel::kInfo, std::string(1 << 20, 'x'), {});
  EXPECT_LT(line.size(), 5000u);
}

TEST(LogTest, OnlyTheConfiguredLevelAndAboveIsWritten) {
  CapturedLog log;
  LogInfo("not by default");
  LogWarning("one");
  ConfigureLog(LogLevel::kDebug, LogFormat::kText);
  LogDebug("two", {{"n", "2"}});
  ConfigureLog(LogLevel::kOff, LogFormat::kText);
  LogError("never");
  EXPECT_FALSE(LogEnabled(LogLevel::kOff));
  EXPECT_EQ(log.Text(), "warn: one\ndebug: two n=2\n");
}

TEST(LogTest, LinesOfManyThreadsDoNotMix) {
  CapturedLog log;
  const std::string filler(300, '.');
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) LogError(StrCat(t, filler, t));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string text = log.Text();
  const auto lines = Split(text, '\n');
  ASSERT_EQ(lines.size(), 201u);
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    ASSERT_EQ(lines[i].size(), 309u);
    EXPECT_EQ(lines[i][7], lines[i].back());
  }
}

TEST(LogTest, AWriterTakesTheLinesUntilItIsTakenBack) {
  CapturedLog log;
  std::vector<std::string> lines;
  SetLogWriter([&](std::string_view line) { lines.emplace_back(line); });
  LogError("first");
  SetLogWriter({});
  LogError("second");
  EXPECT_THAT(lines, ::testing::ElementsAre("error: first\n"));
  EXPECT_EQ(log.Text(), "error: second\n");
}

}  // namespace
}  // namespace ingot::core
