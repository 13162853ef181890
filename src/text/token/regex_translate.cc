#include "text/token/regex_translate.h"

#include <algorithm>
#include <optional>

#include "core/strings.h"
#include "text/token/point_set.h"
#include "text/token/utf8.h"

namespace ingot::text {
namespace {

using core::InvalidArgument;
using core::Result;
using core::Status;
using core::StrCat;
using core::Unsupported;

constexpr size_t kMaxPattern = 64 << 10;
constexpr size_t kMaxTranslated = 8 << 20;
constexpr int kMaxDepth = 64;
constexpr uint32_t kMaxRepeat = 10000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
std::optional<uint32_t> HexValue(char c) {
  if (IsDigit(c)) return static_cast<uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint32_t>(c - 'A' + 10);
  return std::nullopt;
}

// A point as it stands in a PCRE2 class or pattern, whatever it means there.
void AppendEscaped(std::string& out, uint32_t point) {
  if ((point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z') ||
      (point >= '0' && point <= '9')) {
    out.push_back(static_cast<char>(point));
    return;
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string digits;
  for (uint32_t rest = point; rest != 0 || digits.empty(); rest >>= 4) {
    digits.insert(digits.begin(), kHex[rest & 15]);
  }
  out += "\\x{";
  out += digits;
  out += '}';
}

// The widest ranges first: PCRE2 tries them in this order, and most characters lie in the wide
// ones.
std::string ClassOf(const PointSet& set) {
  std::vector<PointRange> ranges = set.ranges();
  const std::vector<PointRange> others = set.Complement().ranges();
  if (ranges.empty()) return "(?!)";
  if (others.empty()) return "(?s:.)";
  std::string out = "[";
  if (others.size() < ranges.size()) {
    out += '^';
    ranges = others;
  }
  std::stable_sort(ranges.begin(), ranges.end(), [](const PointRange& a, const PointRange& b) {
    return a.last - a.first > b.last - b.first;
  });
  for (PointRange range : ranges) {
    // Surrogates cannot be written, and never occur in the text.
    if (range.first >= 0xD800 && range.first <= 0xDFFF) range.first = 0xE000;
    if (range.last >= 0xD800 && range.last <= 0xDFFF) range.last = 0xD7FF;
    if (range.first > range.last) continue;
    AppendEscaped(out, range.first);
    if (range.last > range.first) {
      out += '-';
      AppendEscaped(out, range.last);
    }
  }
  if (out == "[") return "(?!)";
  if (out == "[^") return "(?s:.)";
  return out + ']';
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  Result<std::string> Run() {
    if (in_.size() > kMaxPattern) {
      return core::Exhausted(
          StrCat("a pattern of ", in_.size(), " bytes is over the limit of ", kMaxPattern));
    }
    if (ValidPrefix(in_) != in_.size()) return InvalidArgument("a pattern is not valid UTF-8");
    FindBackReferences();
    INGOT_TRY(Alternatives());
    if (!AtEnd()) return Fail("an unmatched )");
    if (!names_word_) return std::move(out_);
    return StrCat("(?:", out_, ")(?(DEFINE)(?<word>", ClassOf(BareWordSet()), "))");
  }

 private:
  bool AtEnd() const { return at_ >= in_.size(); }
  char Peek(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }
  bool Take(std::string_view text) {
    if (!in_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  Status Fail(std::string_view what) const {
    return InvalidArgument(StrCat("pattern ", core::Quoted(in_), ", byte ", at_, ": ", what));
  }
  Status Refuse(std::string_view what) const {
    return Unsupported(
        StrCat("pattern ", core::Quoted(in_), ", byte ", at_, ": ", what, " is not supported"));
  }

  // Groups need not capture unless something refers back to one.
  void FindBackReferences() {
    for (size_t i = 0; i + 1 < in_.size(); ++i) {
      if (in_[i] != '\\') continue;
      ++i;
      captures_ |= (in_[i] >= '1' && in_[i] <= '9') || in_[i] == 'k';
    }
  }

  // Until the end of the pattern or an unmatched ')'.
  Status Alternatives() {
    if (++depth_ > kMaxDepth) return Fail("groups are nested too deep");
    // (?i) in the middle of a group holds to its end, over the bars that follow.
    int open_options = 0;
    while (!AtEnd() && Peek() != ')') {
      if (out_.size() > kMaxTranslated) return Fail("the pattern grows too large");
      if (Take("|")) {
        out_ += '|';
        continue;
      }
      if (Take("(?#")) {
        while (!AtEnd() && Peek() != ')') at_ += Peek() == '\\' ? 2 : 1;
        if (!Take(")")) return Fail("a comment without end");
        continue;
      }
      const size_t atom = out_.size();
      INGOT_ASSIGN(const Atom kind, OneAtom());
      if (kind == Atom::kOption) {
        ++open_options;
        continue;
      }
      INGOT_TRY(Quantifiers(atom, kind));
    }
    out_.append(static_cast<size_t>(open_options), ')');
    --depth_;
    return Status::Ok();
  }

  enum class Atom { kThing, kAnchor, kOption };

  Result<Atom> OneAtom() {
    const char c = Peek();
    switch (c) {
      case '(':
        return Group();
      case '[': {
        INGOT_ASSIGN(const PointSet set, Class());
        out_ += ClassOf(set);
        return Atom::kThing;
      }
      case '\\':
        return Escape();
      case '.':
        ++at_;
        out_ += '.';
        return Atom::kThing;
      case '^':
      case '$':
        ++at_;
        out_ += c;
        return Atom::kAnchor;
      case '*':
      case '+':
      case '?':
        return Fail("nothing to repeat");
      default:
        break;
    }
    AppendEscaped(out_, NextPoint(in_, at_));
    return Atom::kThing;
  }

  Result<Atom> Group() {
    struct Opening {
      std::string_view in;
      std::string_view out;
    };
    static constexpr Opening kOpenings[] = {{"(?:", "(?:"}, {"(?=", "(?="},   {"(?!", "(?!"},
                                            {"(?>", "(?>"}, {"(?<=", "(?<="}, {"(?<!", "(?<!"}};
    for (const Opening& opening : kOpenings) {
      if (Take(opening.in)) {
        out_ += opening.out;
        return Body();
      }
    }
    if (Take("(?<")) {
      if (captures_) return Refuse("a named group together with references");
      while (!AtEnd() && Peek() != '>') ++at_;
      if (!Take(">")) return Fail("a group name without end");
      out_ += "(?:";
      return Body();
    }
    if (!Take("(?")) {
      ++at_;
      if (Peek() == '*') return Refuse("a group that begins with (*");
      out_ += captures_ ? "(" : "(?:";
      return Body();
    }
    std::string options = "(?";
    while (Peek() == 'i' || Peek() == 'm' || Peek() == '-') {
      options += Peek() == 'm' ? 's' : Peek();
      ++at_;
    }
    if (Take(":")) {
      out_ += options + ':';
      return Body();
    }
    if (Take(")")) {
      out_ += options + ':';
      return Atom::kOption;
    }
    return Refuse(StrCat("the group option ", core::Quoted(in_.substr(at_, 1))));
  }

  Result<Atom> Body() {
    INGOT_TRY(Alternatives());
    if (!Take(")")) return Fail("a group without end");
    out_ += ')';
    return Atom::kThing;
  }

  Status Quantifiers(size_t atom, Atom kind) {
    while (!AtEnd()) {
      const char c = Peek();
      if (c == '*' || c == '+' || c == '?') {
        ++at_;
        out_ += c;
        // A second mark makes it lazy or possessive.
        if (Peek() == '?' || Peek() == '+') out_ += in_[at_++];
      } else if (c == '{') {
        INGOT_ASSIGN(const bool taken, Interval(atom));
        if (!taken) return Status::Ok();
      } else {
        return Status::Ok();
      }
      if (kind == Atom::kAnchor) return Refuse("a repeated anchor");
      // What follows repeats the whole of it.
      if (Peek() == '*' || Peek() == '+' || Peek() == '?' || Peek() == '{') Wrap(atom);
    }
    return Status::Ok();
  }

  void Wrap(size_t atom) {
    out_.insert(atom, "(?:");
    out_ += ')';
  }

  // {n}, {n,}, {,m}, {n,m}; anything else is a literal brace.
  Result<bool> Interval(size_t atom) {
    const size_t start = at_;
    ++at_;
    const std::optional<uint32_t> low = Number();
    std::optional<uint32_t> high = low;
    if (Take(",")) {
      high = Number();
      if (!low && !high) {
        at_ = start;
        return false;
      }
    } else if (!low) {
      at_ = start;
      return false;
    }
    const bool fixed = in_[at_ - 1] != ',' && high == low;
    if (!Take("}")) {
      at_ = start;
      return false;
    }
    if (low.value_or(0) > kMaxRepeat || high.value_or(0) > kMaxRepeat) {
      return Fail(StrCat("a repetition of more than ", kMaxRepeat));
    }
    if (low && high && *low > *high) return Refuse("an interval whose end is before its start");
    out_ += StrCat("{", low.value_or(0), ",");
    if (high) out_ += StrCat(*high);
    out_ += '}';
    if (Peek() == '?' && !fixed) {
      ++at_;
      out_ += '?';
    } else if (Peek() == '?' || Peek() == '+') {
      Wrap(atom);  // here {n}? is optional, and {n,m}+ repeats: neither is a mark of the interval
    }
    return true;
  }

  std::optional<uint32_t> Number() {
    const size_t start = at_;
    uint32_t value = 0;
    while (IsDigit(Peek())) {
      value = std::min<uint32_t>(value * 10 + static_cast<uint32_t>(Peek() - '0'), 1 << 20);
      ++at_;
    }
    return at_ == start ? std::nullopt : std::optional(value);
  }

  Result<Atom> Escape() {
    const char c = Peek(1);
    switch (c) {
      case 'A':
      case 'z':
      case 'Z':
      case 'G':
        at_ += 2;
        out_ += '\\';
        out_ += c;
        return Atom::kAnchor;
      case 'b':
      case 'B': {
        at_ += 2;
        // A group defined at the end: the class is large, and stands here four times.
        names_word_ = true;
        constexpr std::string_view kWord = "(?&word)";
        const bool edge = c == 'b';
        out_ += StrCat("(?:(?<=", kWord, ")(?", edge ? "!" : "=", kWord, ")|(?<!", kWord, ")(?",
                       edge ? "=" : "!", kWord, "))");
        return Atom::kAnchor;
      }
      case 'R':
      case 'X':
        return Refuse(StrCat("\\", c));
      case 'k':
        return Refuse("a reference by name");
      default:
        break;
    }
    if (c >= '1' && c <= '9') {
      if (IsDigit(Peek(2))) return Refuse("a reference beyond \\9");
      at_ += 2;
      out_ += '\\';
      out_ += c;
      return Atom::kThing;
    }
    INGOT_ASSIGN(const std::optional<PointSet> set, SetEscape(BareWordSet()));
    if (set) {
      out_ += ClassOf(*set);
      return Atom::kThing;
    }
    INGOT_ASSIGN(const uint32_t point, PointEscape());
    AppendEscaped(out_, point);
    return Atom::kThing;
  }

  // \d, \p{..} and their like, inside and outside brackets; nullopt when it is none.
  Result<std::optional<PointSet>> SetEscape(const PointSet& word) {
    const char c = Peek(1);
    std::optional<PointSet> set;
    switch (c) {
      case 'd':
      case 'D':
        set = DigitSet();
        break;
      case 's':
      case 'S':
        set = SpaceSet();
        break;
      case 'w':
      case 'W':
        set = word;
        break;
      case 'h':
      case 'H':
        set = PointSet{{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
        break;
      case 'p':
      case 'P': {
        at_ += 2;
        if (!Take("{")) return Fail("\\p without braces");
        bool negated = c == 'P';
        if (Take("^")) negated = !negated;
        const size_t end = in_.find('}', at_);
        if (end == std::string_view::npos) return Fail("\\p{ without end");
        Result<PointSet> property = PropertySet(in_.substr(at_, end - at_));
        if (!property.ok())
          return std::move(property).status().Context(StrCat("pattern ", core::Quoted(in_)));
        at_ = end + 1;
        return std::optional(negated ? property->Complement() : *std::move(property));
      }
      default:
        return set;
    }
    at_ += 2;
    if (c >= 'A' && c <= 'Z') set = set->Complement();
    return set;
  }

  // An escape that stands for one character.
  Result<uint32_t> PointEscape() {
    ++at_;
    if (AtEnd()) return Fail("a backslash at the end");
    const uint32_t point = NextPoint(in_, at_);
    switch (point) {
      case 't':
        return uint32_t{'\t'};
      case 'n':
        return uint32_t{'\n'};
      case 'r':
        return uint32_t{'\r'};
      case 'f':
        return uint32_t{'\f'};
      case 'v':
        return uint32_t{'\v'};
      case 'a':
        return uint32_t{'\a'};
      case 'e':
        return uint32_t{0x1B};
      case 'x':
        return HexEscape();
      case 'u':
        return HexDigits(4, 4);
      case '0': {
        if (IsDigit(Peek())) return Refuse("an octal escape");
        return uint32_t{0};
      }
      default:
        break;
    }
    const bool alphanumeric = (point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z') ||
                              (point >= '0' && point <= '9');
    if (alphanumeric) return Refuse(StrCat("the escape \\", static_cast<char>(point)));
    return point;
  }

  Result<uint32_t> HexEscape() {
    if (!Take("{")) {
      INGOT_ASSIGN(const uint32_t point, HexDigits(1, 2));
      if (point >= 0x80) return Refuse("a byte of a character as \\x");
      return point;
    }
    INGOT_ASSIGN(const uint32_t point, HexDigits(1, 8));
    if (!Take("}")) return Fail("\\x{ without end");
    return point;
  }

  Result<uint32_t> HexDigits(int least, int most) {
    uint32_t value = 0;
    int count = 0;
    while (count < most) {
      const std::optional<uint32_t> digit = HexValue(Peek());
      if (!digit) break;
      value = value << 4 | *digit;
      ++at_;
      ++count;
    }
    if (count < least) return Fail("too few hexadecimal digits");
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      return Fail("not a Unicode character");
    }
    return value;
  }

  // From '[' past the matching ']'.
  Result<PointSet> Class() {
    if (++depth_ > kMaxDepth) return Fail("classes are nested too deep");
    ++at_;
    const bool negated = Take("^");
    PointSet result = PointSet::All();
    PointSet set;
    for (bool first = true;; first = false) {
      if (AtEnd()) return Fail("a class without end");
      if (Peek() == ']' && !first) break;
      if (Take("&&")) {
        result = result.Intersection(set);
        set = PointSet();
        continue;
      }
      INGOT_TRY(ClassItem(set));
    }
    ++at_;
    --depth_;
    result = result.Intersection(set);
    return negated ? result.Complement() : result;
  }

  Status ClassItem(PointSet& set) {
    if (Peek() == '[') {
      if (Peek(1) == ':') {
        const size_t end = in_.find(":]", at_ + 2);
        if (end == std::string_view::npos) return Fail("a bracket class without end");
        at_ += 2;
        const bool negated = Take("^");
        INGOT_ASSIGN(const PointSet named, PosixSet(in_.substr(at_, end - at_)));
        at_ = end + 2;
        set.Add(negated ? named.Complement() : named);
        return Status::Ok();
      }
      INGOT_ASSIGN(const PointSet nested, Class());
      set.Add(nested);
      return Status::Ok();
    }
    if (Peek() == '\\') {
      INGOT_ASSIGN(const std::optional<PointSet> named, SetEscape(WordSet()));
      if (named) {
        set.Add(*named);
        return Status::Ok();
      }
    }
    INGOT_ASSIGN(const uint32_t first, ClassPoint());
    uint32_t last = first;
    if (Peek() == '-' && Peek(1) != ']' && Peek(1) != '\0') {
      ++at_;
      if (Peek() == '[') return Refuse("a range that ends in a class");
      INGOT_ASSIGN(last, ClassPoint());
      if (last < first) return Fail("a range whose end is before its start");
    }
    set.Add(first, last);
    return Status::Ok();
  }

  Result<uint32_t> ClassPoint() {
    if (Peek() != '\\') return NextPoint(in_, at_);
    if (Peek(1) == 'b') {
      at_ += 2;
      return uint32_t{'\b'};
    }
    return PointEscape();
  }

  std::string_view in_;
  size_t at_ = 0;
  std::string out_;
  int depth_ = 0;
  bool captures_ = false;
  bool names_word_ = false;
};

}  // namespace

Result<std::string> TranslatePattern(std::string_view pattern) { return Translator(pattern).Run(); }

}  // namespace ingot::text
