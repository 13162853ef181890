// Where the bytes of one request for a part of a blob go: checked against what was asked for,
// written, hashed where they are next, and recorded a piece at a time. One request, one thread.
#ifndef INGOT_REGISTRY_RANGE_SINK_H_
#define INGOT_REGISTRY_RANGE_SINK_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "registry/http.h"
#include "registry/partial_blob.h"
#include "registry/piece_sum.h"
#include "registry/prefix_hash.h"

namespace ingot::registry {

class RangeSink : public BodySink {
 public:
  // wanted: not empty, no two of them overlap. With `ranged` it is one extent, asked for by a Range
  // header; without, the whole blob comes and what is not wanted is passed over. arrived(bytes) is
  // called for what was written.
  RangeSink(PartialBlob& blob, PrefixHash& hash, core::WriteFile& file, std::vector<Extent> wanted,
            bool ranged, std::function<void(uint64_t)> arrived);

  core::Status Begin(const HttpResponse& response) override;
  core::Status Take(std::span<const std::byte> data) override;

  // After the transfer, however it ended: records what came.
  core::Status Flush();
  // What is still wanted.
  const std::vector<Extent>& wanted() const { return wanted_; }
  uint64_t taken() const { return taken_; }
  // The server sends the whole although a range was asked for.
  bool ignores_ranges() const { return ignores_ranges_; }
  // The answer was not what was asked for: another try may bring it.
  bool wrong_answer() const { return wrong_answer_; }

 private:
  core::Status Wrong(std::string what);
  core::Status CheckRange(const HttpResponse& response);
  core::Status Write(std::span<const std::byte> data);

  PartialBlob& blob_;
  PrefixHash& hash_;
  core::WriteFile& file_;
  std::vector<Extent> wanted_;
  const bool ranged_;
  const std::function<void(uint64_t)> arrived_;

  uint64_t position_ = 0;  // of the next byte that comes
  uint64_t last_ = 0;      // where the answer has to end
  Extent unrecorded_;      // written and not recorded yet
  PieceSum sum_;           // of unrecorded_
  uint64_t taken_ = 0;
  uint64_t written_back_ = 0;  // since the kernel was last asked to write
  bool ignores_ranges_ = false;
  bool wrong_answer_ = false;
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_RANGE_SINK_H_
