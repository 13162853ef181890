// The packed character tables of unicode_data.cc and unicode_forms.cc, which a script writes. Each
// is base64 of a byte stream of LEB128 numbers; unicode.cc unpacks them, nobody else reads them.
#ifndef INGOT_TEXT_TOKEN_UNICODE_DATA_H_
#define INGOT_TEXT_TOKEN_UNICODE_DATA_H_

#include <cstddef>

namespace ingot::text {

// Runs of (length, value) that cover all code points from 0.
extern const char kGeneralCategory16[];  // value: GeneralCategory
extern const char kAlphabetic16[];       // value: 0 or 1; so in the sets below
extern const char kScript16[];           // value: index into kScriptNames, 0 where unassigned
extern const char kScript9[];
extern const char kCluster16[];  // value: ClusterClass
extern const char kPictographic16[];
extern const char kNumeric17[];
extern const char kMark9[];
extern const char kCombining9[];  // value: canonical combining class
extern const char kPunctuation8[];
extern const char kNonspacing8[];
extern const char kOther8[];
// (distance from the code point before, zigzag distance to its lower case).
extern const char kLower17[];
// (distance from the code point before, 4 * count + 2 * compatibility + stays composed, then that
// many zigzag distances: from the first point of the entry before, then each from its neighbour).
extern const char kDecomposition9[];

extern const char* const kScriptNames[];  // from 1
extern const size_t kScriptCount;         // with the empty 0

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_UNICODE_DATA_H_
