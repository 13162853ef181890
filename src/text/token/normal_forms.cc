#include "text/token/normal_forms.h"

#include <algorithm>
#include <array>
#include <optional>

#include "text/token/unicode.h"
#include "text/token/utf8.h"

namespace ingot::text {
namespace {

// Hangul syllables are made of their parts by arithmetic.
constexpr uint32_t kSyllables = 0xAC00;
constexpr uint32_t kLeads = 0x1100;
constexpr uint32_t kVowels = 0x1161;
constexpr uint32_t kTails = 0x11A7;  // one before the first: no tail counts as tail 0
constexpr uint32_t kLeadCount = 19;
constexpr uint32_t kVowelCount = 21;
constexpr uint32_t kTailCount = 28;
constexpr uint32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

bool IsSyllable(uint32_t point) {
  return point >= kSyllables && point < kSyllables + kSyllableCount;
}

// What a character is to one form: bit set when it may change, or change its neighbours, so that
// the slow path must look at it.
constexpr uint8_t Bit(NormalForm form) { return static_cast<uint8_t>(1 << static_cast<int>(form)); }

struct Pair {
  uint64_t key = 0;  // first << 32 | second
  uint32_t composed = 0;
};

std::optional<Decomposition> Find(uint32_t point) {
  const std::span<const Decomposition> all = Decompositions9();
  const auto found =
      std::lower_bound(all.begin(), all.end(), point,
                       [](const Decomposition& d, uint32_t p) { return d.point < p; });
  if (found == all.end() || found->point != point) return std::nullopt;
  return *found;
}

// Some character that this one is canonically made of has a compatibility decomposition.
bool MadeOfCompatible(uint32_t point) {
  const std::optional<Decomposition> entry = Find(point);
  if (!entry) return false;
  if (entry->compatibility) return true;
  for (uint32_t i = 0; i < entry->count; ++i) {
    if (MadeOfCompatible(DecompositionPool9()[entry->begin + i])) return true;
  }
  return false;
}

const PointTable& Restless() {
  static const PointTable table = [] {
    std::vector<uint8_t> bits(kCodePoints);
    constexpr uint8_t kAll = 15;
    constexpr uint8_t kDecomposing = Bit(NormalForm::kNfd) | Bit(NormalForm::kNfkd);
    constexpr uint8_t kComposing = Bit(NormalForm::kNfc) | Bit(NormalForm::kNfkc);
    for (uint32_t point = 0; point < kCodePoints; ++point) {
      if (CombiningClasses9()[point] != 0) bits[point] = kAll;
      if (IsSyllable(point)) bits[point] |= kDecomposing;
    }
    for (const Decomposition& entry : Decompositions9()) {
      if (entry.compatibility) {
        bits[entry.point] |= Bit(NormalForm::kNfkc) | Bit(NormalForm::kNfkd);
        continue;
      }
      bits[entry.point] |= kDecomposing;
      if (MadeOfCompatible(entry.point)) bits[entry.point] |= Bit(NormalForm::kNfkc);
      if (!entry.composes) {
        bits[entry.point] |= kComposing;
      } else {
        bits[DecompositionPool9()[entry.begin + 1]] |= kComposing;
      }
    }
    for (uint32_t i = 0; i < kVowelCount; ++i) bits[kVowels + i] |= kComposing;
    for (uint32_t i = 1; i < kTailCount; ++i) bits[kTails + i] |= kComposing;
    return PointTable(bits);
  }();
  return table;
}

const std::vector<Pair>& Pairs() {
  static const std::vector<Pair> pairs = [] {
    std::vector<Pair> out;
    for (const Decomposition& entry : Decompositions9()) {
      if (!entry.composes) continue;
      const uint64_t first = DecompositionPool9()[entry.begin];
      out.push_back({first << 32 | DecompositionPool9()[entry.begin + 1], entry.point});
    }
    std::sort(out.begin(), out.end(), [](const Pair& a, const Pair& b) { return a.key < b.key; });
    return out;
  }();
  return pairs;
}

std::optional<uint32_t> Compose(uint32_t first, uint32_t second) {
  if (first >= kLeads && first < kLeads + kLeadCount && second >= kVowels &&
      second < kVowels + kVowelCount) {
    return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
  }
  if (IsSyllable(first) && (first - kSyllables) % kTailCount == 0 && second > kTails &&
      second < kTails + kTailCount) {
    return first + (second - kTails);
  }
  const uint64_t key = uint64_t{first} << 32 | second;
  const std::vector<Pair>& pairs = Pairs();
  const auto found = std::lower_bound(pairs.begin(), pairs.end(), key,
                                      [](const Pair& p, uint64_t k) { return p.key < k; });
  if (found == pairs.end() || found->key != key) return std::nullopt;
  return found->composed;
}

struct Symbol {
  uint32_t point = 0;
  uint8_t combining = 0;
  size_t from = 0;  // offset in the old text
};

class Segment {
 public:
  Segment(bool compatibility, bool compose) : compatibility_(compatibility), compose_(compose) {}

