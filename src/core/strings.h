// Small text helpers that the standard library of our compilers lacks. Pure functions.
#ifndef INGOT_CORE_STRINGS_H_
#define INGOT_CORE_STRINGS_H_

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::core {

inline void AppendPiece(std::string& out, std::string_view piece) { out.append(piece); }
inline void AppendPiece(std::string& out, const char* piece) { out.append(piece); }
inline void AppendPiece(std::string& out, char piece) { out.push_back(piece); }
template <typename T>
  requires(std::integral<T> && !std::same_as<T, char> && !std::same_as<T, bool>)
void AppendPiece(std::string& out, T value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}
void AppendPiece(std::string& out, double value);  // shortest form that reads back the same

// Concatenates text, characters and numbers.
template <typename... Pieces>
std::string StrCat(const Pieces&... pieces) {
  std::string out;
  (AppendPiece(out, pieces), ...);
  return out;
}

// "a, b and 3 more" style lists for messages: joins with separator.
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string_view> Split(std::string_view text, char separator);
std::string_view Trim(std::string_view text);  // ASCII white space at both ends
std::string ToLower(std::string_view text);    // ASCII only
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// The whole text must be a number in range; no sign, no spaces.
std::optional<uint64_t> ParseUint(std::string_view text);

// Text from a file, a model or the network made fit for a terminal or a message: control
// characters and invalid UTF-8 become \xNN, and what lies beyond max_bytes is cut with "…".
std::string Printable(std::string_view text, size_t max_bytes = 200);
// The same in double quotes.
std::string Quoted(std::string_view text, size_t max_bytes = 200);

bool IsValidUtf8(std::string_view text);

// "1.2 GB": decimal units, as `ls --si` and download tools print them.
std::string HumanBytes(uint64_t bytes);
// "3h02m", "4m10s", "12s", "0.4s".
std::string HumanDuration(double seconds);
// "30.5B", "1.2M", "300K": parameter counts.
std::string HumanCount(uint64_t count);

// The candidate closest to word by edit distance, when it is close enough to be a likely typing
// error ("did you mean …"); nullopt otherwise.
std::optional<std::string> ClosestMatch(std::string_view word,
                                        const std::vector<std::string>& candidates);

}  // namespace ingot::core

#endif  // INGOT_CORE_STRINGS_H_
