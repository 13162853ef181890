// `ingot run` at a terminal, as a person uses it.
#include <signal.h>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/line_editor.h"
#include "tests/testing/pty_process.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using ::ingot::testing::PtyProcess;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The prompt as it is drawn: the line is cleared first. What is typed is drawn after each key, so
// an answer is waited for between line ends.
const std::string kPrompt = "\x1B[J>>> ";

class ChatTest : public ::testing::Test {
 protected:
  PtyProcess Start(std::vector<std::string> more = {}) {
    const std::string program = INGOT_BINARY_DIR "/bin/ingot";
    const std::string model = INGOT_SOURCE_DIR "/demo/model";
    std::vector<std::string> args = {program, "run", model, "--temperature", "0"};
    args.insert(args.end(), more.begin(), more.end());
    return PtyProcess(args, {{"HOME", home_.path().string()}, {"TERM", "xterm"}});
  }

  // Types a line and returns what appeared between it and the next prompt.
  static std::string Ask(PtyProcess& chat, const std::string& keys) {
    chat.Type(keys + "\r");
    EXPECT_TRUE(chat.WaitFor("\x1B[?2004l")) << chat.all();  // the line was taken
    EXPECT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
    return chat.between();
  }

  testing::TempDir home_;
};

TEST_F(ChatTest, AnswersAndRemembersUntilCtrlD) {
  PtyProcess chat = Start();
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  EXPECT_THAT(Ask(chat, "What is 2+2?"), StartsWith("4\r\n"));
  EXPECT_THAT(Ask(chat, "Spell cat."), StartsWith("c-a-t\r\n"));
  const std::string messages = Ask(chat, "/show messages");
  EXPECT_THAT(messages, HasSubstr("user:\r\nWhat is 2+2?"));
  EXPECT_THAT(messages, HasSubstr("assistant:\r\n"));
  EXPECT_THAT(messages, HasSubstr("user:\r\nSpell cat."));
  Ask(chat, "/clear");
  EXPECT_THAT(Ask(chat, "/show messages"), Not(HasSubstr("user:")));
  chat.Type("\x04");
  EXPECT_EQ(chat.Wait(), 0);
}

TEST_F(ChatTest, ATurnReadsOnlyWhatIsNew) {
  PtyProcess chat = Start({"--verbose"});
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  EXPECT_THAT(Ask(chat, "What is 2+2?"), Not(HasSubstr("known from before")));
  for (const char* question : {"Spell cat.", "What is 47+38?", "Hello!"}) {
    EXPECT_THAT(Ask(chat, question), HasSubstr("known from before"));
  }
  EXPECT_THAT(Ask(chat, "What day comes after Sunday?"), StartsWith("Monday\r\n"));
  Ask(chat, "/clear");
  EXPECT_THAT(Ask(chat, "Spell cat."), StartsWith("c-a-t\r\n"));
}

TEST_F(ChatTest, CommandsSetAndShow) {
  PtyProcess chat = Start({"--top-k", "7"});
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  EXPECT_THAT(Ask(chat, "/?"), HasSubstr("/clear"));
  EXPECT_THAT(Ask(chat, "/help"), HasSubstr("Ctrl-C stops an answer"));
  EXPECT_THAT(Ask(chat, "/set"), HasSubstr("/set parameter NAME VALUE"));
  Ask(chat, "/set parameter typical_p 0.5");
  Ask(chat, "/set parameter stop cat");
  Ask(chat, "/set parameter logit_bias 3=-1.5");
  const std::string shown = Ask(chat, "/show parameters");
  EXPECT_THAT(shown, HasSubstr("top_k                    7"));
  EXPECT_THAT(shown, HasSubstr("typical_p                0.5"));
  EXPECT_THAT(shown, HasSubstr("[\"cat\"]"));
  EXPECT_THAT(shown, HasSubstr("{\"3\":-1.5}"));
  EXPECT_THAT(Ask(chat, "/set parameter temperatur 1"), HasSubstr("Did you mean temperature?"));
  EXPECT_THAT(Ask(chat, "/set parameter top_p 3"), HasSubstr("top_p: expected 0 to 1, found 3"));
  EXPECT_THAT(Ask(chat, "/shwo"), HasSubstr("Did you mean /show?"));
  Ask(chat, "/set system Be brief.");
  EXPECT_THAT(Ask(chat, "/show system"), HasSubstr("Be brief."));
  EXPECT_THAT(Ask(chat, "/show info"), HasSubstr("Qwen3_5MoeForCausalLM"));
  EXPECT_THAT(Ask(chat, "/show template"), HasSubstr("{%"));
  EXPECT_THAT(Ask(chat, "/show license"), HasSubstr("without a licence"));
  Ask(chat, "/set verbose");
  EXPECT_THAT(Ask(chat, "What is 2+2?"), HasSubstr("tokens/s"));
  chat.Type("/bye\r");
  EXPECT_EQ(chat.Wait(), 0);
}

