// Any bytes as text for tokenizers of each kind: pieces of trusted text give what the whole gives,
// byte-level tokens give the text back, streams give what decoding gives, and a special token never
// comes out of untrusted text.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "text/token/byte_level.h"
#include "text/token/model.h"
#include "text/token/tokenizer.h"

namespace {

using namespace ingot::text;
using ingot::core::Json;

void Require(bool holds) {
  if (!holds) std::abort();
}

Json Vocabulary(const std::vector<std::string>& tokens) {
  Json vocab = Json::object();
  for (const std::string& token : tokens) vocab[token] = vocab.size();
  return vocab;
}

Json ByteLevelFile() {
  std::vector<std::string> tokens;
  for (const uint16_t point : kPointOfByte) AppendPoint(tokens.emplace_back(), point);
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"a", "a"}, {"aa", "aa"}, {"t", "h"}, {"th", "e"}, {"\xC4\xA0", "the"}, {"s", "p"}};
  Json merges = Json::array();
  for (const auto& [left, right] : pairs) {
    tokens.push_back(left + right);
    merges.push_back(Json::array({left, right}));
  }
  return {
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", Vocabulary(tokens)}, {"merges", merges}}}};
}

Json SentencePieceFile() {
  std::vector<std::string> tokens = {"<unk>"};
  for (size_t byte = 0; byte < 256; ++byte) {
    tokens.push_back(ByteTokenText(static_cast<uint8_t>(byte)));
  }
  for (const char* token : {"▁", "a", "b", "▁a", "ab", "aa", "▁▁", "é"}) tokens.push_back(token);
  Json merges = Json::array({"▁ a", "a b", "a a", "▁ ▁"});
  Json steps = Json::array();
  steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}});
  steps.push_back({{"type", "ByteFallback"}});
  steps.push_back({{"type", "Fuse"}});
  return {{"normalizer", {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}},
          {"decoder", {{"type", "Sequence"}, {"decoders", steps}}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"byte_fallback", true},
            {"vocab", Vocabulary(tokens)},
            {"merges", merges}}}};
}

Json WordPieceFile() {
  return {{"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "?"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 20},
            {"vocab", Vocabulary({"?", "a", "##a", "b", "##b", "the", "##s", "<", "|", ">"})}}}};
}

Json UnigramFile() {
  Json pieces = Json::array();
  for (const char* piece : {"<unk>", "▁", "a", "▁a", "aa", "b", "ab", "▁the", "<|x|>"}) {
    pieces.push_back(Json::array({piece, -1.0 - static_cast<double>(pieces.size())}));
  }
  return {{"normalizer", {{"type", "NFKC"}}},
          {"pre_tokenizer",
           {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}},
          {"decoder", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}},
          {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", pieces}}}};
}

std::vector<std::unique_ptr<Tokenizer>> MakeAll() {
  std::vector<std::unique_ptr<Tokenizer>> made;
  for (Json file : {ByteLevelFile(), SentencePieceFile(), WordPieceFile(), UnigramFile()}) {
    Json special = {{"id", 0},         {"content", "<|x|>"}, {"single_word", false},
                    {"lstrip", false}, {"rstrip", false},    {"normalized", false},
                    {"special", true}};
    file["added_tokens"] = Json::array({special});
    auto loaded = Tokenizer::Load(file.dump());
    Require(loaded.ok());
    made.push_back(*std::move(loaded));
  }
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::unique_ptr<Tokenizer>> tokenizers = MakeAll();
  if (size < 2) return 0;
  const size_t cut = data[0] * (size - 1) / 255;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string storage;
  const std::string_view text = Repair(bytes, storage);
  for (const auto& tokenizer : tokenizers) {
    const auto ids = tokenizer->Encode(bytes);
    Require(ids.ok());
    size_t at = std::min(cut, text.size());
    while (at < text.size() && IsUtf8Continuation(text[at])) ++at;
    const TextSegment halves[] = {{text.substr(0, at), true}, {text.substr(at), true}};
    const auto again = tokenizer->EncodeSegments(halves);
    Require(again.ok() && *again == *ids);

    const std::string decoded = tokenizer->Decode(*ids);
    TokenStream stream = tokenizer->Stream();
    std::string streamed;
    for (const TokenId id : *ids) streamed += stream.Push(id);
    Require(streamed + stream.Finish() == decoded);

    const TextSegment typed{bytes, false};
    const auto untrusted = tokenizer->EncodeSegments({&typed, 1});
    Require(untrusted.ok());
    const TokenId special = *tokenizer->TokenOf("<|x|>");
    Require(std::find(untrusted->begin(), untrusted->end(), special) == untrusted->end());
  }
  const auto ids = tokenizers[0]->Encode(bytes);
  Require(tokenizers[0]->Decode(*ids) == text);
  return 0;
}
