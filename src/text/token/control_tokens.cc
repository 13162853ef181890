#include "text/token/control_tokens.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "core/json.h"
#include "core/python_json.h"
#include "core/strings.h"

namespace ingot::text {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

namespace {

// Turns end with these where a vocabulary has them as added tokens. Some stand for something else
// in other vocabularies: `beside` names a token that tells those models that mean it so.
struct TurnEnd {
  std::string_view token;
  std::string_view beside;
};
constexpr TurnEnd kTurnEnds[] = {
    {"<|im_end|>", ""},
    {"<|eot_id|>", ""},
    {"<end_of_turn>", ""},
    {"<turn|>", ""},
    {"<|eot|>", ""},
    {"<|END_OF_TURN_TOKEN|>", ""},
    {"<|user|>", "[gMASK]"},
    {"<|observation|>", "[gMASK]"},
    {"</assistant>", "<assistant>"},
};

class Reader {
 public:
  Reader(const Tokenizer* tokenizer, ControlTokens& out) : tokenizer_(tokenizer), out_(out) {}

  // tokenizer_config.json and special_tokens_map.json name tokens by their text.
  Status TextFile(std::string_view name, std::string_view text) {
    if (text.empty() || tokenizer_ == nullptr) return Status::Ok();
    INGOT_ASSIGN(const Json json, Parse(name, text));
    for (const TokenId id : Named(json, "eos_token")) {
      AddEos(id);
      SetOnce(out_.end, id);
    }
    for (const TokenId id : Named(json, "bos_token")) SetOnce(out_.bos, id);
    for (const TokenId id : Named(json, "pad_token")) SetOnce(out_.pad, id);
    Flag(json, "add_bos_token", out_.add_bos);
    Flag(json, "add_eos_token", out_.add_eos);
    return Status::Ok();
  }

  // generation_config.json and config.json give numbers.
  Status NumberFile(std::string_view name, std::string_view text) {
    if (text.empty()) return Status::Ok();
    INGOT_ASSIGN(const Json json, Parse(name, text));
    INGOT_TRY(Numbers(name, json));
    const auto nested = json.find("text_config");
    if (nested != json.end() && nested->is_object()) INGOT_TRY(Numbers(name, *nested));
    return Status::Ok();
  }

  void TurnEnds() {
    if (tokenizer_ == nullptr) return;
    for (const TurnEnd& end : kTurnEnds) {
      const std::optional<TokenId> id = tokenizer_->added().Id(end.token);
      if (id && (end.beside.empty() || tokenizer_->added().Id(end.beside))) AddEos(*id);
    }
  }

  void Finish() {
    std::sort(out_.eos.begin(), out_.eos.end());
    out_.eos.erase(std::unique(out_.eos.begin(), out_.eos.end()), out_.eos.end());
  }

 private:
  static Result<Json> Parse(std::string_view name, std::string_view text) {
    Result<Json> json = core::ParsePythonJson(text);
    if (!json.ok()) return std::move(json).status().Context(name);
    if (!json->is_object()) return core::Corrupt(StrCat(name, ": expected an object"));
    return json;
  }

  // "</s>", {"content": "</s>"}, or a list of such. A text that is no token means nothing.
  std::vector<TokenId> Named(const Json& json, const char* key) const {
    std::vector<TokenId> ids;
    const auto found = json.find(key);
    if (found == json.end()) return ids;
    const auto add = [&](const Json& value) {
      const Json* text = &value;
      if (value.is_object()) {
        const auto content = value.find("content");
        if (content == value.end()) return;
        text = &*content;
      }
      if (!text->is_string()) return;
      if (const auto id = tokenizer_->TokenOf(text->get_ref<const std::string&>())) {
        ids.push_back(*id);
      }
    };
    if (found->is_array()) {
      for (const Json& element : *found) add(element);
    } else {
      add(*found);
    }
    return ids;
  }

  static void Flag(const Json& json, const char* key, std::optional<bool>& out) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_boolean() && !out) out = found->get<bool>();
  }