TEST_F(ChatTest, TextsOfSeveralLinesAreQuotedOrPasted) {
  PtyProcess chat = Start();
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  chat.Type("\"\"\"What is\r");
  ASSERT_TRUE(chat.WaitFor("... ")) << chat.all();
  Ask(chat, "2+2?\"\"\"");
  EXPECT_THAT(Ask(chat, "/show messages"), HasSubstr("user:\r\nWhat is\r\n2+2?\r\nassistant:"));
  Ask(chat, "/clear");
  Ask(chat, "\x1B[200~Spell\rcat.\x1B[201~");
  EXPECT_THAT(Ask(chat, "/show messages"), HasSubstr("user:\r\nSpell\r\ncat.\r\nassistant:"));
  Ask(chat, "/set system \"\"\"One \"\"\"");
  EXPECT_THAT(Ask(chat, "/show system"), HasSubstr("One"));
}

TEST_F(ChatTest, CtrlCStopsTheAnswerAndNotTheProgram) {
  PtyProcess chat = Start({"--ignore-eos"});
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  for (int round = 0; round < 2; ++round) {
    chat.Type("Spell cat.\r");
    ASSERT_TRUE(chat.WaitFor("c-a-t")) << chat.all();
    chat.Type("\x03\x03");
    ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  }
  // The second Ctrl-C may have come when the line was asked for, which is then asked for again.
  chat.Type("/show system\r");
  ASSERT_TRUE(chat.WaitFor("No system message.")) << chat.all();
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  chat.Type("half a line\x03");
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  chat.Type("\x03");
  ASSERT_TRUE(chat.WaitFor("Use Ctrl-D or /bye to leave.")) << chat.all();
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  chat.Type("\x04");
  EXPECT_EQ(chat.Wait(), 0) << chat.all();
}

TEST_F(ChatTest, SigtermEndsTheProgramAtThePrompt) {
  PtyProcess chat = Start();
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  chat.Signal(SIGTERM);
  EXPECT_NE(chat.Wait(), 0);
}

TEST_F(ChatTest, TheUsualKeysEditTheLine) {
  PtyProcess chat = Start();
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  const std::string left = "\x1B[D";
  const std::string home = "\x1B[H";
  const std::string wide = "\xE4\xBD\xA0";
  // Each is typed behind "/set system " and read back.
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"abd" + left + "c", "abcd"},
      {"abcx\x7F"
       "d",
       "abcd"},
      {"caf\xC3\xA9\x7F"
       "e",
       "cafe"},
      {wide + "x" + left + left + "\x1B[3~ok", "okx"},
      {"one two\x17three", "one three"},
      {"one two" + home +
           "\x05"
           "!",
       "one two!"},
      {"one two\x1B[1;5D\x0B"
       "three",
       "one three"},
  };
  for (const auto& [keys, expected] : cases) {
    Ask(chat, "/set system " + keys);
    EXPECT_THAT(Ask(chat, "/show system"), StartsWith(expected + "\r\n"));
  }
  // A line longer than the terminal is wide.
  const std::string lengthy(200, 'y');
  Ask(chat, "/set system " + lengthy + home);
  EXPECT_THAT(Ask(chat, "/show system"), StartsWith(lengthy + "\r\n"));
}

TEST_F(ChatTest, EarlierLinesComeBackAlsoInALaterSession) {
  const std::string up = "\x1B[A";
  const std::string down = "\x1B[B";
  {
    PtyProcess chat = Start();
    ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
    Ask(chat, "/set system first");
    Ask(chat, "/set system second");
    Ask(chat, up + up);
    EXPECT_THAT(Ask(chat, "/show system"), StartsWith("first\r\n"));
    Ask(chat, "/set nohistory");
    Ask(chat, "/set system secret");
    chat.Type("\x04");
    EXPECT_EQ(chat.Wait(), 0);
  }
  PtyProcess chat = Start();
  ASSERT_TRUE(chat.WaitFor(kPrompt)) << chat.all();
  // "/set nohistory" itself was typed before it took effect, "/show system" before that.
  Ask(chat, up + up + up);
  EXPECT_THAT(Ask(chat, "/show system"), StartsWith("first\r\n"));
  Ask(chat, "/set system typed" + up + down);
  EXPECT_THAT(Ask(chat, "/show system"), StartsWith("typed\r\n"));
}

TEST(InputHistoryTest, KeepsWhatIsWorthKeeping) {
  InputHistory history;
  history.Add("one");
  history.Add("one");
  history.Add("  ");
  history.Add("two\nlines");
  EXPECT_THAT(history.inputs(), ElementsAre("one", "two\nlines"));
  EXPECT_EQ(history.Text(), "\"one\"\n\"two\\nlines\"\n");
  EXPECT_THAT(InputHistory::Parse(history.Text() + "{}\nnot json\n\"three\"").inputs(),
              ElementsAre("one", "two\nlines", "three"));
  for (int i = 0; i < 2000; ++i) history.Add(std::to_string(i));
  EXPECT_EQ(history.inputs().size(), 1000u);
  EXPECT_EQ(history.inputs().back(), "1999");
}

TEST(DisplayWidthTest, CountsColumns) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("caf\xC3\xA9"), 4);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1) << "a combining accent takes none";
  EXPECT_EQ(DisplayWidth("\xE4\xBD\xA0\xE5\xA5\xBD"), 4);
  EXPECT_EQ(DisplayWidth("\xF0\x9F\x98\x80"), 2);
}

}  // namespace
}  // namespace ingot::cli
