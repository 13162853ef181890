// Gemma 4's calls: call:NAME{key:value,…}, with strings between <|"|> marks.
#include <charconv>

#include "core/strings.h"
#include "text/parse/call_formats.h"
#include "text/parse/tag_scan.h"

namespace ingot::text {
namespace {

using core::Json;

constexpr std::string_view kQuote = "<|\"|>";
constexpr int kMaxDepth = 64;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<ToolCall> Call() {
    Skip();
    if (!Take("call:")) return std::nullopt;
    const size_t brace = text_.find('{', at_);
    if (brace == std::string_view::npos) return std::nullopt;
    ToolCall call;
    call.name = CleanText(StripSpace(text_.substr(at_, brace - at_)));
    if (call.name.empty() || call.name.find_first_of("<>\n") != std::string_view::npos) {
      return std::nullopt;
    }
    at_ = brace;
    std::optional<Json> arguments = Object(0);
    if (!arguments.has_value()) return std::nullopt;
    call.arguments = std::move(*arguments);
    return call;
  }

  bool AtEnd() {
    Skip();
    return at_ >= text_.size();
  }

 private:
  bool Starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool Take(std::string_view what) {
    if (!Starts(what)) return false;
    at_ += what.size();
    return true;
  }
  void Skip() { at_ = std::min(text_.find_first_not_of(kTagSpace, at_), text_.size()); }

  std::optional<Json> Object(int depth) {
    Json object = Json::object();
    ++at_;  // {
    while (true) {
      Skip();
      if (at_ >= text_.size() || Take("}")) return object;  // a lost last bracket is forgiven
      if (Take(",")) continue;
      std::optional<std::string> key = Key();
      Skip();
      if (!key.has_value() || !Take(":")) return std::nullopt;
      std::optional<Json> value = Value(depth + 1);
      if (!value.has_value()) return std::nullopt;
      object[*key] = std::move(*value);
    }
  }

  std::optional<Json> Array(int depth) {
    Json array = Json::array();
    ++at_;  // [
    while (true) {
      Skip();
      if (at_ >= text_.size() || Take("]")) return array;
      if (Take(",")) continue;
      std::optional<Json> value = Value(depth + 1);
      if (!value.has_value()) return std::nullopt;
      array.push_back(std::move(*value));
    }
  }

  std::optional<std::string> Key() {
    if (Starts(kQuote) || Starts("\"")) return Quoted();
    const size_t end = text_.find_first_of(":,{}[]", at_);
    if (end == std::string_view::npos || text_[end] != ':') return std::nullopt;
    std::string key = CleanText(StripSpace(text_.substr(at_, end - at_)));
    at_ = end;
    if (key.empty()) return std::nullopt;
    return key;
  }

  // Between the model's own marks, or in plain quotes with JSON's escapes.
  std::optional<std::string> Quoted() {
    if (Take(kQuote)) {
      const size_t end = text_.find(kQuote, at_);
      if (end == std::string_view::npos) return std::nullopt;
      std::string text = CleanText(text_.substr(at_, end - at_));
      at_ = end + kQuote.size();
      return text;
    }
    for (size_t end = at_ + 1; end < text_.size(); ++end) {
      if (text_[end] == '\\') {
        ++end;
        continue;
      }
      if (text_[end] != '"') continue;
      const std::string_view whole = text_.substr(at_, end + 1 - at_);
      at_ = end + 1;
      auto json = core::ParseJson(whole);
      if (json.ok()) return json->get<std::string>();
      return CleanText(whole.substr(1, whole.size() - 2));
    }
    return std::nullopt;
  }

  std::optional<Json> Value(int depth) {
    if (depth > kMaxDepth) return std::nullopt;
    Skip();
    if (Starts("{")) return Object(depth);
    if (Starts("[")) return Array(depth);
    if (Starts(kQuote) || Starts("\"")) {
      std::optional<std::string> text = Quoted();
      return text.has_value() ? std::optional<Json>(std::move(*text)) : std::nullopt;
    }
    // A bare word: a number, true, false, null, or text that lost its marks.
    const size_t end = std::min(text_.find_first_of(",{}[]", at_), text_.size());
    const std::string_view word = StripSpace(text_.substr(at_, end - at_));
    if (word.empty()) return std::nullopt;
    at_ = end;
    auto json = core::ParseJson(word);
    if (json.ok()) return std::move(*json);
    if (word == "None") return Json();
    if (core::EqualsIgnoreCase(word, "true")) return Json(true);
    if (core::EqualsIgnoreCase(word, "false")) return Json(false);
    return Json(CleanText(word));
  }

  std::string_view text_;
  size_t at_ = 0;
};

bool InsideText(std::string_view body) {
  bool inside = false;
  for (size_t at = 0; (at = body.find(kQuote, at)) != std::string_view::npos; at += kQuote.size()) {
    inside = !inside;
  }
  return inside;
}

// A call that ends with its bracket is over, even where a mark has lost its partner.
bool InsideOpenText(std::string_view body) {
  return InsideText(body) && !StripSpace(body).ends_with('}');
}

constexpr size_t kMaxName = 256;

bool MayBeBraces(std::string_view body) {
  const std::string_view text =
      body.substr(std::min(body.find_first_not_of(kTagSpace), body.size()));
  constexpr std::string_view kCall = "call:";
  if (!text.starts_with(kCall)) return kCall.starts_with(text);
  const std::string_view name = text.substr(kCall.size(), text.find('{') - kCall.size());
  return name.size() <= kMaxName && name.find_first_of("<>\n") == std::string_view::npos;
}

std::optional<Calls> ReadBraces(std::string_view body, const ToolSchemas& schemas, bool finished) {
  // Where the answer ended inside the call, a value may be torn: only what closes its last value
  // counts.
  const std::string_view solid = StripSpace(body);
  if (!finished && !solid.ends_with('}') && !solid.ends_with(']') && !solid.ends_with(kQuote)) {
    return std::nullopt;
  }
  if (!finished && InsideText(body) && !solid.ends_with('}')) return std::nullopt;
  // A mark that lost its partner at the very end is forgiven.
  std::string text(body);
  if (InsideText(text)) {
    const size_t cut = text.find_last_not_of(" \t\r\n}]");
    if (cut == std::string_view::npos) return std::nullopt;
    text.insert(cut + 1, kQuote);
  }
  Reader reader(text);
  Calls calls;
  while (calls.empty() || !reader.AtEnd()) {
    std::optional<ToolCall> call = reader.Call();
    if (!call.has_value()) return std::nullopt;
    const bool torn = !finished && !solid.ends_with('}');
    if (torn && !schemas.Complete(call->name, call->arguments)) return std::nullopt;
    calls.push_back(std::move(*call));
  }
  return calls;
}

}  // namespace

const CallFormat kBraceCalls = {MayBeBraces, ReadBraces, InsideOpenText};

}  // namespace ingot::text
