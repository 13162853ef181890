#include "core/python_json.h"

#include "core/strings.h"

namespace ingot::core {
namespace {

constexpr std::string_view kSpecialFloats[] = {"Infinity", "-Infinity", "NaN"};

// Calls found(begin, word) for each special float outside strings, in order. What is no JSON either
// way is left to the parser to refuse.
template <typename Found>
void ForEachSpecialFloat(std::string_view text, const Found& found) {
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        in_string = false;
      }
      continue;
    }
    if (text[i] == '"') in_string = true;
    for (const std::string_view word : kSpecialFloats) {
      if (!text.substr(i).starts_with(word)) continue;
      found(i, word);
      i += word.size() - 1;
      break;
    }
  }
}

}  // namespace

Result<Json> ParsePythonJson(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes) return ParseJson(text, limits);  // which says so
  std::string plain;
  size_t done = 0;
  ForEachSpecialFloat(text, [&](size_t begin, std::string_view word) {
    plain += StrCat(text.substr(done, begin - done), "{\"__float__\": \"", word, "\"}");
    done = begin + word.size();
  });
  if (done == 0) return ParseJson(text, limits);
  plain += text.substr(done);
  limits.max_bytes = plain.size();
  return ParseJson(plain, limits);
}

std::string MaskSpecialFloats(std::string_view text) {
  std::string masked(text);
  ForEachSpecialFloat(text, [&](size_t begin, std::string_view word) {
    masked[begin] = '"';
    masked[begin + word.size() - 1] = '"';
  });
  return masked;
}

}  // namespace ingot::core
