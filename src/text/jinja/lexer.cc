#include "text/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/strings.h"
#include "text/jinja/escapes.h"
#include "text/jinja/number.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

struct Operator {
  std::string_view text;
  Tok tok;
};
// Longer ones first.
constexpr Operator kOperators[] = {
    {"//", Tok::kFloorDiv},   {"**", Tok::kPow},         {"==", Tok::kEq},
    {"!=", Tok::kNe},         {">=", Tok::kGe},          {"<=", Tok::kLe},
    {"+", Tok::kAdd},         {"-", Tok::kSub},          {"/", Tok::kDiv},
    {"*", Tok::kMul},         {"%", Tok::kMod},          {"~", Tok::kTilde},
    {"[", Tok::kLeftBracket}, {"]", Tok::kRightBracket}, {"(", Tok::kLeftParen},
    {")", Tok::kRightParen},  {"{", Tok::kLeftBrace},    {"}", Tok::kRightBrace},
    {">", Tok::kGt},          {"<", Tok::kLt},           {"=", Tok::kAssign},
    {".", Tok::kDot},         {":", Tok::kColon},        {"|", Tok::kPipe},
    {",", Tok::kComma},       {";", Tok::kSemicolon},
};

bool AsciiDigit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  core::Result<std::vector<Token>> Run() {
    while (at_ < source_.size()) INGOT_TRY(Root());
    Push(Tok::kEof, source_.size());
    return std::move(tokens_);
  }

 private:
  core::Status Fail(size_t at, std::string_view what) const {
    return core::InvalidArgument(
        core::StrCat(Place(source_, static_cast<uint32_t>(at)), ": ", what));
  }

  void Push(Tok type, size_t at, std::string text = "", Value number = {}) {
    tokens_.push_back({type, static_cast<uint32_t>(at), std::move(text), std::move(number)});
  }

  char CharAt(size_t at) const { return at < source_.size() ? source_[at] : '\0'; }
  bool StartsAt(size_t at, std::string_view text) const {
    return source_.substr(std::min(at, source_.size()), text.size()) == text;
  }
  size_t SkipSpace(size_t at) const {
    while (at < source_.size()) {
      Utf8Char c = DecodeUtf8(source_, at);
      if (!IsSpace(c.code)) break;
      at += c.size;
    }
    return at;
  }

  // Text up to the next tag, then the tag.
  core::Status Root() {
    size_t tag = at_;
    while (true) {
      tag = source_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= source_.size()) {
        Data(at_, source_.size());
        at_ = source_.size();
        return {};
      }
      char kind = source_[tag + 1];
      if (kind == '{' || kind == '%' || kind == '#') break;
      ++tag;
    }
    char kind = source_[tag + 1];
    size_t inside = tag + 2;
    char sign = CharAt(inside);
    if (sign == '-' || sign == '+') {
      ++inside;
    } else {
      sign = 0;
    }
    Data(at_, StripBefore(at_, tag, sign, kind != '{'));
    if (kind == '#') return Comment(inside, tag);
    if (kind == '%') {
      if (std::optional<size_t> body = RawBegin(inside)) return Raw(*body, tag);
    }
    Push(kind == '{' ? Tok::kVariableBegin : Tok::kBlockBegin, tag);
    at_ = inside;
    line_starting_ = false;
    return Tag(kind);
  }

  void Data(size_t begin, size_t end) {
    if (end > begin) Push(Tok::kData, begin, std::string(source_.substr(begin, end - begin)));
  }

  // Where the text [begin, tag) ends once white space before the tag is taken off.
  size_t StripBefore(size_t begin, size_t tag, char sign, bool lstrip) const {
    if (sign == '-') {
      size_t end = tag;
      while (end > begin) {
        size_t last = PreviousChar(source_, end);
        if (!IsSpace(DecodeUtf8(source_, last).code)) break;
        end = last;
      }
      return end;
    }
    if (sign == '+' || !lstrip) return tag;
    size_t newline = source_.substr(begin, tag - begin).rfind('\n');
    if (newline == std::string_view::npos && !line_starting_) return tag;
    size_t line = newline == std::string_view::npos ? begin : begin + newline + 1;
    return SkipSpace(line) >= tag ? line : tag;
  }

  // Past the end sign of a block, comment or raw tag at `at`, which stands before "%}" or "#}".
  // sign is '-', '+' or 0.
  size_t AfterBlockEnd(size_t end, char sign) {
    size_t after = end + 2;
    if (sign == '-') {
      after = SkipSpace(after);
    } else if (sign == 0 && CharAt(after) == '\n') {
      ++after;
    }
    line_starting_ = source_[after - 1] == '\n';
    return after;
  }

  core::Status Comment(size_t inside, size_t tag) {
    size_t end = source_.find("#}", inside);
    if (end == std::string_view::npos) return Fail(tag, "missing end of comment tag");
    char sign = end > inside ? source_[end - 1] : '\0';
    at_ = AfterBlockEnd(end, sign == '-' || sign == '+' ? sign : '\0');
    return {};
  }

  // The start of the raw text if "raw" and an end sign follow.
  std::optional<size_t> RawBegin(size_t inside) const {
    size_t at = SkipSpace(inside);
    if (!StartsAt(at, "raw")) return std::nullopt;
    at = SkipSpace(at + 3);
    if (StartsAt(at, "-%}")) return SkipSpace(at + 3);
    if (StartsAt(at, "%}")) return at + 2;
    return std::nullopt;
  }

  core::Status Raw(size_t body, size_t tag) {
    line_starting_ = source_[body - 1] == '\n';
    for (size_t end = body; (end = source_.find("{%", end)) != std::string_view::npos; end += 2) {
      size_t at = end + 2;
      char sign = CharAt(at);
      if (sign == '-' || sign == '+') {
        ++at;
      } else {
        sign = 0;
      }
      at = SkipSpace(at);
      if (!StartsAt(at, "endraw")) continue;
      at = SkipSpace(at + 6);
      char end_sign = CharAt(at);
      if (end_sign == '-' || end_sign == '+') {
        ++at;
      } else {
        end_sign = 0;
      }
      if (!StartsAt(at, "%}")) continue;
      Data(body, StripBefore(body, end, sign, true));
      at_ = AfterBlockEnd(at, end_sign);
      return {};
    }
    return Fail(tag, "missing end of raw directive");
  }

  // The inside of a {{ or {% tag.
  core::Status Tag(char kind) {
    std::string open;  // brackets that wait for their partner
    while (at_ < source_.size()) {
      if (open.empty() && EndOfTag(kind)) return {};
      Utf8Char c = DecodeUtf8(source_, at_);
      if (IsSpace(c.code)) {
        at_ += c.size;
      } else if (AsciiDigit(source_[at_])) {
        INGOT_TRY(Number());
      } else if (IsAlpha(c.code) || c.code == '_') {
        Name();
      } else if (c.code == '\'' || c.code == '"') {
        INGOT_TRY(String());
      } else {
        INGOT_TRY(OperatorAt(open));
      }
    }
    return {};  // the parser says what is missing
  }

  bool EndOfTag(char kind) {
    if (kind == '{') {
      if (StartsAt(at_, "-}}")) {
        Push(Tok::kVariableEnd, at_);
        at_ = SkipSpace(at_ + 3);
      } else if (StartsAt(at_, "}}")) {
        Push(Tok::kVariableEnd, at_);
        at_ += 2;
      } else {
        return false;
      }
      line_starting_ = source_[at_ - 1] == '\n';
      return true;
    }
    char sign = CharAt(at_);
    size_t end = at_ + (sign == '-' || sign == '+' ? 1 : 0);
    if (!StartsAt(end, "%}")) return false;
    Push(Tok::kBlockEnd, at_);
    at_ = AfterBlockEnd(end, end > at_ ? sign : '\0');
    return true;
  }

  // Digits with single underscores between them.
  size_t Digits(size_t at) const {
    if (!AsciiDigit(CharAt(at))) return at;
    while (AsciiDigit(CharAt(at)) || (CharAt(at) == '_' && AsciiDigit(CharAt(at + 1)))) ++at;
    return at;
  }

  core::Status Number() {
    size_t begin = at_;
    size_t end = begin;
    // After a dot a number is an index: a.0.1
    bool may_be_real = begin == 0 || source_[begin - 1] != '.';
    if (may_be_real) {
      end = RealEnd(begin);
      if (end != begin) {
        std::optional<double> value = ParseReal(source_.substr(begin, end - begin));
        if (!value.has_value()) return Fail(begin, "invalid number");
        Push(Tok::kFloat, begin, "", Value::Of(*value));
        at_ = end;
        return {};
      }
    }
    end = IntegerEnd(begin);
    std::optional<Int> value = ParseInt(source_.substr(begin, end - begin), 0);
    if (!value.has_value()) return Fail(begin, "integer literal does not fit in 128 bits");
    Push(Tok::kInteger, begin, std::string(source_.substr(begin, end - begin)), Value::Of(*value));
    at_ = end;
    return {};
  }

  size_t RealEnd(size_t begin) const {
    size_t end = Digits(begin);
    size_t whole = end;
    if (CharAt(end) == '.') end = Digits(end + 1) == end + 1 ? end : Digits(end + 1);
    bool fraction = end != whole;
    if (CharAt(end) == 'e' || CharAt(end) == 'E') {
      size_t exponent = end + 1;
      if (CharAt(exponent) == '+' || CharAt(exponent) == '-') ++exponent;
      if (Digits(exponent) != exponent) return Digits(exponent);
    }
    return fraction ? end : begin;
  }

  size_t IntegerEnd(size_t begin) const {
    auto run = [&](size_t at, std::string_view digits) {
      while (true) {
        size_t digit = CharAt(at) == '_' ? at + 1 : at;
        char c = CharAt(digit);
        if (c == 0 || digits.find(c) == std::string_view::npos) return at;
        at = digit + 1;
      }
    };
    if (source_[begin] == '0') {
      static constexpr std::array<std::pair<char, std::string_view>, 3> kBases = {
          {{'b', "01"}, {'o', "01234567"}, {'x', "0123456789abcdefABCDEF"}}};
      for (const auto& [letter, digits] : kBases) {
        if ((CharAt(begin + 1) | 0x20) != letter) continue;
        if (size_t end = run(begin + 2, digits); end != begin + 2) return end;
      }
      return run(begin, "0");
    }
    return run(begin, "0123456789");
  }

  void Name() {
    size_t begin = at_;
    while (at_ < source_.size()) {
      Utf8Char c = DecodeUtf8(source_, at_);
      if (!IsAlnum(c.code) && c.code != '_') break;
      at_ += c.size;
    }
    Push(Tok::kName, begin, std::string(source_.substr(begin, at_ - begin)));
  }

  core::Status String() {
    size_t begin = at_;
    char quote = source_[begin];
    size_t end = begin + 1;
    while (CharAt(end) != quote) {
      if (end >= source_.size()) return Fail(begin, "a string that does not end");
      end += CharAt(end) == '\\' ? 2 : 1;
    }
    auto text = Unescape(source_.substr(begin + 1, end - begin - 1));
    if (!text.ok()) return Fail(begin, text.status().message());
    Push(Tok::kString, begin, std::move(text).value());
    at_ = end + 1;
    return {};
  }

  core::Status OperatorAt(std::string& open) {
    for (const Operator& op : kOperators) {
      if (!StartsAt(at_, op.text)) continue;
      char c = op.text[0];
      if (op.tok == Tok::kLeftParen || op.tok == Tok::kLeftBracket || op.tok == Tok::kLeftBrace) {
        if (open.size() >= 200) return core::Exhausted("too many nested brackets");
        open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
      } else if (c == ')' || c == ']' || c == '}') {
        if (open.empty()) return Fail(at_, core::StrCat("unexpected '", c, "'"));
        if (open.back() != c) {
          return Fail(at_, core::StrCat("unexpected '", c, "', expected '", open.back(), "'"));
        }
        open.pop_back();
      }
      Push(op.tok, at_);
      at_ += op.text.size();
      return {};
    }
    Utf8Char c = DecodeUtf8(source_, at_);
    return Fail(at_,
                core::StrCat("unexpected character ", core::Quoted(source_.substr(at_, c.size))));
  }

  std::string_view source_;
  size_t at_ = 0;
  bool line_starting_ = true;  // what was read last ended with a line end, or nothing was read
  std::vector<Token> tokens_;
};

}  // namespace

