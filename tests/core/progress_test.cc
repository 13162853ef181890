#include "core/progress.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/log.h"
#include "core/progress_text.h"
#include "core/strings.h"
#include "tests/testing/fake_clock.h"

namespace ingot::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::FakeClock;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// A plain file as output.
class Output {
 public:
  Output() : file_(std::tmpfile(), &std::fclose) {}
  std::FILE* file() { return file_.get(); }
  std::string Text() {
    std::string text(static_cast<size_t>(std::ftell(file())), '\0');
    std::rewind(file());
    text.resize(std::fread(text.data(), 1, text.size(), file()));
    std::fseek(file(), 0, SEEK_END);
    return text;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

// An environment variable, set for as long as this lives.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value, 1);
  }
  ~ScopedVariable() { old_ ? setenv(name_, old_->c_str(), 1) : unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

// A terminal of the given width as output.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : type_("TERM", "xterm"), locale_("LC_ALL", "C.UTF-8") {
    int slave = -1;
    winsize size = {};
    size.ws_row = 24;
    size.ws_col = columns;
    if (openpty(&master_, &slave, nullptr, nullptr, &size) != 0) std::abort();
    fcntl(master_, F_SETFL, O_NONBLOCK);
    file_.reset(fdopen(slave, "w"));
  }
  ~Terminal() { close(master_); }
  std::FILE* file() { return file_.get(); }
  void Resize(unsigned short columns) {
    winsize size = {};
    size.ws_row = 24;
    size.ws_col = columns;
    ioctl(master_, TIOCSWINSZ, &size);
  }
  // What was written since the last call; the terminal has made \r\n of each \n.
  std::string Text() {
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(master_, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }

 private:
  ScopedVariable type_;
  ScopedVariable locale_;
  int master_ = -1;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{nullptr, &std::fclose};
};

constexpr const char* kErase = "\r\x1b[K";

class RecordingSink : public ProgressSink {
 public:
  void Show(const ProgressEvent& event) override {
    EXPECT_FALSE(inside_.exchange(true)) << "two calls at once";
    events.push_back(event);
    inside_ = false;
  }
  void Line(std::string_view text) override { lines.emplace_back(text); }

  std::vector<ProgressEvent> events;
  std::vector<std::string> lines;

