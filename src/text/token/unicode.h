// Character properties as the components of tokenizers see them. Each library that the reference
// implementation is made of froze its own version of Unicode, and agreeing with it token by token
// means following each: the number in a name is that version.
//
// The tables are constants, unpacked once on first use (about a millisecond) and never changed, so
// any thread may ask.
#ifndef INGOT_TEXT_TOKEN_UNICODE_H_
#define INGOT_TEXT_TOKEN_UNICODE_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ingot::text {

constexpr uint32_t kCodePoints = 0x110000;

// In the order of the packed table.
enum class GeneralCategory : uint8_t {
  // clang-format off
  kLu, kLl, kLt, kLm, kLo, kMn, kMc, kMe, kNd, kNl, kNo, kPc, kPd, kPs, kPe, kPi, kPf, kPo,
  kSm, kSc, kSk, kSo, kZs, kZl, kZp, kCc, kCf, kCs, kCo, kCn,
  // clang-format on
};

enum class ClusterClass : uint8_t {
  // clang-format off
  kOther, kCr, kLf, kControl, kExtend, kZwj, kRegional, kPrepend, kSpacing, kL, kV, kT, kLv, kLvt,
  // clang-format on
};

// A byte for each code point, pages of equal content stored once.
class PointTable {
 public:
  // Neighbouring points of one value.
  struct Run {
    uint32_t first = 0;
    uint32_t last = 0;
    uint8_t value = 0;
  };
  // values has kCodePoints entries.
  explicit PointTable(std::span<const uint8_t> values);
  uint8_t operator[](uint32_t point) const {
    return point < kCodePoints
               ? bytes_[size_t{pages_[point >> kPageBits]} << kPageBits | (point & (kPageSize - 1))]
               : 0;
  }
  std::span<const Run> runs() const { return runs_; }

 private:
  static constexpr uint32_t kPageBits = 7;
  static constexpr uint32_t kPageSize = 1 << kPageBits;
  std::vector<uint16_t> pages_;
  std::vector<uint8_t> bytes_;
  std::vector<Run> runs_;
};

const PointTable& GeneralCategories16();  // values are GeneralCategory
const PointTable& ClusterClasses16();     // values are ClusterClass
const PointTable& Scripts16();            // indices for ScriptName
const PointTable& Scripts9();
const PointTable& CombiningClasses9();
std::string_view ScriptName(uint8_t script);  // "Latin"; empty for 0 and beyond the last
uint8_t ScriptCount();                        // one more than the last

// White space; the same set in every version since 6.3.
constexpr bool IsSpace(uint32_t point) {
  if (point < 0x80) return point == ' ' || (point >= '\t' && point <= '\r');
  return point == 0x85 || point == 0xA0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

bool IsAlphabetic16(uint32_t point);
// Letters, marks, digits, connectors and joiners: \w of the Whitespace pre-tokenizer and of
// added tokens. Patterns have another one, see regex_class.cc.
bool IsWord16(uint32_t point);
bool IsPictographic16(uint32_t point);
bool IsNumeric17(uint32_t point);
bool IsMark9(uint32_t point);
bool IsPunctuation8(uint32_t point);
bool IsNonspacing8(uint32_t point);
bool IsOther8(uint32_t point);  // control, format and private use

// The lower case of one character; U+0130 alone becomes two ("i" and U+0307).
uint32_t ToLower17(uint32_t point);

struct Decomposition {
  uint32_t point = 0;
  bool compatibility = false;
  bool composes = false;  // a canonical pair that NFC puts together again
  uint8_t count = 0;
  uint32_t begin = 0;  // into the pool of points
};
// One step of decomposition a character, sorted by point; Hangul syllables are not among them.
std::span<const Decomposition> Decompositions9();
std::span<const uint32_t> DecompositionPool9();

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_UNICODE_H_
