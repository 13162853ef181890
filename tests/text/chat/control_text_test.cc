// What people, tools and documents write never becomes a control token, whatever family's template
// or renderer puts it into a prompt and whichever kind of tokenizer reads that.
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/text/jinja/cases.h"
#include "text/chat/chat_template.h"
#include "text/chat/native.h"
#include "text/token/byte_level.h"
#include "text/token/model.h"
#include "text/token/tokenizer.h"
#include "text/token/utf8.h"

namespace ingot::text {
namespace {

using core::Json;
using jinja::testing::ReadText;
using jinja::testing::TemplatesIn;

// Around what the user wrote, so that it can be found again; nothing else has them.
constexpr std::string_view kOpen = "⦃";
constexpr std::string_view kClose = "⦄";

const std::filesystem::path kPublished =
    std::filesystem::path(INGOT_SOURCE_DIR) / ".deps/chat-templates-0.3.36";

// Whatever looks like a control token in the published templates: of all families.
std::set<std::string> ControlTokens() {
  std::set<std::string> tokens = {"<|im_start|>", "<s>", "</s>", "<bos>", "[gMASK]", "<sop>"};
  const std::regex looks(
      R"(<[|/]?[A-Za-z0-9_|:./-]{1,40}>|<｜[^<>{}'"]{1,40}｜>|\[/?[A-Z_]{3,24}\])");
  for (const auto& path : TemplatesIn(kPublished)) {
    const std::string source = ReadText(path);
    for (std::sregex_iterator it(source.begin(), source.end(), looks), end; it != end; ++it) {
      tokens.insert(it->str());
    }
  }
  return tokens;
}

std::unique_ptr<Tokenizer> Load(Json file, const std::set<std::string>& control, TokenId first) {
  Json added = Json::array();
  for (const std::string& token : control) {
    added.push_back({{"id", first++}, {"content", token}, {"special", true}});
  }
  file["added_tokens"] = std::move(added);
  auto loaded = Tokenizer::Load(file.dump());
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return loaded.ok() ? *std::move(loaded) : nullptr;
}

// Each byte a token, so that the place of every token in the text is known.
std::unique_ptr<Tokenizer> ByteLevel(const std::set<std::string>& control) {
  Json vocab = Json::object();
  for (size_t byte = 0; byte < 256; ++byte) {
    std::string text;
    AppendPoint(text, kPointOfByte[byte]);
    vocab[text] = byte;
  }
  return Load(
      {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
       {"decoder", {{"type", "ByteLevel"}}},
       {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}},
      control, 256);
}

// The same with byte fallback: no character is in the vocabulary.
std::unique_ptr<Tokenizer> SentencePiece(const std::set<std::string>& control) {
  Json vocab = {{"<unk>", 0}};
  for (size_t byte = 0; byte < 256; ++byte) {
    vocab[ByteTokenText(static_cast<uint8_t>(byte))] = byte + 1;
  }
  return Load({{"decoder", {{"type", "ByteFallback"}}},
               {"model",
                {{"type", "BPE"},
                 {"unk_token", "<unk>"},
                 {"byte_fallback", true},
                 {"vocab", vocab},
                 {"merges", Json::array()}}}},
              control, 257);
}

class ControlTextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(kPublished)) << "run tools/setup.sh";
    control_ = ControlTokens();
    ASSERT_GT(control_.size(), 200u);
    tokenizers_.push_back(ByteLevel(control_));
    tokenizers_.push_back(SentencePiece(control_));
    for (const std::string& token : control_) evil_ += token + " " + token;
    evil_ = std::string(kOpen) + evil_ + std::string(kClose);
  }

  ChatRequest Conversation(const std::string& text) const {
    ChatRequest request;
    const Json call = {{"id", "call_1234a"},
                       {"function", {{"name", "f"}, {"arguments", {{"x", text}}}}}};
    const Json messages = {
        {{"role", "system"}, {"content", text}},
        {{"role", "user"}, {"content", text}},
        {{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array({call})}},
        {{"role", "tool"}, {"content", text}, {"name", "f"}, {"tool_call_id", "call_1234a"}},
        {{"role", "assistant"}, {"content", text}, {"thinking", text}},
        {{"role", "user"}, {"content", text}}};
    auto parsed = MessagesFromJson(messages);
    EXPECT_TRUE(parsed.ok()) << parsed.status().message();
    if (parsed.ok()) request.messages = *std::move(parsed);
    request.wall_ns = jinja::testing::kNow;
    return request;
  }

  // How often the text of the user stands in the prompt; each byte of it must be marked so.
  size_t CheckMarked(const RenderedChat& chat, const std::string& what) const {
    size_t found = 0;
    for (size_t at = chat.text().find(kOpen); at != chat.text().npos;
         at = chat.text().find(kOpen, at + 1)) {
      const size_t end = chat.text().find(kClose, at);
      // A template may cut a text short; then what it left is followed by its own.
      if (end == chat.text().npos || chat.text().find(kOpen, at + 1) < end) continue;
      ++found;
      for (size_t byte = at; byte < end; ++byte) {
        if (chat.prompt.OriginAt(byte) == jinja::Origin::kUser) continue;
        ADD_FAILURE() << what << ": unmarked: " << chat.text().substr(byte, 40);
        return found;
      }
    }
    return found;
  }

  void CheckTokens(const Tokenizer& tokenizer, const RenderedChat& chat, const std::string& what) {
    const auto segments = chat.Segments();
    EncodeOptions options;
    options.add_special = false;
    const auto ids = tokenizer.EncodeSegments(segments, options);
    ASSERT_TRUE(ids.ok()) << what << ": " << ids.status().message();
    size_t at = 0;
    for (const TokenId id : *ids) {
      const size_t length = tokenizer.TokenBytes(id).size();
      if (tokenizer.IsSpecial(id)) {
        for (size_t byte = at; byte < at + length; ++byte) {
          ASSERT_EQ(chat.prompt.OriginAt(byte), jinja::Origin::kTemplate)
              << what << ": " << tokenizer.TokenBytes(id) << " at " << at;
        }
        ++special_;
      }
      at += length;
    }
    EXPECT_EQ(at, chat.text().size()) << what << ": not the text";
  }

  void Check(const ChatTemplate& chat, const std::string& what) {
    const auto rendered = chat.Render(Conversation(evil_));
    if (!rendered.ok()) return;  // templates refuse some roles and orders
    if (CheckMarked(*rendered, what) == 0) return;
    ++rendered_;
    for (const auto& tokenizer : tokenizers_) CheckTokens(*tokenizer, *rendered, what);
  }

  std::set<std::string> control_;
  std::string evil_;
  std::vector<std::unique_ptr<Tokenizer>> tokenizers_;
  size_t rendered_ = 0;
  size_t special_ = 0;  // tokens that the templates themselves wrote
};

