#include "registry/range_sink.h"

#include <algorithm>
#include <utility>

#include "core/strings.h"

namespace ingot::registry {
namespace {

using core::Status;
using core::StrCat;

// What a killed process has to fetch again of each request that ran.
constexpr uint64_t kRecordBytes = uint64_t{1} << 18;
constexpr uint64_t kWritebackBytes = uint64_t{8} << 20;

}  // namespace

RangeSink::RangeSink(PartialBlob& blob, PrefixHash& hash, core::WriteFile& file,
                     std::vector<Extent> wanted, bool ranged, std::function<void(uint64_t)> arrived)
    : blob_(blob),
      hash_(hash),
      file_(file),
      wanted_(std::move(wanted)),
      ranged_(ranged),
      arrived_(std::move(arrived)) {
  std::sort(wanted_.begin(), wanted_.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
}

Status RangeSink::Wrong(std::string what) {
  wrong_answer_ = true;
  return core::Corrupt(std::move(what));
}

Status RangeSink::CheckRange(const HttpResponse& response) {
  const Extent asked = wanted_.front();
  const std::string* header = response.Find("content-range");
  if (header == nullptr) return Wrong("a part came without a Content-Range");
  const auto range = ParseContentRange(*header);
  const bool right = range && range->extent.begin == asked.begin &&
                     range->extent.end <= asked.end &&
                     range->size.value_or(blob_.size()) == blob_.size();
  if (!right) {
    return Wrong(StrCat("bytes ", asked.begin, "-", asked.end - 1, "/", blob_.size(),
                        " were asked for, ", core::Quoted(*header, 80), " came"));
  }
  position_ = asked.begin;
  last_ = range->extent.end;
  return Status::Ok();
}

Status RangeSink::Begin(const HttpResponse& response) {
  unrecorded_ = {};
  if (response.status == 206) {
    if (!ranged_) return Wrong("a part came where the whole was asked for");
    return CheckRange(response);
  }
  if (ranged_) {
    ignores_ranges_ = true;
    return core::Unsupported("it does not send parts");
  }
  position_ = 0;
  last_ = blob_.size();
  const std::string* length = response.Find("content-length");
  const auto bytes = length == nullptr ? std::nullopt : core::ParseUint(*length);
  if (bytes && *bytes != blob_.size()) {
    return Wrong(StrCat("the manifest says ", blob_.size(), " bytes, the registry has ", *bytes));
  }
  return Status::Ok();
}

Status RangeSink::Write(std::span<const std::byte> data) {
  if (unrecorded_.end != position_) {
    INGOT_TRY(Flush());
    unrecorded_ = {position_, position_};
  }
  INGOT_TRY(file_.WriteAt(position_, data));
  sum_.Update(data);
  unrecorded_.end += data.size();
  hash_.Offer(position_, data);
  taken_ += data.size();
  written_back_ += data.size();
  arrived_(data.size());
  if (written_back_ >= kWritebackBytes) {
    file_.StartWriteback(position_ + data.size() - written_back_, written_back_);
    written_back_ = 0;
  }
  if (unrecorded_.size() < kRecordBytes) return Status::Ok();
  return Flush();
}

Status RangeSink::Take(std::span<const std::byte> data) {
  if (data.size() > last_ - position_) {
    return Wrong(StrCat("more than the ", last_, " bytes came that there should be"));
  }
  while (!data.empty()) {
    // Past everything that is wanted: the rest is there already.
    if (wanted_.empty()) return Status::Ok();
    Extent& next = wanted_.front();
    if (position_ < next.begin) {
      const uint64_t skip = std::min<uint64_t>(next.begin - position_, data.size());
      position_ += skip;
      data = data.subspan(skip);
      continue;
    }
    const uint64_t size = std::min<uint64_t>(next.size(), data.size());
    INGOT_TRY(Write(data.first(size)));
    position_ += size;
    next.begin += size;
    data = data.subspan(size);
    if (next.begin == next.end) wanted_.erase(wanted_.begin());
  }
  return Status::Ok();
}

Status RangeSink::Flush() {
  if (unrecorded_.size() == 0) return Status::Ok();
  const Extent extent = std::exchange(unrecorded_, {unrecorded_.end, unrecorded_.end});
  const uint64_t sum = std::exchange(sum_, {}).Value();
  return blob_.Record(extent, sum);
}

}  // namespace ingot::registry
