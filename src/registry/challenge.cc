#include "registry/challenge.h"

#include <optional>

#include "core/strings.h"

namespace ingot::registry {
namespace {

using core::Result;

constexpr size_t kLongest = 8192;

bool IsTokenChar(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ == text_.size(); }
  void SkipSpace() { Skip(" \t"); }
  void SkipSeparators() { Skip(" \t,"); }

  std::string_view Token() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsTokenChar(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // A token, or a text in quotes where a backslash takes the next character as it is.
  std::optional<std::string> Value() {
    if (!Take('"')) {
      const std::string_view token = Token();
      return token.empty() ? std::nullopt : std::optional<std::string>(token);
    }
    std::string value;
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c == '"') return value;
      if (c == '\\') {
        if (at_ == text_.size()) return std::nullopt;
        c = text_[at_++];
      }
      value += c;
    }
    return std::nullopt;
  }
  size_t mark() const { return at_; }
  void Return(size_t mark) { at_ = mark; }

 private:
  void Skip(std::string_view characters) {
    while (at_ < text_.size() && characters.find(text_[at_]) != std::string_view::npos) ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// name=value, or nullopt (and nothing read) where a scheme or the end comes instead.
struct Parameter {
  std::string name;
  std::string value;
};
Result<std::optional<Parameter>> NextParameter(Reader& reader) {
  reader.SkipSeparators();
  const size_t mark = reader.mark();
  const std::string name = core::ToLower(reader.Token());
  reader.SkipSpace();
  if (name.empty() || !reader.Take('=')) {
    reader.Return(mark);
    return std::optional<Parameter>();
  }
  reader.SkipSpace();
  std::optional<std::string> value = reader.Value();
  if (!value) return core::Corrupt(core::StrCat("the value of ", core::Quoted(name, 40)));
  return std::optional<Parameter>(Parameter{name, *std::move(value)});
}

}  // namespace

Result<Challenge> ParseChallenge(std::string_view header) {
  const auto fail = [&](std::string_view why) {
    return core::Corrupt(
        core::StrCat("the registry asks for credentials in a way that cannot be "
                     "read (",
                     why, "): ", core::Quoted(header, 300)));
  };
  if (header.size() > kLongest) return fail("it is too long");
  Reader reader(header);
  for (reader.SkipSeparators(); !reader.AtEnd(); reader.SkipSeparators()) {
    const std::string scheme = core::ToLower(reader.Token());
    if (scheme.empty()) return fail("a scheme was expected");
    Challenge challenge;
    while (true) {
      Result<std::optional<Parameter>> parameter = NextParameter(reader);
      if (!parameter.ok()) return fail(parameter.status().message());
      if (!*parameter) break;
      const std::string& parameter_name = (*parameter)->name;
      const std::string& value = (*parameter)->value;
      if (parameter_name == "realm") challenge.realm = value;
      if (parameter_name == "service") challenge.service = value;
      if (parameter_name == "scope") challenge.scope = value;
    }
    if (scheme == "basic") {
      challenge.scheme = Challenge::Scheme::kBasic;
      return challenge;
    }
    if (scheme == "bearer") {
      if (challenge.realm.empty()) return fail("it names no realm");
      return challenge;
    }
  }
  return fail("it names neither Bearer nor Basic");
}

}  // namespace ingot::registry
