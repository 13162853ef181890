#include "text/jinja/unicode.h"

#include <algorithm>
#include <span>

#include "text/jinja/unicode_tables.h"

namespace ingot::text::jinja {
namespace {

bool Contains(std::span<const CharRange> table, uint32_t code) {
  auto after = std::upper_bound(table.begin(), table.end(), code,
                                [](uint32_t c, const CharRange& range) { return c < range.first; });
  return after != table.begin() && code <= std::prev(after)->last;
}

CaseChars Map(std::span<const CaseRun> runs, std::span<const CaseSpecial> special, uint32_t code) {
  auto after = std::upper_bound(runs.begin(), runs.end(), code,
                                [](uint32_t c, const CaseRun& run) { return c < run.first; });
  if (after != runs.begin()) {
    const CaseRun& run = *std::prev(after);
    if (code <= run.last && (code - run.first) % static_cast<uint32_t>(run.step) == 0) {
      return {code + static_cast<uint32_t>(run.delta), 0, 0};
    }
  }
  auto found =
      std::lower_bound(special.begin(), special.end(), code,
                       [](const CaseSpecial& entry, uint32_t c) { return entry.from < c; });
  if (found != special.end() && found->from == code) {
    return {found->to[0], found->to[1], found->to[2]};
  }
  return {code, 0, 0};
}

constexpr bool AsciiLower(uint32_t c) { return c >= 'a' && c <= 'z'; }
constexpr bool AsciiUpper(uint32_t c) { return c >= 'A' && c <= 'Z'; }
constexpr bool AsciiDigit(uint32_t c) { return c >= '0' && c <= '9'; }

bool SigmaCased(uint32_t c) {
  return c < 0x80 ? AsciiLower(c) || AsciiUpper(c) : Contains(kSigmaCased, c);
}
bool SigmaIgnored(uint32_t c) {
  if (c >= 0x80) return Contains(kSigmaIgnored, c);
  return c == '\'' || c == '.' || c == ':' || c == '^' || c == '`';
}

}  // namespace

Utf8Char DecodeUtf8(std::string_view text, size_t at) {
  auto byte = [&](size_t i) -> uint32_t {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
  };
  uint32_t lead = byte(at);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | (byte(at + 1) & 0x3f), 2};
  if (lead < 0xf0) {
    return {(lead & 0x0f) << 12 | (byte(at + 1) & 0x3f) << 6 | (byte(at + 2) & 0x3f), 3};
  }
  return {(lead & 0x07) << 18 | (byte(at + 1) & 0x3f) << 12 | (byte(at + 2) & 0x3f) << 6 |
              (byte(at + 3) & 0x3f),
          4};
}

size_t CountChars(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

size_t PreviousChar(std::string_view text, size_t at) {
  do {
    --at;
  } while (at > 0 && (text[at] & 0xc0) == 0x80);
  return at;
}

std::string ValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<uint8_t>(text[i]);
    size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    bool good = size > 0 && lead < 0xf5 && i + size <= text.size();
    for (size_t k = 1; good && k < size; ++k) good = (text[i + k] & 0xc0) == 0x80;
    if (good && size > 2) {
      uint32_t code = DecodeUtf8(text, i).code;
      good = size == 3 ? code >= 0x800 && (code < 0xd800 || code > 0xdfff)
                       : code >= 0x10000 && code <= 0x10ffff;
    }
    if (good) {
      out.append(text, i, size);
      i += size;
    } else {
      out.append("\xef\xbf\xbd");
      ++i;
    }
  }
  return out;
}

bool IsAlpha(uint32_t c) { return c < 0x80 ? AsciiLower(c) || AsciiUpper(c) : Contains(kAlpha, c); }
bool IsDecimal(uint32_t c) { return c < 0x80 ? AsciiDigit(c) : Contains(kDecimal, c); }
bool IsDigit(uint32_t c) { return c < 0x80 ? AsciiDigit(c) : Contains(kDigit, c); }
bool IsNumeric(uint32_t c) { return c < 0x80 ? AsciiDigit(c) : Contains(kNumeric, c); }
bool IsAlnum(uint32_t c) { return IsAlpha(c) || IsNumeric(c); }
bool IsPrintable(uint32_t c) { return c < 0x80 ? c >= 0x20 && c < 0x7f : Contains(kPrintable, c); }
bool IsLower(uint32_t c) { return c < 0x80 ? AsciiLower(c) : Contains(kLower, c); }
bool IsUpper(uint32_t c) { return c < 0x80 ? AsciiUpper(c) : Contains(kUpper, c); }
bool IsTitle(uint32_t c) { return c >= 0x80 && Contains(kTitle, c); }
bool IsSpace(uint32_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
  return Contains(kSpace, c);
}

CaseChars ToUpper(uint32_t c) {
  if (c < 0x80) return {AsciiLower(c) ? c - 32 : c, 0, 0};
  return Map(kUpperRuns, kUpperSpecial, c);
}
CaseChars ToLower(uint32_t c) {
  if (c < 0x80) return {AsciiUpper(c) ? c + 32 : c, 0, 0};
  return Map(kLowerRuns, kLowerSpecial, c);
}
CaseChars ToTitle(uint32_t c) {
  if (c < 0x80) return {AsciiLower(c) ? c - 32 : c, 0, 0};
  return Map(kTitleRuns, kTitleSpecial, c);
}
CaseChars ToFolded(uint32_t c) {
  if (c < 0x80) return {AsciiUpper(c) ? c + 32 : c, 0, 0};
  return Map(kFoldRuns, kFoldSpecial, c);
}

bool IsFinalSigma(std::string_view text, size_t at) {
  size_t before = at;
  bool letter_before = false;
  while (before > 0) {
    before = PreviousChar(text, before);
    uint32_t c = DecodeUtf8(text, before).code;
    if (SigmaIgnored(c)) continue;
    letter_before = SigmaCased(c);
    break;
  }
  if (!letter_before) return false;
  for (size_t after = at + 2; after < text.size();) {
    Utf8Char c = DecodeUtf8(text, after);
    after += c.size;
    if (SigmaIgnored(c.code)) continue;
    return !SigmaCased(c.code);
  }
  return true;
}

}  // namespace ingot::text::jinja
