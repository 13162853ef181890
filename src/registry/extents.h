// Which bytes of a blob are there: a set of byte ranges that do not touch. And how what is missing
// is cut into requests. Values; one thread.
#ifndef INGOT_REGISTRY_EXTENTS_H_
#define INGOT_REGISTRY_EXTENTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace ingot::registry {

struct Extent {
  uint64_t begin = 0;
  uint64_t end = 0;  // the byte after the last
  uint64_t size() const { return end - begin; }
  bool operator==(const Extent&) const = default;
};

class ExtentSet {
 public:
  void Add(Extent extent);
  uint64_t total() const { return total_; }
  // The end of the range that holds `position`; position itself where nothing does.
  uint64_t EndFrom(uint64_t position) const;
  // What [0, size) lacks, in order.
  std::vector<Extent> Missing(uint64_t size) const;

 private:
  std::map<uint64_t, uint64_t> ranges_;  // begin to end
  uint64_t total_ = 0;
};

// Requests for what is missing, none longer than longest, in order.
std::vector<Extent> CutRanges(const std::vector<Extent>& missing, uint64_t longest);

// "bytes 5-9/100", of a 206.
struct ContentRange {
  Extent extent;
  std::optional<uint64_t> size;  // of the whole; nullopt for "*"
};
std::optional<ContentRange> ParseContentRange(std::string_view text);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_EXTENTS_H_
