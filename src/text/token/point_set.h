// A set of code points as sorted, disjoint ranges, with the algebra that character classes of
// patterns need. A value; no locks.
#ifndef INGOT_TEXT_TOKEN_POINT_SET_H_
#define INGOT_TEXT_TOKEN_POINT_SET_H_

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace ingot::text {

struct PointRange {
  uint32_t first = 0;
  uint32_t last = 0;  // inclusive
};

class PointSet {
 public:
  PointSet() = default;
  PointSet(std::initializer_list<PointRange> ranges);
  static PointSet All();
  // Every point for which test(point) holds.
  template <typename Test>
  static PointSet Of(const Test& test);

  void Add(uint32_t first, uint32_t last);
  void Add(const PointSet& other);
  PointSet Complement() const;
  PointSet Intersection(const PointSet& other) const;
  bool Contains(uint32_t point) const;
  bool empty() const;
  const std::vector<PointRange>& ranges() const;

 private:
  void Normalize() const;

  // Kept as added until somebody looks.
  mutable std::vector<PointRange> ranges_;
  mutable bool normal_ = true;
};

// The set that a property has in patterns, by its name as in \p{name}: general categories, short
// or long ("L", "Lu", "Uppercase_Letter"), scripts ("Han"), and a few others ("Alphabetic",
// "White_Space", "Any"). Case, spaces, hyphens and underscores do not count.
core::Result<PointSet> PropertySet(std::string_view name);
// The same for [:name:].
core::Result<PointSet> PosixSet(std::string_view name);
const PointSet& SpaceSet();  // \s
const PointSet& WordSet();   // \w in brackets: letters, marks, decimal digits, connectors
// \w by itself: also the superscripts and fractions of Latin-1, a whim of the reference's engine.
const PointSet& BareWordSet();
const PointSet& DigitSet();  // \d

template <typename Test>
PointSet PointSet::Of(const Test& test) {
  PointSet set;
  constexpr uint32_t kEnd = 0x110000;
  for (uint32_t point = 0; point < kEnd;) {
    if (!test(point)) {
      ++point;
      continue;
    }
    const uint32_t first = point;
    while (point < kEnd && test(point)) ++point;
    set.ranges_.push_back({first, point - 1});
  }
  return set;
}

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_POINT_SET_H_
