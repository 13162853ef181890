#include "core/json.h"

#include <charconv>
#include <unordered_set>

#include "core/strings.h"
#include "core/utf8.h"

namespace ingot::core {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

JsonReader::JsonReader(std::string_view text, JsonLimits limits) : text_(text), limits_(limits) {}

Status JsonReader::Fail(std::string_view what) const {
  return Corrupt(StrCat("JSON, byte ", position_, ": ", what));
}

Status JsonReader::FailExpected(std::string_view expected) {
  switch (Peek()) {
    case JsonKind::kObject:
      return Fail(StrCat("expected ", expected, ", found an object"));
    case JsonKind::kArray:
      return Fail(StrCat("expected ", expected, ", found an array"));
    case JsonKind::kString:
      return Fail(StrCat("expected ", expected, ", found a string"));
    case JsonKind::kNumber:
      return Fail(StrCat("expected ", expected, ", found a number"));
    case JsonKind::kBool:
      return Fail(StrCat("expected ", expected, ", found a boolean"));
    case JsonKind::kNull:
      return Fail(StrCat("expected ", expected, ", found null"));
    case JsonKind::kEnd:
      return Fail(StrCat("expected ", expected, ", found the end of the text"));
    case JsonKind::kInvalid:
      break;
  }
  return Fail(StrCat("expected ", expected, ", found ", Quoted(text_.substr(position_, 1))));
}

void JsonReader::SkipSpace() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++position_;
  }
}

JsonKind JsonReader::Peek() {
  SkipSpace();
  if (position_ >= text_.size()) return JsonKind::kEnd;
  switch (text_[position_]) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBool;
    case 'n':
      return JsonKind::kNull;
    case '-':
      return JsonKind::kNumber;
    default:
      return IsDigit(text_[position_]) ? JsonKind::kNumber : JsonKind::kInvalid;
  }
}

Status JsonReader::Enter(char open) {
  if (text_.size() > limits_.max_bytes) {
    return Exhausted(
        StrCat("JSON of ", text_.size(), " bytes is over the limit of ", limits_.max_bytes));
  }
  SkipSpace();
  if (position_ >= text_.size() || text_[position_] != open) {
    return FailExpected(open == '{' ? "an object" : "an array");
  }
  if (nesting_.size() >= limits_.max_depth) {
    return Fail(StrCat("nested deeper than ", limits_.max_depth, " levels"));
  }
  ++position_;
  nesting_.push_back(open);
  first_ = true;
  return Status::Ok();
}

Result<bool> JsonReader::AtClose(char close) {
  const char open = close == '}' ? '{' : '[';
  if (nesting_.empty() || nesting_.back() != open) return Internal("JSON reader used out of order");
  SkipSpace();
  if (position_ < text_.size() && text_[position_] == close) {
    ++position_;
    nesting_.pop_back();
    first_ = false;
    return true;
  }
  if (!first_) {
    if (position_ >= text_.size() || text_[position_] != ',') {
      return FailExpected(close == '}' ? "',' or '}'" : "',' or ']'");
    }
    ++position_;
  }
  first_ = false;
  return false;
}

Status JsonReader::BeginObject() { return Enter('{'); }
Status JsonReader::BeginArray() { return Enter('['); }

Result<std::optional<std::string_view>> JsonReader::NextKey() {
  INGOT_ASSIGN(const bool closed, AtClose('}'));
  if (closed) return std::optional<std::string_view>();
  INGOT_TRY(ReadString());
  SkipSpace();
  if (position_ >= text_.size() || text_[position_] != ':') return FailExpected("':'");
  ++position_;
  return std::optional<std::string_view>(string_);
}

Result<bool> JsonReader::NextElement() {
  INGOT_ASSIGN(const bool closed, AtClose(']'));
  return !closed;
}

Result<std::string_view> JsonReader::String() {
  INGOT_TRY(ReadString());
  return string_;
}

Status JsonReader::ReadString() {
  SkipSpace();
  if (position_ >= text_.size() || text_[position_] != '"') return FailExpected("a string");
  ++position_;
  // The usual string has no escapes and is handed out as a view of the text.
  const size_t begin = position_;
  bool ascii = true;
  while (position_ < text_.size()) {
    const auto c = static_cast<unsigned char>(text_[position_]);
    if (c == '"' || c == '\\' || c < 0x20) break;
    ascii &= c < 0x80;
    ++position_;
  }
  if (position_ < text_.size() && text_[position_] == '"') {
    string_ = text_.substr(begin, position_ - begin);
    if (!ascii && !IsValidUtf8(string_)) return Fail("a string is not valid UTF-8");
    ++position_;
    return Status::Ok();
  }
  scratch_.assign(text_.substr(begin, position_ - begin));
  while (true) {
    if (position_ >= text_.size()) return Fail("the text ends inside a string");
    const char c = text_[position_];
    if (static_cast<unsigned char>(c) < 0x20) return Fail("a control character inside a string");
    if (c == '"') break;
    if (c == '\\') {
      INGOT_TRY(ReadEscape());
      continue;
    }
    scratch_.push_back(c);
    ++position_;
  }
  if (!IsValidUtf8(scratch_)) return Fail("a string is not valid UTF-8");
  ++position_;
  string_ = scratch_;
  return Status::Ok();
}

