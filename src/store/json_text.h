// Writes JSON the way the files of a model store have it: compact, on one line, and with `<`, `>`,
// `&` and the two Unicode line separators escaped, so that equal content gives equal bytes and
// therefore equal digests, whichever program wrote it. Pure functions and a value.
#ifndef INGOT_STORE_JSON_TEXT_H_
#define INGOT_STORE_JSON_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::store {

// text in quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string& out, std::string_view text);

// Builds one object, member by member, in the order of the calls.
class JsonObjectText {
 public:
  JsonObjectText& String(std::string_view key, std::string_view value);
  JsonObjectText& StringUnlessEmpty(std::string_view key, std::string_view value);
  JsonObjectText& Number(std::string_view key, uint64_t value);
  JsonObjectText& NumberUnlessZero(std::string_view key, uint64_t value);
  JsonObjectText& Strings(std::string_view key, const std::vector<std::string>& values);
  // json is a whole JSON value and goes in as it stands.
  JsonObjectText& Raw(std::string_view key, std::string_view json);
  std::string Take();

 private:
  void Key(std::string_view key);
  std::string out_ = "{";
};

}  // namespace ingot::store

#endif  // INGOT_STORE_JSON_TEXT_H_
