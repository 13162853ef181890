// Where the bytes of one blob go: in the order of the file, except for some that are placed ahead
// and taken up when their turn comes. One thread.
#ifndef INGOT_IMPORT_BLOB_TARGET_H_
#define INGOT_IMPORT_BLOB_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/status.h"

namespace ingot::import {

class BlobTarget {
 public:
  virtual ~BlobTarget() = default;

  // The next bytes of the file.
  virtual core::Status Append(std::span<const std::byte> data) = 0;
  // Bytes for offset (from the start of the file), beyond everything appended so far.
  virtual core::Status PlaceAhead(uint64_t offset, std::span<const std::byte> data) = 0;
  // The next size bytes of the file were placed ahead, all of them.
  virtual core::Status AppendPlaced(uint64_t size) = 0;
};

}  // namespace ingot::import

#endif  // INGOT_IMPORT_BLOB_TARGET_H_
