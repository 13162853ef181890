#include "text/token/point_set.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "core/strings.h"
#include "text/token/unicode.h"

namespace ingot::text {

using core::Result;

PointSet::PointSet(std::initializer_list<PointRange> ranges) {
  for (const PointRange& range : ranges) Add(range.first, range.last);
}

PointSet PointSet::All() { return {{0, kCodePoints - 1}}; }

void PointSet::Add(uint32_t first, uint32_t last) {
  ranges_.push_back({first, last});
  normal_ = false;
}

void PointSet::Add(const PointSet& other) {
  if (&other == this) return;
  const std::vector<PointRange>& added = other.ranges();
  ranges_.insert(ranges_.end(), added.begin(), added.end());
  normal_ = false;
}

void PointSet::Normalize() const {
  if (normal_) return;
  std::sort(ranges_.begin(), ranges_.end(),
            [](const PointRange& a, const PointRange& b) { return a.first < b.first; });
  std::vector<PointRange> merged;
  for (const PointRange& range : ranges_) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  ranges_ = std::move(merged);
  normal_ = true;
}

const std::vector<PointRange>& PointSet::ranges() const {
  Normalize();
  return ranges_;
}

bool PointSet::empty() const { return ranges_.empty(); }

PointSet PointSet::Complement() const {
  PointSet out;
  uint32_t next = 0;
  for (const PointRange& range : ranges()) {
    if (range.first > next) out.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next < kCodePoints) out.ranges_.push_back({next, kCodePoints - 1});
  return out;
}

PointSet PointSet::Intersection(const PointSet& other) const {
  PointSet out = Complement();
  out.Add(other.Complement());
  return out.Complement();
}

bool PointSet::Contains(uint32_t point) const {
  const std::vector<PointRange>& all = ranges();
  const auto after = std::upper_bound(all.begin(), all.end(), point,
                                      [](uint32_t p, const PointRange& r) { return p < r.first; });
  return after != all.begin() && point <= std::prev(after)->last;
}

namespace {

using enum GeneralCategory;

struct CategoryName {
  std::string_view brief;
  std::string_view full;  // as compared: lower case, letters only
  GeneralCategory first;
  GeneralCategory last;  // categories of one group are neighbours
};
constexpr std::array kCategoryNames = {
    CategoryName{"l", "letter", kLu, kLo},
    CategoryName{"lu", "uppercaseletter", kLu, kLu},
    CategoryName{"ll", "lowercaseletter", kLl, kLl},
    CategoryName{"lt", "titlecaseletter", kLt, kLt},
    CategoryName{"lc", "casedletter", kLu, kLt},
    CategoryName{"lm", "modifierletter", kLm, kLm},
    CategoryName{"lo", "otherletter", kLo, kLo},
    CategoryName{"m", "mark", kMn, kMe},
    CategoryName{"mn", "nonspacingmark", kMn, kMn},
    CategoryName{"mc", "spacingmark", kMc, kMc},
    CategoryName{"me", "enclosingmark", kMe, kMe},
    CategoryName{"n", "number", kNd, kNo},
    CategoryName{"nd", "decimalnumber", kNd, kNd},
    CategoryName{"nl", "letternumber", kNl, kNl},
    CategoryName{"no", "othernumber", kNo, kNo},
    CategoryName{"p", "punctuation", kPc, kPo},
    CategoryName{"punct", "punct", kPc, kPo},
    CategoryName{"pc", "connectorpunctuation", kPc, kPc},
    CategoryName{"pd", "dashpunctuation", kPd, kPd},
    CategoryName{"ps", "openpunctuation", kPs, kPs},
    CategoryName{"pe", "closepunctuation", kPe, kPe},
    CategoryName{"pi", "initialpunctuation", kPi, kPi},
    CategoryName{"pf", "finalpunctuation", kPf, kPf},
    CategoryName{"po", "otherpunctuation", kPo, kPo},
    CategoryName{"s", "symbol", kSm, kSo},
    CategoryName{"sm", "mathsymbol", kSm, kSm},
    CategoryName{"sc", "currencysymbol", kSc, kSc},
    CategoryName{"sk", "modifiersymbol", kSk, kSk},
    CategoryName{"so", "othersymbol", kSo, kSo},
    CategoryName{"z", "separator", kZs, kZp},
    CategoryName{"zs", "spaceseparator", kZs, kZs},
    CategoryName{"zl", "lineseparator", kZl, kZl},
    CategoryName{"zp", "paragraphseparator", kZp, kZp},
    CategoryName{"c", "other", kCc, kCn},
    CategoryName{"cc", "control", kCc, kCc},
    CategoryName{"cf", "format", kCf, kCf},
    CategoryName{"cs", "surrogate", kCs, kCs},
    CategoryName{"co", "privateuse", kCo, kCo},
    CategoryName{"cn", "unassigned", kCn, kCn},
};

PointSet CategorySet(GeneralCategory first, GeneralCategory last) {
  PointSet set;
  for (const PointTable::Run& run : GeneralCategories16().runs()) {
    if (run.value >= static_cast<uint8_t>(first) && run.value <= static_cast<uint8_t>(last)) {
      set.Add(run.first, run.last);
    }
  }
  return set;
}

PointSet AlphabeticSet() { return PointSet::Of(IsAlphabetic16); }

std::string Squeeze(std::string_view name) {
  std::string out;
  for (const char c : core::ToLower(name)) {
    if (c != ' ' && c != '_' && c != '-') out.push_back(c);
  }
  return out;
}

std::optional<PointSet> SharedSet(std::string_view key) {
  if (key == "alpha" || key == "alphabetic") return AlphabeticSet();
  if (key == "digit") return DigitSet();
  if (key == "space" || key == "whitespace") return SpaceSet();
  if (key == "word") return WordSet();
  if (key == "ascii") return PointSet{{0, 0x7F}};
  if (key == "xdigit") return PointSet{{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
  if (key == "cntrl") return CategorySet(kCc, kCc);
  if (key == "alnum") {
    PointSet set = AlphabeticSet();
    set.Add(DigitSet());
    return set;
  }
  if (key == "blank") {
    PointSet set = CategorySet(kZs, kZs);
    set.Add('\t', '\t');
    return set;
  }
  return std::nullopt;
}

}  // namespace

Result<PointSet> PropertySet(std::string_view name) {
  const std::string key = Squeeze(name);
  if (key == "any") return PointSet::All();
  if (key == "assigned") return CategorySet(kCn, kCn).Complement();
  for (const CategoryName& known : kCategoryNames) {
    if (key == known.brief || key == known.full) return CategorySet(known.first, known.last);
  }
  if (std::optional<PointSet> shared = SharedSet(key)) return *std::move(shared);
  for (uint8_t script = 1; script < ScriptCount(); ++script) {
    if (key != Squeeze(ScriptName(script))) continue;
    PointSet set;
    for (const PointTable::Run& run : Scripts16().runs()) {
      if (run.value == script) set.Add(run.first, run.last);
    }
    return set;
  }
  return core::Unsupported(
      core::StrCat("the character property ", core::Quoted(name, 40), " is not known"));
}

Result<PointSet> PosixSet(std::string_view name) {
  if (std::optional<PointSet> shared = SharedSet(name)) return *std::move(shared);
  // Symbols are punctuation here, while \p{Punct} is punctuation alone.
  if (name == "punct") return CategorySet(kPc, kSo);
  if (name == "graph" || name == "print") {
    PointSet set = CategorySet(kLu, kSo);
    set.Add(CategorySet(kCf, kCf));
    set.Add(CategorySet(kCo, kCo));
    if (name == "print") set.Add(CategorySet(kZs, kZs));
    return set;
  }
  return core::Unsupported(
      core::StrCat("the bracket class [:", core::Printable(name, 40), ":] is not supported"));
}

const PointSet& SpaceSet() {
  static const PointSet set = PointSet::Of(IsSpace);
  return set;
}

const PointSet& DigitSet() {
  static const PointSet set = CategorySet(kNd, kNd);
  return set;
}

const PointSet& WordSet() {
  static const PointSet set = [] {
    PointSet word = AlphabeticSet();
    word.Add(CategorySet(kMn, kMe));
    word.Add(CategorySet(kNd, kNd));
    word.Add(CategorySet(kPc, kPc));
    return word.Complement().Complement();  // in normal form, for any thread to read
  }();
  return set;
}

const PointSet& BareWordSet() {
  static const PointSet set = [] {
    PointSet word = WordSet();
    word.Add({{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}});
    return word.Complement().Complement();
  }();
  return set;
}

}  // namespace ingot::text