Status JsonReader::ReadEscape() {
  ++position_;  // the backslash
  if (position_ >= text_.size()) return Fail("the text ends inside a string");
  const char c = text_[position_++];
  switch (c) {
    case '"':
    case '\\':
    case '/':
      scratch_.push_back(c);
      return Status::Ok();
    case 'b':
      scratch_.push_back('\b');
      return Status::Ok();
    case 'f':
      scratch_.push_back('\f');
      return Status::Ok();
    case 'n':
      scratch_.push_back('\n');
      return Status::Ok();
    case 'r':
      scratch_.push_back('\r');
      return Status::Ok();
    case 't':
      scratch_.push_back('\t');
      return Status::Ok();
    case 'u':
      break;
    default:
      return Fail("an unknown escape inside a string");
  }
  INGOT_ASSIGN(unsigned point, ReadHex4());
  if (point >= 0xDC00 && point <= 0xDFFF) return Fail("half of a surrogate pair");
  if (point >= 0xD800 && point <= 0xDBFF) {
    if (text_.substr(position_, 2) != "\\u") return Fail("half of a surrogate pair");
    position_ += 2;
    INGOT_ASSIGN(const unsigned low, ReadHex4());
    if (low < 0xDC00 || low > 0xDFFF) return Fail("half of a surrogate pair");
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(scratch_, point);
  return Status::Ok();
}

Result<unsigned> JsonReader::ReadHex4() {
  const std::string_view digits = text_.substr(position_, 4);
  unsigned value = 0;
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 4 || error != std::errc() || stop != digits.data() + 4) {
    return Fail("\\u needs four hexadecimal digits");
  }
  position_ += 4;
  return value;
}

Result<std::string_view> JsonReader::NumberText(bool& integral) {
  if (Peek() != JsonKind::kNumber) return FailExpected("a number");
  const size_t begin = position_;
  const auto at = [&](size_t i) { return i < text_.size() ? text_[i] : '\0'; };
  size_t i = position_;
  integral = true;
  if (at(i) == '-') ++i;
  if (at(i) == '0') {
    ++i;
    if (IsDigit(at(i))) return Fail("a number with a leading zero");
  } else if (IsDigit(at(i))) {
    while (IsDigit(at(i))) ++i;
  } else {
    return Fail("a number without digits");
  }
  if (at(i) == '.') {
    integral = false;
    ++i;
    if (!IsDigit(at(i))) return Fail("a number without digits after the point");
    while (IsDigit(at(i))) ++i;
  }
  if (at(i) == 'e' || at(i) == 'E') {
    integral = false;
    ++i;
    if (at(i) == '+' || at(i) == '-') ++i;
    if (!IsDigit(at(i))) return Fail("a number without digits in the exponent");
    while (IsDigit(at(i))) ++i;
  }
  position_ = i;
  return text_.substr(begin, i - begin);
}

Result<uint64_t> JsonReader::Unsigned() {
  bool integral = false;
  INGOT_ASSIGN(const std::string_view number, NumberText(integral));
  const std::optional<uint64_t> value = integral ? ParseUint(number) : std::nullopt;
  if (!value) {
    return Fail(StrCat("expected an integer from 0 to 2^64-1, found ", Printable(number, 40)));
  }
  return *value;
}

Result<int64_t> JsonReader::Signed() {
  bool integral = false;
  INGOT_ASSIGN(const std::string_view number, NumberText(integral));
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (!integral || error != std::errc() || stop != number.data() + number.size()) {
    return Fail(StrCat("expected a 64-bit integer, found ", Printable(number, 40)));
  }
  return value;
}

Result<double> JsonReader::Number() {
  bool integral = false;
  INGOT_ASSIGN(const std::string_view number, NumberText(integral));
  double value = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || stop != number.data() + number.size()) {
    return Fail(StrCat("the number ", Printable(number, 40), " is out of range"));
  }
  return value;
}

Status JsonReader::Literal(std::string_view word) {
  if (text_.substr(position_, word.size()) != word) return Fail(StrCat("expected ", word));
  position_ += word.size();
  return Status::Ok();
}

Result<bool> JsonReader::Bool() {
  if (Peek() != JsonKind::kBool) return FailExpected("a boolean");
  const bool value = text_[position_] == 't';
  INGOT_TRY(Literal(value ? "true" : "false"));
  return value;
}

