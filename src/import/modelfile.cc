#include "import/modelfile.h"

#include <algorithm>
#include <array>

#include "core/json.h"
#include "core/strings.h"
#include "core/utf8.h"
#include "store/json_text.h"

namespace ingot::import {
namespace {

using core::InvalidArgument;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

constexpr std::string_view kTriple = "\"\"\"";
constexpr std::array<std::string_view, 3> kRoles = {"system", "user", "assistant"};

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Result<std::string> FromUtf16(std::string_view bytes, bool big_endian) {
  if (bytes.size() % 2 != 0) return InvalidArgument("half a UTF-16 character at the end");
  const auto unit = [&](size_t i) {
    const auto first = static_cast<uint8_t>(bytes[2 * i]);
    const auto second = static_cast<uint8_t>(bytes[2 * i + 1]);
    return static_cast<uint32_t>(big_endian ? first << 8 | second : second << 8 | first);
  };
  std::string text;
  const size_t units = bytes.size() / 2;
  for (size_t i = 0; i < units; ++i) {
    uint32_t point = unit(i);
    if (point >= 0xD800 && point < 0xDC00 && i + 1 < units && unit(i + 1) >= 0xDC00 &&
        unit(i + 1) < 0xE000) {
      point = 0x10000 + ((point - 0xD800) << 10) + (unit(++i) - 0xDC00);
    } else if (point >= 0xD800 && point < 0xE000) {
      return InvalidArgument("half of a UTF-16 pair stands alone");
    }
    core::AppendUtf8(text, point);
  }
  return text;
}

// UTF-8 without a byte order mark, whatever the text began as.
Result<std::string> Decode(std::string_view text) {
  if (text.starts_with("\xFE\xFF")) return FromUtf16(text.substr(2), true);
  if (text.starts_with("\xFF\xFE")) return FromUtf16(text.substr(2), false);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!core::IsValidUtf8(text)) return InvalidArgument("the text is not UTF-8");
  return std::string(text);
}

// What is between the quotes; nullopt while they are not closed.
std::optional<std::string_view> Unquote(std::string_view value) {
  if (value.starts_with(kTriple)) {
    if (value.size() < 6 || !value.ends_with(kTriple)) return std::nullopt;
    return value.substr(3, value.size() - 6);
  }
  if (value.starts_with('"')) {
    if (value.size() < 2 || !value.ends_with('"')) return std::nullopt;
    return value.substr(1, value.size() - 2);
  }
  return value;
}

// Three numbers with dots between them, as in "0.19.0"; what follows a "-" or "+" is not compared.
std::optional<std::array<uint64_t, 3>> ParseVersion(std::string_view text) {
  text = text.substr(0, text.find_first_of("-+"));
  const auto parts = core::Split(text, '.');
  if (parts.empty() || parts.size() > 3) return std::nullopt;
  std::array<uint64_t, 3> version{};
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto number = core::ParseUint(parts[i]);
    if (!number || (parts[i].size() > 1 && parts[i][0] == '0')) return std::nullopt;
    version[i] = *number;
  }
  return version;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<Modelfile> Read() {
    while (SkipToCommand()) {
      const size_t line = line_;
      if (Status status = ReadCommand(); !status.ok()) {
        return std::move(status).Context(StrCat("line ", line));
      }
    }
    if (modelfile_.from.empty()) {
      return InvalidArgument("no FROM line: nothing says what to make the model from");
    }
    return std::move(modelfile_);
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }

  void Advance() {
    // "\r\n" ends one line.
    if (text_[at_] == '\n' || (text_[at_] == '\r' && text_.substr(at_ + 1, 1) != "\n")) ++line_;
    ++at_;
  }

  // False at the end of the file.
  bool SkipToCommand() {
    while (!AtEnd()) {
      if (text_[at_] == '#') {
        while (!AtEnd() && !IsLineEnd(text_[at_])) Advance();
      } else if (IsBlank(text_[at_]) || IsLineEnd(text_[at_])) {
        Advance();
      } else {
        return true;
      }
    }
    return false;
  }

  std::string_view Word(bool (*belongs)(char)) {
    const size_t begin = at_;
    while (!AtEnd() && belongs(text_[at_])) Advance();
    return text_.substr(begin, at_ - begin);
  }

  Status ReadCommand() {
    const std::string_view word = Word(IsLetter);
    const std::string name = core::ToLower(word);
    const bool ends_well = AtEnd() || IsBlank(text_[at_]) || IsLineEnd(text_[at_]);
    const auto command =
        std::ranges::find_if(kCommands, [&](const Command& c) { return c.name == name; });
    if (command == std::end(kCommands) || !ends_well) {
      const size_t end = std::min(text_.find_first_of(" \t\r\n", at_), text_.size());
      return InvalidArgument(StrCat("unknown command ",
                                    Quoted(StrCat(word, text_.substr(at_, end - at_)), 40),
                                    "; a command is FROM, DRAFT, TEMPLATE, SYSTEM, LICENSE, PARSER,"
                                    " RENDERER, REQUIRES, PARAMETER or MESSAGE"));
    }
    return (this->*command->read)();
  }

  void SkipBlanks() {
    while (!AtEnd() && IsBlank(text_[at_])) Advance();
  }

