// Reading tokenizer.json in one pass. The vocabulary and the merges, megabytes of them, become
// tables at once (model_load.cc); the small components become JSON values first.
#include <algorithm>

#include "core/json.h"
#include "core/strings.h"
#include "text/token/model_load.h"
#include "text/token/tokenizer.h"

namespace ingot::text {

using core::Corrupt;
using core::Json;
using core::JsonKind;
using core::JsonReader;
using core::Result;
using core::Status;
using core::StrCat;
using core::Unsupported;

namespace {

constexpr core::JsonLimits kLimits{.max_bytes = kMaxTokenizerFile};

Result<TokenId> ReadId(JsonReader& reader) {
  INGOT_ASSIGN(const uint64_t id, reader.Unsigned());
  if (id > kMaxTokenId) return Corrupt(StrCat("the token id ", id, " is over the limit"));
  return static_cast<TokenId>(id);
}

Result<AddedToken> ReadAddedToken(JsonReader& reader) {
  AddedToken token;
  bool has_content = false;
  INGOT_TRY(reader.BeginObject());
  while (true) {
    INGOT_ASSIGN(const std::optional<std::string_view> found, reader.NextKey());
    if (!found) break;
    if (*found == "id") {
      INGOT_ASSIGN(token.id, ReadId(reader));
    } else if (*found == "content") {
      INGOT_ASSIGN(token.content, reader.String());
      has_content = true;
    } else if (*found == "single_word") {
      INGOT_ASSIGN(token.single_word, reader.Bool());
    } else if (*found == "lstrip") {
      INGOT_ASSIGN(token.lstrip, reader.Bool());
    } else if (*found == "rstrip") {
      INGOT_ASSIGN(token.rstrip, reader.Bool());
    } else if (*found == "normalized") {
      INGOT_ASSIGN(token.normalized, reader.Bool());
    } else if (*found == "special") {
      INGOT_ASSIGN(token.special, reader.Bool());
    } else {
      INGOT_TRY(reader.SkipValue());
    }
  }
  if (!has_content) return Corrupt("a token without content");
  return token;
}

Result<std::vector<AddedToken>> ReadAddedTokens(JsonReader& reader) {
  std::vector<AddedToken> tokens;
  if (reader.Peek() == JsonKind::kNull) {
    INGOT_TRY(reader.Null());
    return tokens;
  }
  INGOT_TRY(reader.BeginArray());
  while (true) {
    INGOT_ASSIGN(const bool more, reader.NextElement());
    if (!more) return tokens;
    INGOT_ASSIGN(AddedToken token, ReadAddedToken(reader));
    tokens.push_back(std::move(token));
  }
}

}  // namespace

class TokenizerLoader {
 public:
  explicit TokenizerLoader(std::string_view text) : reader_(text, kLimits), size_(text.size()) {}

  Result<std::unique_ptr<Tokenizer>> Load() {
    INGOT_TRY(reader_.BeginObject());
    while (true) {
      INGOT_ASSIGN(const std::optional<std::string_view> found, reader_.NextKey());
      if (!found) break;
      const std::string key(*found);
      INGOT_TRY(Member(key));
    }
    INGOT_TRY(reader_.End());
    if (!made_->model_) return Corrupt("no model");
    INGOT_TRY(Assemble());
    return std::move(made_);
  }

 private:
  Status Member(std::string_view key) {
    if (key == "version") {
      INGOT_ASSIGN(const std::string_view version, reader_.String());
      if (version == "1.0") return Status::Ok();
      return Unsupported(StrCat("version ", core::Quoted(version, 20), ", only 1.0 is known"));
    }
    if (key == "model") {
      INGOT_ASSIGN(made_->model_, LoadModel(reader_, size_));
      return Status::Ok();
    }
    if (key == "added_tokens") {
      Result<std::vector<AddedToken>> read = ReadAddedTokens(reader_);
      if (!read.ok()) return std::move(read).status().Context(key);
      added_ = *std::move(read);
      return Status::Ok();
    }
    const bool known = key == "normalizer" || key == "pre_tokenizer" || key == "post_processor" ||
                       key == "decoder" || key == "truncation" || key == "padding";
    if (!known) return reader_.SkipValue();
    INGOT_ASSIGN(const std::string_view raw, reader_.RawValue());
    INGOT_ASSIGN(const Json json, core::ParseJson(raw, kLimits));
    return json.is_null() ? Status::Ok() : LoadComponent(Component(json, std::string(key)));
  }

