#include "text/token/unicode.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "text/token/unicode_data.h"

namespace ingot::text {
namespace {

std::vector<uint8_t> FromBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<uint8_t, 256> value{};
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    value[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  }
  std::vector<uint8_t> out;
  out.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = bits << 6 | value[static_cast<uint8_t>(c)];
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<uint8_t>(bits >> count));
    }
  }
  return out;
}

// Reads the numbers of a packed table one after another.
class Unpacker {
 public:
  explicit Unpacker(const char* packed) : bytes_(FromBase64(packed)) {}
  bool done() const { return next_ >= bytes_.size(); }
  uint32_t Next() {
    uint32_t value = 0;
    for (int shift = 0; next_ < bytes_.size(); shift += 7) {
      const uint8_t byte = bytes_[next_++];
      value |= uint32_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) break;
    }
    return value;
  }
  uint32_t NextFrom(uint32_t base) {  // zigzag
    const uint32_t value = Next();
    return value % 2 == 0 ? base + value / 2 : base - (value + 1) / 2;
  }

 private:
  std::vector<uint8_t> bytes_;
  size_t next_ = 0;
};

PointTable FromRuns(const char* packed) {
  std::vector<uint8_t> values;
  values.reserve(kCodePoints);
  Unpacker numbers(packed);
  while (!numbers.done()) {
    const uint32_t length = numbers.Next();
    values.insert(values.end(), length, static_cast<uint8_t>(numbers.Next()));
  }
  return PointTable(values);
}

PointTable MakeWord16() {
  std::vector<uint8_t> values(kCodePoints);
  for (uint32_t point = 0; point < kCodePoints; ++point) {
    const auto category = static_cast<GeneralCategory>(GeneralCategories16()[point]);
    values[point] = IsAlphabetic16(point) || category == GeneralCategory::kMn ||
                    category == GeneralCategory::kMc || category == GeneralCategory::kMe ||
                    category == GeneralCategory::kNd || category == GeneralCategory::kPc ||
                    point == 0x200C || point == 0x200D;
  }
  return PointTable(values);
}

struct LowerCase {
  std::vector<uint32_t> from;
  std::vector<uint32_t> to;
};

LowerCase MakeLower() {
  LowerCase table;
  Unpacker numbers(kLower17);
  uint32_t point = 0;
  while (!numbers.done()) {
    point += numbers.Next();
    table.from.push_back(point);
    table.to.push_back(numbers.NextFrom(point));
  }
  return table;
}

struct Forms {
  std::vector<Decomposition> entries;
  std::vector<uint32_t> pool;
};

Forms MakeForms() {
  Forms forms;
  Unpacker numbers(kDecomposition9);
  uint32_t point = 0;
  uint32_t first = 0;
  while (!numbers.done()) {
    point += numbers.Next();
    const uint32_t header = numbers.Next();
    Decomposition entry;
    entry.point = point;
    entry.compatibility = (header & 2) != 0;
    entry.count = static_cast<uint8_t>(header >> 2);
    entry.composes = (header & 1) != 0 && entry.count == 2;
    entry.begin = static_cast<uint32_t>(forms.pool.size());
    uint32_t near = first;
    for (uint32_t i = 0; i < entry.count; ++i) {
      near = numbers.NextFrom(near);
      forms.pool.push_back(near);
    }
    if (entry.count > 0) first = forms.pool[entry.begin];
    forms.entries.push_back(entry);
  }
  return forms;
}

const Forms& AllForms() {
  static const Forms forms = MakeForms();
  return forms;
}

}  // namespace

PointTable::PointTable(std::span<const uint8_t> values) {
  std::map<std::string, uint16_t> known;
  pages_.reserve(kCodePoints / kPageSize);
  for (uint32_t begin = 0; begin < kCodePoints; begin += kPageSize) {
    std::string page(kPageSize, '\0');
    for (uint32_t i = 0; i < kPageSize && begin + i < values.size(); ++i) {
      page[i] = static_cast<char>(values[begin + i]);
    }
    const auto [found, added] =
        known.try_emplace(std::move(page), static_cast<uint16_t>(known.size()));
    if (added) bytes_.insert(bytes_.end(), found->first.begin(), found->first.end());
    pages_.push_back(found->second);
  }
  for (uint32_t first = 0; first < kCodePoints;) {
    uint32_t last = first;
    while (last + 1 < kCodePoints && values[last + 1] == values[first]) ++last;
    runs_.push_back({first, last, values[first]});
    first = last + 1;
  }
}

const PointTable& GeneralCategories16() {
  static const PointTable table = FromRuns(kGeneralCategory16);
  return table;
}
const PointTable& ClusterClasses16() {
  static const PointTable table = FromRuns(kCluster16);
  return table;
}
const PointTable& Scripts16() {
  static const PointTable table = FromRuns(kScript16);
  return table;
}
const PointTable& Scripts9() {
  static const PointTable table = FromRuns(kScript9);
  return table;
}
const PointTable& CombiningClasses9() {
  static const PointTable table = FromRuns(kCombining9);
  return table;
}
std::string_view ScriptName(uint8_t script) {
  return script == 0 || script >= kScriptCount ? std::string_view() : kScriptNames[script];
}
uint8_t ScriptCount() { return static_cast<uint8_t>(kScriptCount); }

bool IsAlphabetic16(uint32_t point) {
  static const PointTable table = FromRuns(kAlphabetic16);
  return table[point] != 0;
}
bool IsWord16(uint32_t point) {
  static const PointTable table = MakeWord16();
  return table[point] != 0;
}
bool IsPictographic16(uint32_t point) {
  static const PointTable table = FromRuns(kPictographic16);
  return table[point] != 0;
}
bool IsNumeric17(uint32_t point) {
  static const PointTable table = FromRuns(kNumeric17);
  return table[point] != 0;
}
bool IsMark9(uint32_t point) {
  static const PointTable table = FromRuns(kMark9);
  return table[point] != 0;
}
bool IsPunctuation8(uint32_t point) {
  static const PointTable table = FromRuns(kPunctuation8);
  return table[point] != 0;
}
bool IsNonspacing8(uint32_t point) {
  static const PointTable table = FromRuns(kNonspacing8);
  return table[point] != 0;
}
bool IsOther8(uint32_t point) {
  static const PointTable table = FromRuns(kOther8);
  return table[point] != 0;
}

uint32_t ToLower17(uint32_t point) {
  if (point < 0x80) return point >= 'A' && point <= 'Z' ? point + 32 : point;
  static const LowerCase table = MakeLower();
  const auto found = std::lower_bound(table.from.begin(), table.from.end(), point);
  if (found == table.from.end() || *found != point) return point;
  return table.to[static_cast<size_t>(found - table.from.begin())];
}

std::span<const Decomposition> Decompositions9() { return AllForms().entries; }
std::span<const uint32_t> DecompositionPool9() { return AllForms().pool; }

}  // namespace ingot::text