  Status Numbers(std::string_view name, const Json& json) {
    const auto each = [&](const char* key, const auto& take) -> Status {
      const auto found = json.find(key);
      if (found == json.end() || found->is_null()) return Status::Ok();
      const auto one = [&](const Json& value) -> Status {
        // Configs write -1 for none.
        if (value.is_number_integer() && value.get<int64_t>() < 0) return Status::Ok();
        if (!value.is_number_unsigned() || value.get<uint64_t>() > kMaxTokenId) {
          return core::Corrupt(StrCat(name, ": ", key, ": expected token ids, found ",
                                      core::Printable(found->dump(), 60)));
        }
        take(value.get<TokenId>());
        return Status::Ok();
      };
      if (!found->is_array()) return one(*found);
      for (const Json& element : *found) INGOT_TRY(one(element));
      return Status::Ok();
    };
    INGOT_TRY(each("eos_token_id", [&](TokenId id) { AddEos(id); }));
    INGOT_TRY(each("bos_token_id", [&](TokenId id) { SetOnce(out_.bos, id); }));
    INGOT_TRY(each("suppress_tokens", [&](TokenId id) { out_.suppressed.push_back(id); }));
    return each("pad_token_id", [&](TokenId id) { SetOnce(out_.pad, id); });
  }

  void AddEos(TokenId id) { out_.eos.push_back(id); }
  static void SetOnce(std::optional<TokenId>& out, TokenId id) {
    if (!out) out = id;
  }

  const Tokenizer* tokenizer_;  // may be null
  ControlTokens& out_;
};

}  // namespace

bool ControlTokens::IsEos(TokenId id) const {
  return std::binary_search(eos.begin(), eos.end(), id);
}

Result<ControlTokens> ReadControlTokens(const Tokenizer* tokenizer, const ControlFiles& files) {
  ControlTokens out;
  Reader reader(tokenizer, out);
  // The first to name a beginning wins: the tokenizer's own files know best.
  INGOT_TRY(reader.TextFile("tokenizer_config.json", files.tokenizer_config));
  INGOT_TRY(reader.TextFile("special_tokens_map.json", files.special_tokens_map));
  INGOT_TRY(reader.NumberFile("generation_config.json", files.generation_config));
  INGOT_TRY(reader.NumberFile("config.json", files.config));
  reader.TurnEnds();
  reader.Finish();
  return out;
}

Result<std::vector<TokenId>> EncodePrompt(const Tokenizer& tokenizer, const ControlTokens& control,
                                          std::span<const TextSegment> segments,
                                          const EncodeOptions& options) {
  EncodeOptions bare = options;
  bare.add_special = false;
  bare.max_tokens = 0;
  INGOT_ASSIGN(const std::vector<TokenId> text, tokenizer.EncodeSegments(segments, bare));
  std::span<const TokenId> before;
  std::span<const TokenId> after;
  if (options.add_special) {
    before = tokenizer.post_processor().before();
    after = tokenizer.post_processor().after();
  }
  std::vector<TokenId> ids(before.begin(), before.end());
  if (options.add_special && control.bos) {
    const bool present = !ids.empty() && ids.front() == *control.bos;
    if (control.add_bos == true && !present) ids.insert(ids.begin(), *control.bos);
    if (control.add_bos == false && present) ids.erase(ids.begin());
    const bool doubled = ids.size() == 1 && ids.front() == *control.bos && !text.empty() &&
                         text.front() == *control.bos;
    if (doubled) ids.clear();
  }
  const size_t begin = ids.size();
  ids.insert(ids.end(), text.begin(), text.end());
  ids.insert(ids.end(), after.begin(), after.end());
  size_t end = after.size();
  if (options.add_special && control.add_eos == true && control.end &&
      (ids.empty() || ids.back() != *control.end)) {
    ids.push_back(*control.end);
    ++end;
  }
  if (options.max_tokens != 0 && ids.size() > options.max_tokens) {
    if (begin + end > options.max_tokens) {
      return core::InvalidArgument(StrCat("a limit of ", options.max_tokens,
                                          " tokens leaves no room for the ", begin + end,
                                          " that are added to every text"));
    }
    const auto last = ids.end() - static_cast<ptrdiff_t>(end);
    ids.erase(last - static_cast<ptrdiff_t>(ids.size() - options.max_tokens), last);
  }
  return ids;
}

}  // namespace ingot::text
