// Gives pages of the sources back some megabytes behind the reader. Not at once: each call makes
// the kernel interrupt all processors that this process runs on. One object, one thread.
#ifndef INGOT_IMPORT_READ_BEHIND_H_
#define INGOT_IMPORT_READ_BEHIND_H_

#include <cstdint>
#include <vector>

#include "import/source_bytes.h"

namespace ingot::import {

class ReadBehind {
 public:
  // The bytes outlive the object.
  explicit ReadBehind(const SourceBytes& bytes) : bytes_(bytes) {}
  ~ReadBehind() { Flush(); }
  ReadBehind(const ReadBehind&) = delete;
  ReadBehind& operator=(const ReadBehind&) = delete;

  // Bytes [offset, offset + size) of the tensor are wanted no more.
  void Done(uint32_t tensor, uint64_t offset, uint64_t size);
  void Flush();

 private:
  const SourceBytes& bytes_;
  std::vector<FileRange> ranges_;  // few: neighbours are joined
  uint64_t held_ = 0;              // bytes that were said to be done since the last flush
};

}  // namespace ingot::import

#endif  // INGOT_IMPORT_READ_BEHIND_H_
