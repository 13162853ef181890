// `ingot serve`, `ps`, `stop` and `run` as processes: how they begin, find each other, and end.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "server/client.h"
#include "tests/cli/run_cli.h"
#include "tests/testing/child_process.h"
#include "tests/testing/pty_process.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using server::Method;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ServeCommandTest : public ::testing::Test {
 protected:
  ServeCommandTest() : models_((dir_ / "models").string()) {
    setenv("INGOT_MODELS", models_.c_str(), 1);
    const Outcome made = Ingot({"create", "demo", "-f", INGOT_SOURCE_DIR "/demo/model"});
    EXPECT_EQ(made.exit, 0) << made.err;
    child_.emplace(
        std::vector<std::string>{INGOT_PROGRAM, "serve", "--port", "0", "--drain", "60"});
    const std::string line = child_->ReadLine();
    EXPECT_THAT(line, StartsWith("Listening on http://127.0.0.1:"));
    host_ = line.substr(line.rfind('/') + 1);
    setenv("INGOT_HOST", host_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("INGOT_HOST");
    unsetenv("INGOT_MODELS");
  }

  const testing::TempDir dir_{testing::TempPlace::kMemory};
  const std::string models_;
  std::optional<testing::ChildProcess> child_;
  std::string host_;
};

TEST_F(ServeCommandTest, RunAsksItAndPsAndStopSpeakToIt) {
  const Outcome answer = Ingot({"run", "demo", "What is 2+2?", "--temperature", "0"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out, "4\n");
  // It was the server that answered: it has the model now.
  EXPECT_THAT(Ingot({"ps"}).out, HasSubstr("demo:latest"));
  EXPECT_THAT(Ingot({"stop", "demo"}).out, HasSubstr("stopped 'demo'"));
  EXPECT_THAT(Ingot({"ps"}).out, Not(HasSubstr("demo:latest")));
  EXPECT_NE(Ingot({"stop", "none"}).exit, 0);
  // Whoever wants the same place hears who has it.
  const Outcome second = Ingot({"serve"});
  EXPECT_NE(second.exit, 0);
  EXPECT_THAT(second.err, HasSubstr("is taken by Ingot"));
  EXPECT_EQ(Ingot({"stop", "--server"}).exit, 0);
  EXPECT_EQ(child_->Wait(), 0);
  EXPECT_THAT(Ingot({"ps"}).err, HasSubstr("nobody listens"));
}

// The server measures, and knows what it had read before.
TEST_F(ServeCommandTest, RunSaysHowFastTheServerWasAndWhatItKnew) {
  const std::vector<const char*> ask = {"run", "demo", "Spell cat.", "--temperature", "0"};
  std::vector<const char*> timed = ask;
  timed.push_back("--timings");
  const Outcome first = Ingot(timed);
  EXPECT_EQ(first.exit, 0) << first.err;
  EXPECT_EQ(first.out, "c-a-t\n");
  EXPECT_THAT(first.err, ContainsRegex("prompt    [1-9][0-9]* tokens \\(why not more was known: "
                                       "empty\\), [1-9][0-9]*\\.[0-9] tokens/s\n"));
  EXPECT_THAT(first.err,
              ContainsRegex("answer    [1-9][0-9]* tokens, [1-9][0-9]*\\.[0-9] tokens/s, "
                            "first after [0-9.]+s"));
  const Outcome again = Ingot(timed);
  EXPECT_THAT(again.err, ContainsRegex("tokens \\([1-9][0-9]* known from before\\), "));
  EXPECT_THAT(again.err, Not(HasSubstr("why not more")));
  const Outcome quiet = Ingot(ask);
  EXPECT_EQ(quiet.out, "c-a-t\n");
  EXPECT_THAT(quiet.err, Not(HasSubstr("tokens/s")));
}

// Nobody waits for the rest, so nothing computes it.
TEST_F(ServeCommandTest, CtrlCDuringAnAnswerEndsItOnBothSides) {
  const auto address = server::ParseAddress(host_);
  ASSERT_TRUE(address.ok());
  const auto metrics = [&] {
    const auto reply = server::Client(*address).Call(Method::kGet, "/metrics", "");
    return reply.ok() ? reply->body : "";
  };
  // Without its end token an answer goes on to the end of the context.
  testing::ChildProcess run({INGOT_PROGRAM, "run", "demo", "Spell tiger.", "--logit-bias",
                             "0=-1000", "--logit-bias", "2=-1000"});
  while (run.Running() &&
         metrics().find("ingot_running_requests{model=\"demo:latest\"} 1") == std::string::npos) {
    std::this_thread::yield();
  }
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(), static_cast<int>(Exit::kInterrupted));
  std::string text = metrics();
  for (int i = 0; i < 400 && text.find("ingot_answers_total{") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    text = metrics();
  }
  EXPECT_THAT(text, HasSubstr("ingot_answers_total{finish=\"cancelled\"} 1\n"));
}