  Status LoadComponent(const Component& component) {
    const std::string& key = component.where();
    if (key == "normalizer") {
      INGOT_ASSIGN(made_->normalizer_, LoadNormalizer(component));
    } else if (key == "pre_tokenizer") {
      INGOT_ASSIGN(made_->pre_tokenizer_, LoadPreTokenizer(component));
    } else if (key == "post_processor") {
      INGOT_ASSIGN(made_->post_, PostProcessor::Load(component));
    } else if (key == "decoder") {
      INGOT_ASSIGN(made_->decoder_, DecoderPlan::Load(component));
    } else if (key == "truncation") {
      INGOT_ASSIGN(const uint64_t length, component.Unsigned("max_length"));
      made_->hints_.truncate_to = length;
    } else {
      INGOT_ASSIGN(const uint64_t id, component.Unsigned("pad_id"));
      if (id > kMaxTokenId) return component.Fail("pad_id", "a token id");
      made_->hints_.pad_id = static_cast<TokenId>(id);
    }
    return Status::Ok();
  }

  Status Assemble() {
    std::vector<AddedToken> as_written = added_;
    INGOT_TRY(made_->added_.Add(std::move(added_), *made_->model_, made_->normalizer_.get()));
    for (const AddedToken& token : as_written) {
      const std::optional<TokenId> id = made_->added_.Id(token.content);
      if (id && *id != token.id) {
        made_->notes_.push_back(StrCat("the added token ", core::Quoted(token.content, 60),
                                       " says that its id is ", token.id, ", but it is ", *id));
      }
    }
    if (made_->pre_tokenizer_) {
      // Only when both can: the order matters, for each changes for good.
      if (made_->pre_tokenizer_->ends_in_bytes() && made_->model_->TakeBytes()) {
        made_->pre_tokenizer_->HandOutBytes();
      }
      made_->asks_start_ = made_->pre_tokenizer_->asks_start();
    }
    made_->Finish();
    return Status::Ok();
  }

  JsonReader reader_;
  size_t size_;
  std::unique_ptr<Tokenizer> made_{new Tokenizer()};
  std::vector<AddedToken> added_;
};

Result<std::unique_ptr<Tokenizer>> Tokenizer::Load(std::string_view json) {
  return TokenizerLoader(json).Load().Context("tokenizer.json");
}

void Tokenizer::Finish() {
  id_end_ = model_->vocab().id_end();
  for (const AddedToken& token : added_.tokens()) id_end_ = std::max(id_end_, token.id + 1);
  if (const size_t size = model_->size(); size > id_end_) id_end_ = static_cast<TokenId>(size);
  const bool bytes_only = decoder_.only_joins_bytes();
  for (TokenId id = 0; id < id_end_; ++id) {
    const std::optional<std::string_view> text = TokenText(id);
    if (text) {
      const size_t begin = prepared_.bytes.size();
      decoder_.Prepare(*text, prepared_.bytes);
      if (!bytes_only) {
        plain_.bytes += decoder_.Bytes(std::string_view(prepared_.bytes).substr(begin));
      }
      if (added_.IsSpecialText(*text)) special_.Add(id);
    }
    prepared_.ends.push_back(static_cast<uint32_t>(prepared_.bytes.size()));
    if (!bytes_only) plain_.ends.push_back(static_cast<uint32_t>(plain_.bytes.size()));
  }
  guarded_ = special_;
  for (const AddedToken& token : added_.tokens()) {
    if (token.special) guarded_.Add(token.id);
  }
  avoided_ = guarded_;
  if (const std::optional<TokenId> unknown = model_->unknown()) avoided_.Remove(*unknown);
}

}  // namespace ingot::text