  Result<std::string> Value() {
    SkipBlanks();
    const size_t begin = at_;
    while (true) {
      while (!AtEnd() && !IsLineEnd(text_[at_])) Advance();
      if (const auto value = Unquote(core::Trim(text_.substr(begin, at_ - begin)))) {
        return std::string(*value);
      }
      if (AtEnd()) return InvalidArgument("the quotes of the value are not closed");
      Advance();
    }
  }
  Result<std::string> NonEmptyValue() {
    INGOT_ASSIGN(std::string value, Value());
    if (value.empty()) return InvalidArgument("a value is missing");
    return value;
  }

  Status Into(std::string& field) {
    INGOT_ASSIGN(field, NonEmptyValue());
    return Status::Ok();
  }
  Status Into(std::optional<std::string>& field) {
    INGOT_ASSIGN(field, Value());
    return Status::Ok();
  }

  Status ReadFrom() { return Into(modelfile_.from); }
  Status ReadDraft() {
    INGOT_ASSIGN(modelfile_.draft, NonEmptyValue());
    return Status::Ok();
  }
  Status ReadTemplate() { return Into(modelfile_.chat_template); }
  Status ReadSystem() { return Into(modelfile_.system); }
  Status ReadParser() { return Into(modelfile_.parser); }
  Status ReadRenderer() { return Into(modelfile_.renderer); }
  Status ReadLicense() {
    INGOT_ASSIGN(std::string license, NonEmptyValue());
    modelfile_.licenses.push_back(std::move(license));
    return Status::Ok();
  }
  Status ReadAdapter() {
    return core::Unsupported("ADAPTER is not supported: models of tensors have no adapters");
  }
  Status ReadRequires() {
    INGOT_ASSIGN(const std::string value, NonEmptyValue());
    const std::string_view text = std::string_view(value).substr(value.starts_with('v') ? 1 : 0);
    const auto version = ParseVersion(text);
    if (!version) {
      return InvalidArgument(
          StrCat("REQUIRES is ", Quoted(text, 60), ", expected a version such as 0.19.0"));
    }
    if (*version < *ParseVersion(kLeastVersion)) {
      return InvalidArgument(StrCat("REQUIRES ", text, " is below ", kLeastVersion,
                                    ", the least that models of tensors need"));
    }
    modelfile_.requires_version = text;
    return Status::Ok();
  }
  Status ReadParameter() {
    SkipBlanks();
    const std::string_view name = Word([](char c) { return !IsBlank(c) && !IsLineEnd(c); });
    if (name.empty()) return InvalidArgument("PARAMETER needs a name and a value");
    INGOT_ASSIGN(const std::string value, NonEmptyValue());
    return modelfile_.parameters.Add(name, value);
  }
  Status ReadMessage() {
    SkipBlanks();
    const std::string_view role = Word([](char c) { return !IsBlank(c) && !IsLineEnd(c); });
    if (std::ranges::find(kRoles, role) == kRoles.end()) {
      return InvalidArgument(
          StrCat("MESSAGE is from ", Quoted(role, 40), ", expected system, user or assistant"));
    }
    INGOT_ASSIGN(std::string content, NonEmptyValue());
    modelfile_.messages.push_back({std::string(role), std::move(content)});
    return Status::Ok();
  }

  struct Command {
    std::string_view name;
    Status (Reader::*read)();
  };
  static constexpr Command kCommands[] = {
      {"from", &Reader::ReadFrom},           {"draft", &Reader::ReadDraft},
      {"template", &Reader::ReadTemplate},   {"system", &Reader::ReadSystem},
      {"license", &Reader::ReadLicense},     {"parser", &Reader::ReadParser},
      {"renderer", &Reader::ReadRenderer},   {"requires", &Reader::ReadRequires},
      {"parameter", &Reader::ReadParameter}, {"adapter", &Reader::ReadAdapter},
      {"message", &Reader::ReadMessage},
  };

  std::string_view text_;
  size_t at_ = 0;
  size_t line_ = 1;
  Modelfile modelfile_;
};

}  // namespace

Result<Modelfile> ParseModelfile(std::string_view text) {
  INGOT_ASSIGN(const std::string decoded, Decode(text));
  return Reader(decoded).Read();
}

std::string MessagesJson(const std::vector<ChatMessage>& messages) {
  std::vector<std::string> objects;
  for (const ChatMessage& message : messages) {
    store::JsonObjectText object;
    object.String("role", message.role).String("content", message.content);
    objects.push_back(object.Take());
  }
  return StrCat("[", core::Join(objects, ","), "]\n");
}

Result<std::vector<ChatMessage>> ParseMessagesJson(std::string_view json) {
  INGOT_ASSIGN(const core::Json list, core::ParseJson(json));
  const Status wrong = core::Corrupt("messages are stored as a list of roles and contents");
  if (!list.is_array()) return wrong;
  std::vector<ChatMessage> messages;
  for (const core::Json& entry : list) {
    const auto text = [&](const char* key) -> const std::string* {
      const bool there = entry.is_object() && entry.contains(key) && entry[key].is_string();
      return there ? entry[key].get_ptr<const std::string*>() : nullptr;
    };
    const std::string* role = text("role");
    const std::string* content = text("content");
    if (role == nullptr || content == nullptr) return wrong;
    messages.push_back({*role, *content});
  }
  return messages;
}

}  // namespace ingot::import
