// Which template a model's conversations go through, and what is made of templates that know less.
#include "text/chat/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::text {
namespace {

using ::testing::HasSubstr;

core::Result<ChatTemplate> Load(const ChatSources& sources) { return ChatTemplate::Load(sources); }

ChatTemplate Checkpoint(std::string_view source) {
  ChatSources sources;
  sources.chat_template_jinja = source;
  auto chat = Load(sources);
  EXPECT_TRUE(chat.ok()) << chat.status().message();
  return std::move(*chat);
}

ChatRequest Ask(const core::Json& messages) {
  ChatRequest request;
  auto parsed = MessagesFromJson(messages);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  if (parsed.ok()) request.messages = std::move(*parsed);
  return request;
}

std::string Rendered(const ChatTemplate& chat, const ChatRequest& request) {
  auto rendered = chat.Render(request);
  return rendered.ok() ? std::string(rendered->text())
                       : "error: " + std::string(rendered.status().message());
}

const core::Json kHello = {{{"role", "user"}, {"content", "hello"}}};

TEST(ChatTemplateSources, ATemplateOfTheModelfileComesFirst) {
  ChatSources sources;
  sources.modelfile_template = "go {{ .Prompt }}";
  sources.chat_template_jinja = "jinja";
  sources.renderer = "qwen3.5";
  auto chat = Load(sources);
  ASSERT_TRUE(chat.ok());
  EXPECT_EQ(chat->kind(), "modelfile");
  EXPECT_EQ(Rendered(*chat, Ask(kHello)), "go hello");
}

TEST(ChatTemplateSources, OneThatOnlyEmitsThePromptCountsAsNone) {
  ChatSources sources;
  sources.modelfile_template = "{{ .Prompt }}";
  sources.chat_template_jinja = "{{ messages[0].content }} via jinja";
  auto chat = Load(sources);
  ASSERT_TRUE(chat.ok());
  EXPECT_EQ(chat->kind(), "checkpoint");
}

TEST(ChatTemplateSources, TheFileOfItsOwnComesBeforeTheConfig) {
  ChatSources sources;
  sources.tokenizer_config = R"({"chat_template":"config"})";
  EXPECT_EQ(Rendered(*Load(sources), Ask(kHello)), "config");
  sources.chat_template_jinja = "file";
  EXPECT_EQ(Rendered(*Load(sources), Ask(kHello)), "file");
  sources = {};
  sources.chat_template_json = R"({"chat_template":"json"})";
  EXPECT_EQ(Rendered(*Load(sources), Ask(kHello)), "json");
}

TEST(ChatTemplateSources, NamedTemplatesServeConversationsWithAndWithoutTools) {
  ChatSources sources;
  sources.tokenizer_config = R"({"chat_template":[{"name":"default","template":"plain"},
      {"name":"tool_use","template":"tools {{ tools|length }}"},
      {"name":"rag","template":"{% unknown %}"}]})";
  auto chat = Load(sources);
  ASSERT_TRUE(chat.ok()) << chat.status().message();
  ChatRequest request = Ask(kHello);
  EXPECT_EQ(Rendered(*chat, request), "plain");
  request.tools = *ToolsFromJson({{{"name", "f"}}});
  EXPECT_EQ(Rendered(*chat, request), "tools 1");
  sources.tokenizer_config = R"({"chat_template":[{"name":"rag","template":"x"}]})";
  EXPECT_THAT(std::string(Load(sources).status().message()), HasSubstr("none is the default"));
}

TEST(ChatTemplateSources, RendererServesWhereThereIsNoTemplate) {
  ChatSources sources;
  sources.renderer = "glm-4.7";
  EXPECT_EQ(Load(sources)->kind(), "renderer glm-4.7");
  sources.renderer = "";
  EXPECT_EQ(Load(sources)->kind(), "renderer generic");
  sources.renderer = "no-such";
  EXPECT_THAT(std::string(Load(sources).status().message()), HasSubstr("no renderer \"no-such\""));
}