 private:
  std::atomic<bool> inside_ = false;
};

TEST(ProgressTest, AStepBeginsAndEndsOnceWhateverHappensBetween) {
  RecordingSink sink;
  FakeClock clock;
  {
    Progress progress(sink, "hashing", ProgressUnit::kItems, 0, clock);
    progress.SetTotal(3);
    progress.Add(2);
    progress.Line("a remark");
    clock.Advance(seconds(2));
    progress.Finish();
    progress.Finish();
    clock.Advance(seconds(2));
    progress.Add(1);
  }
  ASSERT_EQ(sink.events.size(), 2u);
  EXPECT_EQ(sink.events[0].step, "hashing");
  EXPECT_EQ(sink.events[0].done, 0u);
  EXPECT_FALSE(sink.events[0].finished);
  EXPECT_EQ(sink.events[1].done, 2u);
  EXPECT_EQ(sink.events[1].total, 3u);
  EXPECT_EQ(sink.events[1].seconds, 2);
  EXPECT_TRUE(sink.events[1].finished);
  EXPECT_THAT(sink.lines, ElementsAre("a remark"));
}

TEST(ProgressTest, ShowsAtMostTenTimesASecond) {
  RecordingSink sink;
  FakeClock clock;
  Progress progress(sink, "importing", ProgressUnit::kBytes, 1000, clock);
  for (int i = 0; i < 1000; ++i) {
    clock.Advance(milliseconds(1));
    progress.Add(1);
  }
  EXPECT_EQ(sink.events.size(), 11u);
}

TEST(ProgressTest, ManyThreadsAddAndNothingIsLostOrGoesBack) {
  RecordingSink sink;
  FakeClock clock;
  {
    Progress progress(sink, "importing", ProgressUnit::kBytes, 4000, clock);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          clock.Advance(milliseconds(30));
          progress.Add(1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(sink.events.back().done, 4000u);
  for (size_t i = 1; i < sink.events.size(); ++i) {
    EXPECT_LE(sink.events[i - 1].done, sink.events[i].done);
    EXPECT_LE(sink.events[i - 1].seconds, sink.events[i].seconds);
  }
}

TEST(TerminalSinkTest, IntoAFileItIsALineWhenAStepBeginsAndOneWhenItEnds) {
  Output output;
  FakeClock clock;
  const auto sink = MakeTerminalSink(output.file());
  for (const char* step : {"reading", "reading", "writing\x1b[1m"}) {
    Progress progress(*sink, step, ProgressUnit::kBytes, 2'000'000, clock);
    for (int i = 0; i < 20; ++i) {
      clock.Advance(seconds(1));
      progress.Add(100'000);
    }
  }
  EXPECT_EQ(output.Text(),
            "reading\nreading: 2.0 MB in 20s (100 KB/s)\n"
            "reading\nreading: 2.0 MB in 20s (100 KB/s)\n"
            "writing\\x1b[1m\nwriting\\x1b[1m: 2.0 MB in 20s (100 KB/s)\n");
}

TEST(TerminalSinkTest, IntoAFileALongStepIsHeardOfEveryHalfMinute) {
  Output output;
  FakeClock clock;
  const auto sink = MakeTerminalSink(output.file());
  {
    Progress progress(*sink, "pulling", ProgressUnit::kBytes, 100'000'000, clock);
    for (int i = 0; i < 70; ++i) {
      clock.Advance(seconds(1));
      progress.Add(1'000'000);
    }
  }
  EXPECT_EQ(output.Text(),
            "pulling\n"
            "pulling: 30%, 30 MB of 100 MB, 1.0 MB/s, 1m10s left\n"
            "pulling: 60%, 60 MB of 100 MB, 1.0 MB/s, 40s left\n"
            "pulling: stopped at 70 MB of 100 MB after 1m10s\n");
}

TEST(TerminalSinkTest, OnATerminalTheBarIsRedrawnInPlaceAndSummedUpAtTheEnd) {
  Terminal terminal(80);
  FakeClock clock;
  const auto sink = MakeTerminalSink(terminal.file());
  {
    Progress progress(*sink, "verifying", ProgressUnit::kBytes, 2'000'000'000, clock);
    EXPECT_THAT(terminal.Text(), StartsWith(std::string(kErase) + "verifying    0%"));
    for (int i = 0; i < 4; ++i) {
      clock.Advance(seconds(1));
      progress.Add(250'000'000);
    }
    const std::string text = terminal.Text();
    EXPECT_THAT(text, Not(HasSubstr("\n"))) << "all in one line";
    EXPECT_THAT(text, EndsWith(std::string(kErase) +
                               "verifying   50%  ▕██████████          ▏  1.0 GB of 2.0 GB  "
                               "250 MB/s  4.0s left"));
    progress.Add(1'000'000'000);
    terminal.Text();
  }
  EXPECT_EQ(terminal.Text(), std::string(kErase) + "verifying: 2.0 GB in 4.0s (500 MB/s)\r\n");
}

TEST(TerminalSinkTest, TheBarFollowsTheWidthOfTheWindow) {
  Terminal terminal(100);
  FakeClock clock;
  const auto sink = MakeTerminalSink(terminal.file());
  Progress progress(*sink, "verifying a model", ProgressUnit::kBytes, 1000, clock);
  for (const unsigned short columns : {100, 60, 30, 21, 3}) {
    terminal.Resize(columns);
    terminal.Text();
    clock.Advance(seconds(1));
    progress.Add(100);
    std::string bar = terminal.Text();
    ASSERT_THAT(bar, StartsWith(kErase));
    bar.erase(0, std::string(kErase).size());
    EXPECT_LT(DisplayColumns(bar), columns) << bar;
  }
}

TEST(TerminalSinkTest, LinesAndLogLinesStandAboveTheBar) {
  Terminal terminal(80);
  FakeClock clock;
  auto sink = MakeTerminalSink(terminal.file());
  auto progress = std::make_unique<Progress>(*sink, "verifying", ProgressUnit::kItems, 5, clock);
  std::string bar = terminal.Text();
  bar.erase(0, std::string(kErase).size());
  progress->Line("damaged: \x1b]0;x\x07");
  EXPECT_EQ(terminal.Text(), StrCat(kErase, "damaged: \\x1b]0;x\\x07\r\n", bar));

  ::testing::internal::CaptureStderr();
  LogError("from elsewhere");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "error: from elsewhere\n");
  EXPECT_EQ(terminal.Text(), StrCat(kErase, bar)) << "taken away and drawn again";

  progress.reset();
  sink.reset();
  terminal.Text();
  ::testing::internal::CaptureStderr();
  LogError("without a bar");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "error: without a bar\n");
  EXPECT_THAT(terminal.Text(), IsEmpty());
}

TEST(TerminalSinkTest, TerminalsThatCannotShowABarGetLines) {
  FakeClock clock;
  const auto text_on = [&](Terminal& terminal) {
    const auto sink = MakeTerminalSink(terminal.file());
    Progress progress(*sink, "verifying", ProgressUnit::kItems, 5, clock);
    return terminal.Text();
  };
  Terminal narrow(10);
  EXPECT_EQ(text_on(narrow), "verifying\r\n");
  Terminal dumb(80);
  const ScopedVariable type("TERM", "dumb");
  EXPECT_EQ(text_on(dumb), "verifying\r\n");
}

TEST(TerminalSinkTest, WithoutAUtf8LocaleTheBarIsAscii) {
  Terminal terminal(80);
  const ScopedVariable locale("LC_ALL", "C");
  FakeClock clock;
  const auto sink = MakeTerminalSink(terminal.file());
  const Progress progress(*sink, "verifying", ProgressUnit::kItems, 5, clock);
  const std::string text = terminal.Text();
  EXPECT_THAT(text, HasSubstr("[.........."));
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; }));
}

TEST(JsonSinkTest, WritesOneObjectALine) {
  Output output;
  FakeClock clock;
  const auto sink = MakeJsonSink(output.file());
  {
    Progress progress(*sink, "a \"step\"\n\xff", ProgressUnit::kBytes, 10, clock);
    progress.Line("remark");
    clock.Advance(milliseconds(1500));
    progress.Add(10);
  }
  const std::string text = output.Text();
  const auto lines = Split(text, '\n');
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[1], R"({"message":"remark"})");
  EXPECT_EQ(lines[2], R"({"step":"a \"step\"\n\ufffd","unit":"bytes","done":10,"total":10,)"
                      R"("seconds":1.5,"finished":false})");
  EXPECT_EQ(Json::parse(lines[3])["finished"], true);
  EXPECT_EQ(lines[4], "");
}

TEST(FunctionSinkTest, PassesEventsAndLinesOn) {
  std::vector<std::string> seen;
  const auto sink = MakeFunctionSink(
      [&](const ProgressEvent& event) { seen.push_back(StrCat(event.step, " ", event.done)); },
      [&](std::string_view line) { seen.emplace_back(line); });
  {
    Progress progress(*sink, "pull", ProgressUnit::kBytes, 10);
    progress.Line("remark");
    progress.Add(7);
  }
  EXPECT_THAT(seen, ElementsAre("pull 0", "remark", "pull 7"));
}

TEST(NullSinkTest, SaysNothing) {
  const auto sink = MakeNullSink();
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  {
    Progress progress(*sink, "pull", ProgressUnit::kBytes, 10);
    progress.Line("remark");
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), IsEmpty());
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), IsEmpty());
}

}  // namespace
}  // namespace ingot::core
