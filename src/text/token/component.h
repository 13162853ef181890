// Reading one component of tokenizer.json ({"type": "Split", ...}) with errors that say where it
// stands. A view: the JSON outlives it.
#ifndef INGOT_TEXT_TOKEN_COMPONENT_H_
#define INGOT_TEXT_TOKEN_COMPONENT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/status.h"
#include "text/token/regex.h"

namespace ingot::text {

// Components nest (a Sequence in a Sequence) no deeper than this.
constexpr int kMaxComponentDepth = 16;

class Component {
 public:
  // where: "pre_tokenizer", as errors call it.
  Component(const core::Json& json, std::string where, int depth = 0)
      : json_(json), where_(std::move(where)), depth_(depth) {}

  const std::string& where() const { return where_; }
  core::Result<std::string> Type() const;
  core::Result<std::string> String(std::string_view key) const;
  core::Result<bool> Bool(std::string_view key) const;
  core::Result<bool> BoolOr(std::string_view key, bool missing) const;
  core::Result<uint64_t> Unsigned(std::string_view key) const;
  // A string of exactly one character.
  core::Result<uint32_t> Point(std::string_view key) const;
  // {"String": ".."} or {"Regex": ".."}.
  struct Pattern {
    std::string text;
    bool is_regex = false;
  };
  core::Result<Pattern> PatternField(std::string_view key) const;
  // The array under key, each element with its own place.
  core::Result<std::vector<Component>> List(std::string_view key) const;
  // The value under key, or null when it is missing or null.
  const core::Json* Find(std::string_view key) const;
  const core::Json& json() const { return json_; }

  core::Status Fail(std::string_view key, std::string_view expected) const;
  core::Status Unknown(std::string_view type) const;

 private:
  const core::Json& json_;
  std::string where_;
  int depth_;
};

core::Result<Regex> CompilePattern(const Component::Pattern& pattern);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_COMPONENT_H_