std::string_view TokName(Tok tok) {
  switch (tok) {
    case Tok::kData:
      return "template data";
    case Tok::kVariableBegin:
      return "begin of print statement";
    case Tok::kVariableEnd:
      return "end of print statement";
    case Tok::kBlockBegin:
      return "begin of statement block";
    case Tok::kBlockEnd:
      return "end of statement block";
    case Tok::kName:
      return "name";
    case Tok::kString:
      return "string";
    case Tok::kInteger:
      return "integer";
    case Tok::kFloat:
      return "float";
    case Tok::kEof:
      return "end of template";
    default:
      break;
  }
  for (const Operator& op : kOperators) {
    if (op.tok == tok) return op.text;
  }
  return "token";
}

std::string Place(std::string_view source, uint32_t at) {
  std::string_view before = source.substr(0, at);
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  size_t start = before.rfind('\n');
  size_t column = CountChars(before.substr(start == std::string_view::npos ? 0 : start + 1)) + 1;
  return core::StrCat("line ", line, ", column ", column);
}

core::Status CheckSource(std::string_view source) {
  constexpr size_t kMaxSource = size_t{2} << 20;
  if (source.size() > kMaxSource) {
    return core::Exhausted(core::StrCat("a template of ", core::HumanBytes(source.size()),
                                        " is longer than ", core::HumanBytes(kMaxSource)));
  }
  if (!core::IsValidUtf8(source)) return core::Corrupt("the template is not valid UTF-8");
  return core::Status::Ok();
}

std::string NormalizeSource(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out.push_back(source[i]);
      continue;
    }
    out.push_back('\n');
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

core::Result<std::vector<Token>> Tokenize(std::string_view source) { return Lexer(source).Run(); }

}  // namespace ingot::text::jinja