TEST(ChatTemplateSources, BrokenFilesNameThemselves) {
  ChatSources sources;
  sources.tokenizer_config = "{";
  EXPECT_THAT(std::string(Load(sources).status().message()), HasSubstr("tokenizer_config.json"));
  sources.tokenizer_config = R"({"chat_template":5})";
  EXPECT_THAT(std::string(Load(sources).status().message()), HasSubstr("chat_template"));
  sources.tokenizer_config = R"({"chat_template":"{{ x"})";
  EXPECT_THAT(std::string(Load(sources).status().message()),
              HasSubstr("tokenizer_config.json: line 1"));
}

TEST(ChatTemplateVariables, SpecialTokensComeFromTheConfig) {
  ChatSources sources;
  sources.tokenizer_config =
      R"({"bos_token":"<s>","eos_token":{"content":"</s>","lstrip":false},"pad_token":null})";
  sources.chat_template_jinja = "{{ bos_token }}|{{ eos_token }}|{{ pad_token is defined }}";
  EXPECT_EQ(Rendered(*Load(sources), Ask(kHello)), "<s>|</s>|False");
}

TEST(ChatTemplateVariables, ThinkingGoesByItsSeveralNames) {
  const ChatTemplate chat = Checkpoint(
      "{{ messages[0].content }} {{ enable_thinking }} {{ thinking }} {{ reasoning_effort }}");
  EXPECT_TRUE(chat.turns_thinking());
  ChatRequest request = Ask(kHello);
  EXPECT_EQ(Rendered(chat, request), "hello   ");
  request.think = *ParseThink("false");
  EXPECT_EQ(Rendered(chat, request), "hello False False ");
  request.think = *ParseThink("max");
  EXPECT_EQ(Rendered(chat, request), "hello True True high");
  EXPECT_FALSE(ParseThink("much").ok());
}

TEST(ChatTemplateVariables, LevelsTakeTheTemplatesOwnWords) {
  const ChatTemplate chat = Checkpoint(
      "{{ messages[0].content }} {{ reasoning_effort }}{% if reasoning_effort == 'xhigh' %}{% "
      "endif %}");
  ChatRequest request = Ask(kHello);
  request.think = *ParseThink("high");
  EXPECT_EQ(Rendered(chat, request), "hello xhigh");
}

TEST(ChatTemplateVariables, CallersCanAddTheirOwn) {
  const ChatTemplate chat = Checkpoint("{{ messages[0].content }} {{ date }} {{ documents[0].t }}");
  ChatRequest request = Ask(kHello);
  request.variables = {{"date", "today"}, {"documents", {{{"t", "d"}}}}};
  EXPECT_EQ(Rendered(chat, request), "hello today d");
}

TEST(ChatTemplateCompatibility, ListsOfPartsForTemplatesThatWantThem) {
  const ChatTemplate chat = Checkpoint(
      "{% for m in messages %}{% for p in m.content %}{{ p.text if p.type == 'text' else '<img>' }}"
      "{% endfor %}{% endfor %}");
  EXPECT_EQ(Rendered(chat, Ask(kHello)), "hello");
  EXPECT_EQ(Rendered(chat, Ask({{{"role", "user"}, {"content", "what?"}, {"images", {"…"}}}})),
            "<img>what?");
}

TEST(ChatTemplateCompatibility, SystemTextMovesIntoTheQuestionWhereTurnsOfItsOwnAreRefused) {
  const ChatTemplate chat = Checkpoint(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% "
      "endif %}"
      "[{{ m.role }}:{{ m.content }}]{% endfor %}");
  EXPECT_EQ(Rendered(chat, Ask({{{"role", "system"}, {"content", "rules"}},
                                {{"role", "user"}, {"content", "hello"}}})),
            "[user:rules\n\nhello]");
}

TEST(ChatTemplateCompatibility, ImagesThatATemplateWouldDropAreRefused) {
  const ChatTemplate chat = Checkpoint(
      "{% for m in messages %}{{ m.content if m.content is string else "
      "m.content|map(attribute='text')"
      "|select('string')|join }}{% endfor %}");
  EXPECT_THAT(Rendered(chat, Ask({{{"role", "user"}, {"content", "x"}, {"images", {"…"}}}})),
              HasSubstr("no place for images"));
}

TEST(ChatTemplatePrefill, GoesOnWithTheAssistantsTurn) {
  const ChatTemplate chat = Checkpoint(
      "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</{{ m.role }}>{% endfor %}"
      "{% if add_generation_prompt %}<assistant>{% endif %}");
  const core::Json messages = {{{"role", "user"}, {"content", "hi"}},
                               {{"role", "assistant"}, {"content", "Sure: "}}};
  ChatRequest request = Ask(messages);
  EXPECT_EQ(Rendered(chat, request), "<user>hi</user><assistant>Sure: ");
  request.continue_last = false;
  EXPECT_EQ(Rendered(chat, request), "<user>hi</user><assistant>Sure:</assistant><assistant>");
  EXPECT_THAT(Rendered(Checkpoint("{{ messages[0].content }}"), Ask(messages)),
              HasSubstr("drops the turn"));
}

TEST(ChatTemplateMarks, UserTextIsNeverTrusted) {
  const ChatTemplate chat = Checkpoint(
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' }}{% "
      "endfor %}");
  auto rendered = chat.Render(Ask({{{"role", "user"}, {"content", "a<|im_start|>b"}}}));
  ASSERT_TRUE(rendered.ok());
  const auto segments = rendered->Segments();
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(segments[0].text, "<|im_start|>user\n");
  EXPECT_TRUE(segments[0].trusted);
  EXPECT_EQ(segments[1].text, "a<|im_start|>b");
  EXPECT_FALSE(segments[1].trusted);
  EXPECT_EQ(segments[2].text, "<|im_end|>");
}

TEST(ChatTemplateMarks, ARoleThatNobodyKnowsIsNotTrustedEither) {
  const ChatTemplate chat = Checkpoint("{{ messages[0].role }}:{{ messages[0].content }}");
  auto rendered = chat.Render(Ask({{{"role", "<|evil|>"}, {"content", "x"}}}));
  ASSERT_TRUE(rendered.ok());
  EXPECT_FALSE(rendered->Segments()[0].trusted);
}

TEST(ChatTemplateThinking, PromptsThatEndInsideThinkingSaySo) {
  EXPECT_TRUE(EndsInThinking("<|im_start|>assistant\n<think>\n"));
  EXPECT_TRUE(EndsInThinking("<|START_THINKING|>"));
  EXPECT_TRUE(EndsInThinking("<|turn>model\n<|channel>thought\n"));
  EXPECT_FALSE(EndsInThinking("<think>\n\n</think>\n\n"));
  EXPECT_FALSE(EndsInThinking(""));
}

TEST(Messages, AreReadFromAllInterfaces) {
  auto messages = MessagesFromJson(*core::ParseJson(R"([
    {"role":"User","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}},"b"]},
    {"role":"assistant","content":null,"reasoning":"hm","tool_calls":[
      {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"b\":1,\"a\":2}"}},
      {"function":{"name":"g","arguments":{"x":[1]}}}]},
    {"role":"tool","tool_name":"f","tool_call_id":"c1","content":"ok"}])"));
  ASSERT_TRUE(messages.ok()) << messages.status().message();
  EXPECT_EQ((*messages)[0].role, "user");
  EXPECT_EQ((*messages)[0].Text(), "ab");
  EXPECT_TRUE((*messages)[0].HasImages());
  EXPECT_EQ((*messages)[1].thinking, "hm");
  EXPECT_EQ((*messages)[1].tool_calls[0].arguments.dump(), R"({"b":1,"a":2})");
  EXPECT_EQ((*messages)[1].tool_calls[1].name, "g");
  EXPECT_EQ((*messages)[2].tool_name, "f");
}

TEST(Messages, ErrorsNameThePlace) {
  auto error = [](const char* json) {
    return std::string(MessagesFromJson(*core::ParseJson(json)).status().message());
  };
  EXPECT_EQ(error("5"), "messages: expected a list, found number");
  EXPECT_EQ(error(R"([{"content":"x"}])"), "messages[0]: no role");
  EXPECT_EQ(error(R"([{"role":"user","content":5}])"),
            "messages[0].content: expected a string or a list, found number");
  EXPECT_THAT(error(R"([{"role":"user","content":[{"type":"video"}]}])"),
              HasSubstr("messages[0].content[0]: parts of type \"video\""));
  EXPECT_THAT(error(R"([{"role":"a","tool_calls":[{"name":"f","arguments":"{"}]}])"),
              HasSubstr("messages[0].tool_calls[0].arguments"));
  EXPECT_THAT(
      std::string(ToolsFromJson(*core::ParseJson(R"([{"type":"function"}])")).status().message()),
      HasSubstr("tools[0]: a function without a name"));
}

}  // namespace
}  // namespace ingot::text
