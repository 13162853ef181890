#include "text/token/clusters.h"

#include "text/token/unicode.h"
#include "text/token/utf8.h"

namespace ingot::text {
namespace {

using enum ClusterClass;

ClusterClass ClassOf(uint32_t point) {
  return static_cast<ClusterClass>(ClusterClasses16()[point]);
}

bool IsBreaker(ClusterClass c) { return c == kCr || c == kLf || c == kControl; }

// Hangul parts that follow each other within a syllable.
bool SameSyllable(ClusterClass a, ClusterClass b) {
  switch (a) {
    case kL:
      return b == kL || b == kV || b == kLv || b == kLvt;
    case kLv:
    case kV:
      return b == kV || b == kT;
    case kLvt:
    case kT:
      return b == kT;
    default:
      return false;
  }
}

}  // namespace

size_t ClusterEnd(std::string_view text, size_t begin) {
  size_t at = begin;
  uint32_t point = NextPoint(text, at);
  ClusterClass last = ClassOf(point);
  bool pictograph = IsPictographic16(point);  // then only Extend, so far
  bool joined = false;                        // and then a joiner
  size_t flags = last == kRegional ? 1 : 0;
  while (at < text.size()) {
    if (last != kCr && IsBreaker(last)) return at;
    size_t next = at;
    point = NextPoint(text, next);
    const ClusterClass now = ClassOf(point);
    bool together = false;
    if (last == kCr) {
      together = now == kLf;
    } else if (IsBreaker(now)) {
      together = false;
    } else if (SameSyllable(last, now) || now == kExtend || now == kZwj || now == kSpacing ||
               last == kPrepend || (joined && IsPictographic16(point))) {
      together = true;
    } else if (last == kRegional && now == kRegional) {
      together = flags % 2 == 1;
    }
    if (!together) return at;
    joined = pictograph && now == kZwj;
    pictograph = IsPictographic16(point) || (pictograph && (now == kExtend || now == kZwj));
    if (now == kZwj && !joined) pictograph = false;
    flags = now == kRegional ? flags + 1 : 0;
    last = now;
    at = next;
  }
  return at;
}

}  // namespace ingot::text