// What was said goes along, and Ctrl-C ends an answer and not the conversation.
TEST_F(ServeCommandTest, AConversationIsHeldWithTheServer) {
  const std::string prompt = "\x1B[J>>> ";
  testing::PtyProcess chat({INGOT_PROGRAM, "run", "demo", "--temperature", "0", "--verbose"},
                           {{"HOME", dir_.path().string()},
                            {"TERM", "xterm"},
                            {"INGOT_HOST", host_},
                            {"INGOT_MODELS", (dir_ / "no-models-here").string()}});
  const auto ask = [&](const std::string& line) {
    chat.Type(line + "\r");
    EXPECT_TRUE(chat.WaitFor("\x1B[?2004l")) << chat.all();
    EXPECT_TRUE(chat.WaitFor(prompt)) << chat.all();
    return chat.between();
  };
  ASSERT_TRUE(chat.WaitFor(prompt)) << chat.all();
  EXPECT_THAT(ask("What is 2+2?"), StartsWith("4\r\n"));
  EXPECT_THAT(Ingot({"ps"}).out, HasSubstr("demo:latest"));
  // It is the same conversation: the server had read its beginning.
  const std::string second = ask("Spell cat.");
  EXPECT_THAT(second, StartsWith("c-a-t\r\n"));
  EXPECT_THAT(second, HasSubstr("known from before"));
  EXPECT_THAT(ask("/show messages"), HasSubstr("user:\r\nSpell cat.\r\nassistant:\r\nc-a-t"));
  EXPECT_THAT(ask("/show info"), HasSubstr("a server has"));
  EXPECT_THAT(ask("/set parameter top_p 3"), HasSubstr("Set top_p"));
  EXPECT_THAT(ask("What is 2+2?"), HasSubstr("top_p: expected 0 to 1")) << "the server says so";
  ask("/set parameter top_p 1");
  ask("/set parameter logit_bias 0=-1000");
  ask("/set parameter logit_bias 2=-1000");
  chat.Type("Spell tiger.\r");
  EXPECT_TRUE(chat.WaitFor("t-i-g-e-r")) << chat.all();
  chat.Type("\x03");
  EXPECT_TRUE(chat.WaitFor(prompt)) << chat.all();
  EXPECT_EQ(Ingot({"stop", "--server"}).exit, 0);
  EXPECT_EQ(child_->Wait(), 0);
  EXPECT_THAT(ask("Spell cat."), HasSubstr("the server has gone"));
  chat.Type("\x04");
  EXPECT_EQ(chat.Wait(), 0);
}

TEST_F(ServeCommandTest, SigtermLetsAnswersEnd) {
  const auto address = server::ParseAddress(host_);
  ASSERT_TRUE(address.ok());
  bool signalled = false;
  std::string body;
  const auto reply = server::Client(*address).Call(
      Method::kPost, "/api/generate",
      R"({"model":"demo","prompt":"Spell tiger.","raw":true,"options":{"num_predict":200,)"
      R"("temperature":2,"top_k":0,"top_p":1}})",
      [&](std::string_view bytes) {
        body += bytes;
        if (!std::exchange(signalled, true)) child_->Signal(SIGTERM);
        return true;
      });
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  EXPECT_THAT(body, HasSubstr("\"done\":true"));
  EXPECT_EQ(child_->Wait(), 0);
}

}  // namespace
}  // namespace ingot::cli
