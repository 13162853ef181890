// How a model's files decide what its conversations look like and how its answers are read.
#include "engine/chat_format.h"

#include <algorithm>
#include <map>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/utf8.h"

namespace ingot::engine {
namespace {

using core::Json;
using ::testing::HasSubstr;

class FakeFiles final : public ModelFiles {
 public:
  FakeFiles(std::map<std::string, std::string, std::less<>> files, ModelChoices choices)
      : ModelFiles("the-model"), files_(std::move(files)), choices_(std::move(choices)) {}
  core::Result<std::optional<std::string>> Read(std::string_view name) const override {
    const auto found = files_.find(name);
    if (found == files_.end()) return std::optional<std::string>();
    return std::optional<std::string>(found->second);
  }
  core::Result<ModelChoices> Choices() const override { return choices_; }
  core::Result<model::StoredTensors> Tensors() const override {
    return core::NotFound("no tensors here");
  }

 private:
  std::map<std::string, std::string, std::less<>> files_;
  ModelChoices choices_;
};

constexpr char kQwen35[] = R"({"architectures": ["Qwen3_5ForConditionalGeneration"]})";
constexpr char kTemplate[] = "{% for m in messages %}[{{ m.content }}]{% endfor %}<think>";

ChatFormat Load(std::map<std::string, std::string, std::less<>> files, ModelChoices choices = {}) {
  auto format = ChatFormat::Load(FakeFiles(std::move(files), std::move(choices)));
  EXPECT_TRUE(format.ok()) << format.status().message();
  return std::move(*format);
}

std::string LoadError(std::map<std::string, std::string, std::less<>> files,
                      ModelChoices choices = {}) {
  return std::string(
      ChatFormat::Load(FakeFiles(std::move(files), std::move(choices))).status().message());
}

text::ChatRequest Ask(const Json& messages) {
  text::ChatRequest request;
  auto parsed = text::MessagesFromJson(messages);
  EXPECT_TRUE(parsed.ok());
  request.messages = *std::move(parsed);
  return request;
}
const Json kHello = {{{"role", "user"}, {"content", "hello"}}};

TEST(ChatFormat, TheCheckpointsTemplateComesBeforeTheFamilysRenderer) {
  const ChatFormat format = Load({{"config.json", kQwen35}, {"chat_template.jinja", kTemplate}});
  EXPECT_EQ(format.source(), "checkpoint");
  EXPECT_EQ(format.parser(), "qwen3.5");
  EXPECT_EQ(format.Render(Ask(kHello))->text(), "[hello]<think>");
}

TEST(ChatFormat, TheFamilysRendererServesACheckpointWithoutTemplate) {
  const ChatFormat format = Load({{"config.json", kQwen35}});
  EXPECT_EQ(format.source(), "renderer qwen3.5");
  EXPECT_TRUE(format.turns_thinking());
  EXPECT_EQ(format.Render(Ask(kHello))->text(),
            "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n<think>\n");
}

TEST(ChatFormat, AModelfilesChoicesComeFirst) {
  const ModelChoices choices{.chat_template = "Q: {{ .Prompt }}\nA:",
                             .system = "Be kind.",
                             .renderer = "",
                             .parser = "json"};
  const ChatFormat format =
      Load({{"config.json", kQwen35}, {"chat_template.jinja", kTemplate}}, choices);
  EXPECT_EQ(format.source(), "modelfile");
  EXPECT_EQ(format.parser(), "json");
  EXPECT_EQ(format.system(), "Be kind.");
  EXPECT_EQ(format.Render(Ask(kHello))->text(), "Q: hello\nA:");
}

TEST(ChatFormat, AParserIsInferredWhereTheFamilyNamesNone) {
  const ChatFormat format =
      Load({{"config.json", R"({"model_type": "gpt_oss"})"},
            {"tokenizer_config.json",
             R"({"chat_template": "<|start|>{{ messages[0].content }}<|channel|>x<|message|>"})"}});
  EXPECT_EQ(format.parser(), "harmony");
  EXPECT_EQ(Load({{"config.json", "{}"}, {"chat_template.jinja", "plain"}}).parser(), "generic");
}

TEST(ChatFormat, AParserThatWeDoNotHaveIsReplaced) {
  ModelChoices choices;
  choices.parser = "of-another-program";
  const ChatFormat format = Load(
      {{"config.json", "{}"}, {"chat_template.jinja", "<tool_call>{name, arguments}"}}, choices);
  EXPECT_EQ(format.parser(), "qwen3");
}

TEST(ChatFormat, AModelWithNeitherCannotChat) {
  const ChatFormat format = Load({{"config.json", R"({"model_type": "llama"})"}});
  EXPECT_FALSE(format.can_chat());
  EXPECT_EQ(format.source(), "none");
  const auto prompt = format.Render(Ask(kHello));
  EXPECT_THAT(std::string(prompt.status().message()), HasSubstr("the-model: has no chat template"));
  EXPECT_THAT(std::string(prompt.status().hint()), HasSubstr("--raw"));
}

TEST(ChatFormat, ErrorsNameModelAndFile) {
  EXPECT_THAT(LoadError({{"config.json", "{"}}), HasSubstr("the-model: config.json"));
  EXPECT_THAT(LoadError({{"tokenizer_config.json", "[]"}}),
              HasSubstr("the-model: tokenizer_config.json: expected an object"));
}

// Such a model can still be given plain text, and token numbers.
TEST(ChatFormat, ABrokenTemplateIsAnErrorOnlyWhenItIsUsed) {
  const auto render_error = [](const ChatFormat& format) {
    EXPECT_TRUE(format.can_chat());
    return std::string(format.Render(Ask(kHello)).status().message());
  };
  EXPECT_THAT(render_error(Load({{"chat_template.jinja", "{% for %}"}})),
              HasSubstr("the-model: chat_template.jinja: line 1"));
  ModelChoices choices;
  choices.renderer = "of-another-program";
  EXPECT_THAT(render_error(Load({}, choices)),
              HasSubstr("the-model: no renderer \"of-another-program\""));
}

TEST(ChatFormat, TheParserBeginsWhereThePromptEnds) {
  const ChatFormat format = Load({{"config.json", kQwen35}});
  text::ChatRequest request = Ask(kHello);
  const auto answer = [&] {
    const auto prompt = format.Render(request);
    auto parser = format.NewParser(request, *prompt);
    text::ParsedPiece piece = (*parser)->Add("Hm.</think>Yes.");
    piece.content += (*parser)->Finish().content;
    return piece.thinking + "|" + piece.content;
  };
  EXPECT_EQ(answer(), "Hm.|Yes.");
  request.think.on = false;
  EXPECT_EQ(answer(), "|Hm.</think>Yes.");
}

// A vocabulary of bytes with the control tokens of a family behind them.
std::unique_ptr<text::Tokenizer> ByteTokenizer(const std::vector<std::string>& controls) {
  Json vocab = Json::object();
  Json added = Json::array();
  int id = 0;
  // Bytes that are no printable characters of Latin-1 have names from U+0100 on.
  int other = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    const int point = printable ? byte : other++;
    std::string name;
    core::AppendUtf8(name, static_cast<uint32_t>(point));
    vocab[name] = id++;
  }
  for (const std::string& control : controls) {
    added.push_back({{"id", id++},
                     {"content", control},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", control.starts_with("<|")}});
  }
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  const Json json = {{"added_tokens", added},
                     {"pre_tokenizer", byte_level},
                     {"decoder", byte_level},
                     {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}};
  auto tokenizer = text::Tokenizer::Load(json.dump());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return *std::move(tokenizer);
}

TEST(ChatFormat, WhatAUserTypesBecomesNoControlTokenInAnyFamily) {
  struct Family {
    const char* config;
    std::vector<std::string> controls;
  };
  const Family families[] = {
      {R"({"architectures": ["Qwen3_5ForConditionalGeneration"]})",
       {"<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>"}},
      {R"({"architectures": ["Qwen3ForCausalLM"]})",
       {"<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>"}},
      {R"({"architectures": ["Gemma4ForCausalLM"]})",
       {"<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>"}},
      {R"({"architectures": ["Glm4MoeLiteForCausalLM"]})",
       {"<|user|>", "<|assistant|>", "<|observation|>", "<think>", "</think>", "<tool_call>"}},
      {R"({"architectures": ["LagunaForCausalLM"]})",
       {"<user>", "</assistant>", "<think>", "</think>", "<tool_call>", "</tool_call>"}},
      {R"({"architectures": ["NemotronHForCausalLM"]})",
       {"<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>"}},
      {R"({"architectures": ["Cohere2MoeForCausalLM"]})",
       {"<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|START_THINKING|>",
        "<|END_THINKING|>", "<|START_ACTION|>", "<|END_ACTION|>"}},
      {R"({"architectures": ["MuseGlimmerForConditionalGeneration"]})",
       {"<|start|>", "<|message|>", "<|eom|>", "<|eot|>"}},
  };
  for (const Family& family : families) {
    SCOPED_TRACE(family.config);
    const ChatFormat format = Load({{"config.json", family.config}});
    const auto tokenizer = ByteTokenizer(family.controls);
    std::string said = "I say: ";
    for (const std::string& control : family.controls) said += control;
    const auto controls_in = [&](const std::string& text) {
      const auto prompt = format.Render(Ask({{{"role", "user"}, {"content", text}}}));
      EXPECT_TRUE(prompt.ok()) << prompt.status().message();
      const auto ids = EncodeChatPrompt(*tokenizer, format, *prompt);
      EXPECT_TRUE(ids.ok()) << ids.status().message();
      // Nothing of it is lost either.
      EXPECT_THAT(tokenizer->Decode(*ids), HasSubstr(text));
      return std::count_if(ids->begin(), ids->end(), [&](text::TokenId id) {
        return id >= tokenizer->id_end() - family.controls.size();
      });
    };
    const auto own = controls_in("I say:");
    EXPECT_GT(own, 0);
    EXPECT_EQ(controls_in(said), own);
  }
}

}  // namespace
}  // namespace ingot::engine
