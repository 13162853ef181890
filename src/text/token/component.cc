#include "text/token/component.h"

#include "core/strings.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

const Json* Component::Find(std::string_view key) const {
  if (!json_.is_object()) return nullptr;
  const auto found = json_.find(std::string(key));
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

Status Component::Fail(std::string_view key, std::string_view expected) const {
  const Json* found = Find(key);
  return core::Corrupt(
      StrCat(where_, ".", key, ": expected ", expected, ", found ",
             found == nullptr ? std::string("nothing") : core::Printable(found->dump(), 60)));
}

Status Component::Unknown(std::string_view type) const {
  return core::Unsupported(StrCat(where_, ": the type ", core::Quoted(type, 60), " is not known"));
}

Result<std::string> Component::Type() const {
  if (!json_.is_object()) {
    return core::Corrupt(
        StrCat(where_, ": expected an object, found ", core::Printable(json_.dump(), 60)));
  }
  if (depth_ > kMaxComponentDepth) {
    return core::Corrupt(StrCat(where_, ": components nest deeper than ", kMaxComponentDepth));
  }
  return String("type");
}

Result<std::string> Component::String(std::string_view key) const {
  const Json* found = Find(key);
  if (found == nullptr || !found->is_string()) return Fail(key, "a string");
  return found->get<std::string>();
}

Result<bool> Component::Bool(std::string_view key) const {
  const Json* found = Find(key);
  if (found == nullptr || !found->is_boolean()) return Fail(key, "true or false");
  return found->get<bool>();
}

Result<bool> Component::BoolOr(std::string_view key, bool missing) const {
  return Find(key) == nullptr ? Result<bool>(missing) : Bool(key);
}

Result<uint64_t> Component::Unsigned(std::string_view key) const {
  const Json* found = Find(key);
  if (found == nullptr || !found->is_number_unsigned()) return Fail(key, "an integer from 0");
  return found->get<uint64_t>();
}

Result<uint32_t> Component::Point(std::string_view key) const {
  INGOT_ASSIGN(const std::string text, String(key));
  if (text.empty() || Utf8Length(text[0]) != text.size()) return Fail(key, "one character");
  return PointAt(text, 0);
}

Result<Component::Pattern> Component::PatternField(std::string_view key) const {
  const Json* found = Find(key);
  if (found != nullptr && found->is_object() && found->size() == 1) {
    const auto member = found->begin();
    if (member->is_string() && (member.key() == "String" || member.key() == "Regex")) {
      return Pattern{member->get<std::string>(), member.key() == "Regex"};
    }
  }
  return Fail(key, R"({"String": ".."} or {"Regex": ".."})");
}

Result<std::vector<Component>> Component::List(std::string_view key) const {
  const Json* found = Find(key);
  if (found == nullptr || !found->is_array()) return Fail(key, "an array");
  std::vector<Component> out;
  for (size_t i = 0; i < found->size(); ++i) {
    out.emplace_back((*found)[i], StrCat(where_, ".", key, "[", i, "]"), depth_ + 1);
  }
  return out;
}

Result<Regex> CompilePattern(const Component::Pattern& pattern) {
  return pattern.is_regex ? Regex::Compile(pattern.text) : Regex::Literal(pattern.text);
}

}  // namespace ingot::text
