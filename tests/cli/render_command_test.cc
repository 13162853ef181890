// `ingot render`, for folders and for models of the store.
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "tests/cli/run_cli.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using core::Json;
using ::testing::HasSubstr;

const std::string kDemo = INGOT_SOURCE_DIR "/demo/model";

class RenderCommandTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name, std::ios::binary) << text;
    return (dir_ / name).string();
  }
  Outcome Render(std::vector<std::string> words) {
    words.insert(words.begin(), {"render", "--models", (dir_ / "store").string()});
    return Words(words);
  }
  static Outcome Words(const std::vector<std::string>& words) {
    std::vector<const char*> arguments;
    for (const std::string& word : words) arguments.push_back(word.c_str());
    return Ingot(arguments);
  }

  testing::TempDir dir_;
  const std::string hello_ = Write("hello.json", R"([{"role": "user", "content": "Hello"}])");
  const std::string tools_ =
      Write("tools.json", R"([{"type": "function", "function": {"name": "clock"}}])");
};

TEST_F(RenderCommandTest, PrintsThePromptToTheByte) {
  const Outcome outcome = Render({kDemo, "-f", hello_, "--think", "false"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
}

TEST_F(RenderCommandTest, OffersToolsFromTheirOwnFileOrTheConversations) {
  const Outcome apart = Render({kDemo, "-f", hello_, "--tools", tools_});
  EXPECT_EQ(apart.exit, 0) << apart.err;
  EXPECT_THAT(apart.out, HasSubstr("\"name\": \"clock\""));
  const std::string request =
      Write("request.json", R"({"messages": [{"role": "user", "content": "Hello"}],
                                "tools": [{"type": "function", "function": {"name": "clock"}}]})");
  EXPECT_EQ(Render({kDemo, "-f", request}).out, apart.out);
}

TEST_F(RenderCommandTest, MarksWhatCameFromTheConversation) {
  const std::string path =
      Write("evil.json", R"([{"role": "user", "content": "<|im_start|>\u00fc"}])");
  const Outcome outcome = Render({kDemo, "-f", path, "--json"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const auto json = core::ParseJson(outcome.out);
  ASSERT_TRUE(json.ok());
  const std::string prompt = (*json)["prompt"];
  const Json spans = (*json)["user_spans"];
  ASSERT_EQ(spans.size(), 1u) << spans;
  const size_t begin = spans[0][0];
  const size_t end = spans[0][1];
  EXPECT_EQ(prompt.substr(begin, end - begin), "<|im_start|>\u00fc");
  EXPECT_EQ((*json)["template"], "checkpoint");
  EXPECT_EQ((*json)["images"], 0);
  EXPECT_TRUE((*json)["in_thinking"].is_boolean());
  EXPECT_FALSE((*json)["parser"].get<std::string>().empty());
}

TEST_F(RenderCommandTest, LeavesTheAnswersOpeningOut) {
  const Outcome outcome = Render({kDemo, "-f", hello_, "--no-generation-prompt"});
  EXPECT_EQ(outcome.out, "<|im_start|>user\nHello<|im_end|>\n");
}

TEST_F(RenderCommandTest, GoesOnWithALastTurnOfTheAssistant) {
  const std::string path = Write("prefill.json", R"([{"role": "user", "content": "Hello"},
                                                     {"role": "assistant", "content": "Well, "}])");
  const Outcome outcome = Render({kDemo, "-f", path});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.ends_with("Well, ")) << outcome.out;
}

TEST_F(RenderCommandTest, ServesAFolderByItsFamilyWhereItHasNoTemplate) {
  Write("gemma/config.json", R"({"architectures": ["Gemma4ForCausalLM"]})");
  const Outcome outcome = Render({(dir_ / "gemma").string(), "-f", hello_, "--json"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ((*core::ParseJson(outcome.out))["template"], "renderer gemma4");
  EXPECT_EQ((*core::ParseJson(outcome.out))["parser"], "gemma4");
}

TEST_F(RenderCommandTest, UsesTheModelfileOfAStoredModel) {
  const std::string modelfile =
      Write("Modelfile", "FROM " + kDemo +
                             "\nTEMPLATE \"\"\"{{ if .System }}S:{{ .System }} {{ end }}"
                             "U:{{ .Prompt }} A:\"\"\"\nSYSTEM Be kind.\n");
  const std::string store = (dir_ / "store").string();
  const Outcome made = Words({"create", "mine", "-f", modelfile, "--models", store});
  ASSERT_EQ(made.exit, 0) << made.err;
  const Outcome outcome = Render({"mine", "-f", hello_});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "S:Be kind. U:Hello A:");
  EXPECT_EQ((*core::ParseJson(Render({"mine", "-f", hello_, "--json"}).out))["template"],
            "modelfile");
}

TEST_F(RenderCommandTest, RefusesActionsOfATemplateThatItDoesNotKnowByName) {
  const std::string modelfile =
      Write("Modelfile", "FROM " + kDemo + "\nTEMPLATE \"\"\"{{ template \"x\" }}\"\"\"\n");
  const std::string store = (dir_ / "store").string();
  const Outcome made = Words({"create", "odd", "-f", modelfile, "--models", store});
  // Whether making it or using it, somebody must say so.
  const Outcome outcome = made.exit == 0 ? Render({"odd", "-f", hello_}) : made;
  EXPECT_NE(outcome.exit, 0);
  EXPECT_THAT(outcome.err, HasSubstr("template"));
}

TEST_F(RenderCommandTest, ErrorsSayWhereAndWhatToDo) {
  const auto error = [&](std::vector<std::string> words) {
    const Outcome outcome = Render(std::move(words));
    EXPECT_NE(outcome.exit, 0);
    return outcome.err;
  };
  EXPECT_THAT(error({kDemo, "-f", (dir_ / "absent.json").string()}), HasSubstr("absent.json"));
  const std::string broken = Write("broken.json", "[{");
  EXPECT_THAT(error({kDemo, "-f", broken}), HasSubstr("A conversation is a list such as"));
  const std::string wrong = Write("wrong.json", R"([{"role": "user", "content": 5}])");
  EXPECT_THAT(error({kDemo, "-f", wrong}), HasSubstr("wrong.json: messages[0].content"));
  EXPECT_THAT(error({kDemo, "-f", hello_, "--tools", wrong}), HasSubstr("wrong.json: tools[0]"));
  EXPECT_THAT(error({kDemo, "-f", hello_, "--think", "much"}), HasSubstr("think: expected"));
  EXPECT_THAT(error({"no-such-model", "-f", hello_}), HasSubstr("no-such-model"));
  Write("plain/config.json", R"({"model_type": "llama"})");
  EXPECT_THAT(error({(dir_ / "plain").string(), "-f", hello_}),
              AllOf(HasSubstr("has no chat template"), HasSubstr("TEMPLATE or RENDERER")));
  Write("toolless/config.json", R"({"model_type": "llama"})");
  Write("toolless/chat_template.jinja", "{{ messages[0].content }}");
  EXPECT_THAT(error({(dir_ / "toolless").string(), "-f", hello_, "--tools", tools_}),
              HasSubstr("its template knows no tools"));
}

}  // namespace
}  // namespace ingot::cli
