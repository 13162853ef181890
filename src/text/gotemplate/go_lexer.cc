#include "text/gotemplate/go_lexer.h"

#include <algorithm>

#include "core/strings.h"
#include "text/jinja/escapes.h"
#include "text/jinja/lexer.h"
#include "text/jinja/number.h"
#include "text/jinja/unicode.h"

namespace ingot::text {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  core::Result<std::vector<GoToken>> Run() {
    while (at_ < source_.size()) {
      const size_t open = source_.find("{{", at_);
      if (open == std::string_view::npos) {
        Text(at_, source_.size());
        break;
      }
      // "{{- " takes the white space before it along.
      const bool trims = At(open + 2) == '-' &&
                         kSpace.find(At(open + 3)) != std::string_view::npos &&
                         open + 3 < source_.size();
      size_t end = open;
      if (trims) {
        while (end > at_ && kSpace.find(source_[end - 1]) != std::string_view::npos) --end;
      }
      Text(at_, end);
      at_ = open + (trims ? 3 : 2);
      INGOT_TRY(Action(open));
    }
    Push(GoTok::kEof, source_.size());
    return std::move(tokens_);
  }

 private:
  core::Status Fail(size_t at, std::string_view what) const {
    return core::InvalidArgument(
        core::StrCat(jinja::Place(source_, static_cast<uint32_t>(at)), ": ", what));
  }
  char At(size_t at) const { return at < source_.size() ? source_[at] : '\0'; }
  void Push(GoTok type, size_t at, std::string text = "", jinja::Value constant = {}) {
    tokens_.push_back(
        {type, static_cast<uint32_t>(at), std::move(text), std::move(constant), spaced_});
  }
  void Text(size_t begin, size_t end) {
    if (end > begin) Push(GoTok::kText, begin, std::string(source_.substr(begin, end - begin)));
  }

  // The end sign at at_, with the white space behind it where it is " -}}".
  bool Close() {
    const bool trims = spaced_ && At(at_) == '-' && source_.substr(at_ + 1, 2) == "}}";
    if (!trims && source_.substr(at_, 2) != "}}") return false;
    Push(GoTok::kClose, at_);
    at_ += trims ? 3 : 2;
    if (trims) at_ = std::min(source_.find_first_not_of(kSpace, at_), source_.size());
    return true;
  }

  core::Status Action(size_t open) {
    const size_t word = std::min(source_.find_first_not_of(kSpace, at_), source_.size());
    if (source_.substr(word, 2) == "/*") {
      const size_t end = source_.find("*/", word + 2);
      if (end == std::string_view::npos) return Fail(open, "unclosed comment");
      at_ = end + 2;
      spaced_ = kSpace.find(At(at_)) != std::string_view::npos;
      at_ = std::min(source_.find_first_not_of(kSpace, at_), source_.size());
      const size_t before = tokens_.size();
      if (!Close()) return Fail(open, "a comment must fill its action");
      tokens_.resize(before);
      return {};
    }
    Push(GoTok::kOpen, open);
    while (at_ < source_.size()) {
      spaced_ = kSpace.find(At(at_)) != std::string_view::npos;
      at_ = std::min(source_.find_first_not_of(kSpace, at_), source_.size());
      if (Close()) {
        spaced_ = false;
        return {};
      }
      if (at_ < source_.size()) INGOT_TRY(Token());
    }
    return Fail(open, "unclosed action");
  }

  core::Status Token() {
    const size_t begin = at_;
    const char c = At(at_);
    if (c == '"' || c == '\'' || c == '`') return Quoted(c);
    if (IsDigit(c) || ((c == '-' || c == '+') && IsDigit(At(at_ + 1)))) return Number();
    if (c == '.' && (IsNameByte(At(at_ + 1)) && !IsDigit(At(at_ + 1)))) {
      ++at_;
      Push(GoTok::kField, begin, Name());
    } else if (c == '.') {
      ++at_;
      Push(GoTok::kDot, begin);
    } else if (c == '$') {
      ++at_;
      Push(GoTok::kVariable, begin, "$" + Name());
    } else if (IsNameByte(c)) {
      Push(GoTok::kName, begin, Name());
    } else if (c == ':' && At(at_ + 1) == '=') {
      at_ += 2;
      Push(GoTok::kDeclare, begin);
    } else {
      static constexpr std::pair<char, GoTok> kSigns[] = {{'=', GoTok::kAssign},
                                                          {',', GoTok::kComma},
                                                          {'|', GoTok::kPipe},
                                                          {'(', GoTok::kLeftParen},
                                                          {')', GoTok::kRightParen}};
      const auto sign = std::find_if(std::begin(kSigns), std::end(kSigns),
                                     [&](const auto& entry) { return entry.first == c; });
      if (sign == std::end(kSigns)) {
        return Fail(begin,
                    core::StrCat("unexpected character ", core::Quoted(source_.substr(begin, 1))));
      }
      ++at_;
      Push(sign->second, begin);
    }
    return {};
  }

  std::string Name() {
    const size_t begin = at_;
    while (IsNameByte(At(at_)) && at_ < source_.size()) ++at_;
    return std::string(source_.substr(begin, at_ - begin));
  }

  core::Status Quoted(char quote) {
    const size_t begin = at_;
    size_t end = begin + 1;
    while (At(end) != quote) {
      if (end >= source_.size() || (quote != '`' && At(end) == '\n')) {
        return Fail(begin, "a string that does not end");
      }
      end += At(end) == '\\' && quote != '`' ? 2 : 1;
    }
    if (end >= source_.size()) return Fail(begin, "a string that does not end");
    const std::string_view inside = source_.substr(begin + 1, end - begin - 1);
    at_ = end + 1;
    if (quote == '`') {
      Push(GoTok::kConst, begin, "", jinja::Value::String(std::string(inside)));
      return {};
    }
    auto text = jinja::Unescape(inside);
    if (!text.ok()) return Fail(begin, text.status().message());
    if (quote == '"') {
      Push(GoTok::kConst, begin, "", jinja::Value::String(std::move(text).value()));
      return {};
    }
    if (jinja::CountChars(*text) != 1) return Fail(begin, "a character constant of one character");
    const jinja::Int code = jinja::DecodeUtf8(*text, 0).code;
    Push(GoTok::kConst, begin, "", jinja::Value::Of(code));
    return {};
  }

  core::Status Number() {
    const size_t begin = at_;
    ++at_;
    while (IsNameByte(At(at_)) || At(at_) == '.') ++at_;
    const std::string_view text = source_.substr(begin, at_ - begin);
    if (auto integer = jinja::ParseInt(text, 0)) {
      Push(GoTok::kConst, begin, "", jinja::Value::Of(*integer));
    } else if (auto real = jinja::ParseReal(text)) {
      Push(GoTok::kConst, begin, "", jinja::Value::Of(*real));
    } else {
      return Fail(begin, core::StrCat("bad number ", core::Quoted(text, 40)));
    }
    return {};
  }

  std::string_view source_;
  size_t at_ = 0;
  bool spaced_ = false;
  std::vector<GoToken> tokens_;
};

}  // namespace

core::Result<std::vector<GoToken>> TokenizeGo(std::string_view source) {
  return Lexer(source).Run();
}

}  // namespace ingot::text