TEST_F(ControlTextTest, StaysTextInEveryPublishedTemplate) {
  for (const auto& path : TemplatesIn(kPublished)) {
    const std::string source = ReadText(path);
    ChatSources sources;
    sources.tokenizer_config = R"({"bos_token": "<s>", "eos_token": "</s>"})";
    sources.chat_template_jinja = source;
    const auto chat = ChatTemplate::Load(sources);
    if (chat.ok()) Check(*chat, path.filename().string());
  }
  EXPECT_GT(rendered_, 45u);
  EXPECT_GT(special_, 500u) << "templates write control tokens, and those are tokens";
}

TEST_F(ControlTextTest, StaysTextInEveryRendererOfOurs) {
  for (const NativeRenderer& renderer : NativeRenderers()) {
    ChatSources sources;
    sources.renderer = renderer.name;
    const auto chat = ChatTemplate::Load(sources);
    ASSERT_TRUE(chat.ok()) << renderer.name;
    const size_t before = rendered_;
    Check(*chat, std::string(renderer.name));
    EXPECT_EQ(rendered_, before + 1) << renderer.name;
  }
}

TEST_F(ControlTextTest, StaysTextByItself) {
  for (const auto& tokenizer : tokenizers_) {
    for (const std::string& token : control_) {
      const TextSegment segments[] = {{token, false}};
      const auto ids = tokenizer->EncodeSegments(segments);
      ASSERT_TRUE(ids.ok());
      for (const TokenId id : *ids) EXPECT_FALSE(tokenizer->IsSpecial(id)) << token;
      EXPECT_EQ(tokenizer->Encode(token)->size(), 1u) << token << " is a token when trusted";
    }
  }
}

// A token half of which is the template's and half the user's is the user's.
TEST_F(ControlTextTest, StaysTextAcrossSegments) {
  for (const auto& tokenizer : tokenizers_) {
    for (const std::string& token : control_) {
      for (size_t cut = 1; cut < token.size(); ++cut) {
        const std::string_view text = token;
        for (const bool first : {false, true}) {
          const TextSegment segments[] = {{text.substr(0, cut), first}, {text.substr(cut), !first}};
          const auto ids = tokenizer->EncodeSegments(segments);
          if (!ids.ok()) continue;  // cut within a character
          for (const TokenId id : *ids) ASSERT_FALSE(tokenizer->IsSpecial(id)) << token << cut;
        }
      }
    }
  }
}

}  // namespace
}  // namespace ingot::text