Status JsonReader::Null() {
  if (Peek() != JsonKind::kNull) return FailExpected("null");
  return Literal("null");
}

Status JsonReader::SkipValue() {
  // A loop, not recursion: depth is bounded by the limit alone, not by our stack.
  const size_t outer = nesting_.size();
  do {
    if (nesting_.size() > outer) {
      if (nesting_.back() == '{') {
        INGOT_ASSIGN(const std::optional<std::string_view> key, NextKey());
        if (!key) continue;
      } else {
        INGOT_ASSIGN(const bool more, NextElement());
        if (!more) continue;
      }
    }
    bool integral = false;
    switch (Peek()) {
      case JsonKind::kObject:
        INGOT_TRY(BeginObject());
        break;
      case JsonKind::kArray:
        INGOT_TRY(BeginArray());
        break;
      case JsonKind::kString:
        INGOT_TRY(ReadString());
        break;
      case JsonKind::kNumber:
        INGOT_TRY(NumberText(integral).status());
        break;
      case JsonKind::kBool:
        INGOT_TRY(Bool().status());
        break;
      case JsonKind::kNull:
        INGOT_TRY(Null());
        break;
      default:
        return FailExpected("a value");
    }
  } while (nesting_.size() > outer);
  return Status::Ok();
}

Result<std::string_view> JsonReader::RawValue() {
  SkipSpace();
  const size_t begin = position_;
  INGOT_TRY(SkipValue());
  return text_.substr(begin, position_ - begin);
}

Status JsonReader::End() {
  SkipSpace();
  if (position_ != text_.size()) return Fail("text after the end of the value");
  return Status::Ok();
}

namespace {

Result<Json> ReadTree(JsonReader& reader);

Result<Json> ReadObject(JsonReader& reader) {
  INGOT_TRY(reader.BeginObject());
  Json object = Json::object();
  auto& members = object.get_ref<Json::object_t&>();
  // ordered_json looks keys up one by one: a set keeps large objects from costing their square.
  std::unordered_set<std::string> seen;
  while (true) {
    INGOT_ASSIGN(const std::optional<std::string_view> found, reader.NextKey());
    if (!found) return object;
    std::string key(*found);
    if (!seen.insert(key).second) {
      return Corrupt(StrCat("JSON, byte ", reader.offset(), ": duplicate key ", Quoted(key)));
    }
    INGOT_ASSIGN(Json value, ReadTree(reader));
    static_cast<std::vector<std::pair<const std::string, Json>>&>(members).emplace_back(
        std::move(key), std::move(value));
  }
}

Result<Json> ReadArray(JsonReader& reader) {
  INGOT_TRY(reader.BeginArray());
  Json array = Json::array();
  while (true) {
    INGOT_ASSIGN(const bool more, reader.NextElement());
    if (!more) return array;
    INGOT_ASSIGN(Json value, ReadTree(reader));
    array.push_back(std::move(value));
  }
}

Result<Json> ReadNumber(JsonReader& reader) {
  INGOT_ASSIGN(const std::string_view raw, reader.RawValue());
  if (raw.find_first_of(".eE") == std::string_view::npos) {
    if (const std::optional<uint64_t> value = ParseUint(raw)) return Json(*value);
    int64_t value = 0;
    const auto [stop, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
    if (error == std::errc() && stop == raw.data() + raw.size()) return Json(value);
  }
  JsonReader again(raw);  // an integer beyond 64 bits becomes a double, as elsewhere
  INGOT_ASSIGN(const double value, again.Number());
  return Json(value);
}

// Recursion is bounded by the reader's depth limit.
Result<Json> ReadTree(JsonReader& reader) {
  switch (reader.Peek()) {
    case JsonKind::kObject:
      return ReadObject(reader);
    case JsonKind::kArray:
      return ReadArray(reader);
    case JsonKind::kString: {
      INGOT_ASSIGN(const std::string_view text, reader.String());
      return Json(std::string(text));
    }
    case JsonKind::kNumber:
      return ReadNumber(reader);
    case JsonKind::kBool: {
      INGOT_ASSIGN(const bool value, reader.Bool());
      return Json(value);
    }
    case JsonKind::kNull:
      INGOT_TRY(reader.Null());
      return Json(nullptr);
    default:
      // Reuses the reader's own words for what stands there instead of a value.
      return reader.SkipValue();
  }
}

}  // namespace

Result<Json> ParseJson(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return Exhausted(
        StrCat("JSON of ", text.size(), " bytes is over the limit of ", limits.max_bytes));
  }
  JsonReader reader(text, limits);
  INGOT_ASSIGN(Json tree, ReadTree(reader));
  INGOT_TRY(reader.End());
  return tree;
}

}  // namespace ingot::core