  void Add(uint32_t point, size_t from) {
    if (IsSyllable(point)) {
      const uint32_t index = point - kSyllables;
      Push(kLeads + index / (kVowelCount * kTailCount), from);
      Push(kVowels + index / kTailCount % kVowelCount, from);
      if (index % kTailCount != 0) Push(kTails + index % kTailCount, from);
      return;
    }
    const std::optional<Decomposition> entry = Find(point);
    if (!entry || (entry->compatibility && !compatibility_)) {
      Push(point, from);
      return;
    }
    // A point is never part of its own decomposition, however many steps: the recursion ends.
    for (uint32_t i = 0; i < entry->count; ++i) Add(DecompositionPool9()[entry->begin + i], from);
  }

  void Flush(Rewriter& out) {
    Reorder();
    if (compose_) ComposeAll();
    std::string bytes;
    for (const Symbol& symbol : symbols_) {
      bytes.clear();
      AppendPoint(bytes, symbol.point);
      out.Put(bytes, symbol.from);
    }
    symbols_.clear();
  }

 private:
  void Push(uint32_t point, size_t from) {
    symbols_.push_back({point, CombiningClasses9()[point], from});
  }

  void Reorder() {
    for (size_t begin = 0; begin < symbols_.size();) {
      if (symbols_[begin].combining == 0) {
        ++begin;
        continue;
      }
      size_t end = begin;
      while (end < symbols_.size() && symbols_[end].combining != 0) ++end;
      std::stable_sort(symbols_.begin() + static_cast<ptrdiff_t>(begin),
                       symbols_.begin() + static_cast<ptrdiff_t>(end),
                       [](const Symbol& a, const Symbol& b) { return a.combining < b.combining; });
      begin = end;
    }
  }

  void ComposeAll() {
    size_t kept = 0;
    std::optional<size_t> starter;
    uint8_t last = 0;  // class of the symbol kept last after the starter
    for (const Symbol& symbol : symbols_) {
      if (starter) {
        const bool adjacent = kept == *starter + 1;
        const bool blocked = !adjacent && (last == 0 || last >= symbol.combining);
        if (!blocked) {
          if (const auto both = Compose(symbols_[*starter].point, symbol.point)) {
            symbols_[*starter].point = *both;
            continue;
          }
        }
      }
      if (symbol.combining == 0) starter = kept;
      last = symbol.combining;
      symbols_[kept++] = symbol;
    }
    symbols_.resize(kept);
  }

  bool compatibility_;
  bool compose_;
  std::vector<Symbol> symbols_;
};

}  // namespace

void ToNormalForm(NormalForm form, NormalText& target) {
  const std::string_view text = target.text;
  const PointTable& restless = Restless();
  const uint8_t bit = Bit(form);
  const auto resting = [&](size_t& at) { return (restless[NextPoint(text, at)] & bit) == 0; };

  // The first character that needs a look, and the one before it, which it may join.
  size_t before = 0;
  size_t at = 0;
  while (at < text.size()) {
    const size_t here = at;
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      ++at;
    } else if (!resting(at)) {
      at = here;
      break;
    }
    before = here;
  }
  if (at >= text.size()) return;

  const bool compose = form == NormalForm::kNfc || form == NormalForm::kNfkc;
  Segment segment(form == NormalForm::kNfkc || form == NormalForm::kNfkd, compose);
  Rewriter out(target);
  out.Keep(0, before);
  size_t begin = before;  // what is not yet written
  while (begin < text.size()) {
    // A character at rest that nothing restless follows is kept; otherwise it and the restless
    // ones after it are put in order together.
    size_t next = begin;
    segment.Add(NextPoint(text, next), begin);
    size_t end = next;
    while (end < text.size()) {
      size_t after = end;
      if (resting(after)) break;
      segment.Add(PointAt(text, end), end);
      end = after;
    }
    segment.Flush(out);
    // Then a run of characters at rest up to the last one before the next restless one.
    size_t last = end;
    size_t scan = end;
    while (scan < text.size()) {
      const size_t here = scan;
      if (!resting(scan)) break;
      last = here;
      if (scan >= text.size()) last = scan;
    }
    out.Keep(end, last);
    begin = last;
  }
  out.Commit();
}

}  // namespace ingot::text
