// The bytes of a source's tensors, mapped file by file when first asked for. Pages that were read
// are given back, so that a model of any size passes through little memory. Thread-safe; the bytes
// live as long as the object.
#ifndef INGOT_IMPORT_SOURCE_BYTES_H_
#define INGOT_IMPORT_SOURCE_BYTES_H_

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "import/inventory.h"

namespace ingot::import {

// Bytes [begin, end) of one of the inventory's files.
struct FileRange {
  uint32_t file = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
};

class SourceBytes {
 public:
  // Both outlive the object.
  SourceBytes(core::Env& env, const Inventory& inventory)
      : env_(env), inventory_(inventory), files_(inventory.files.size()) {}

  // Of one tensor. Fails when its file cannot be mapped or is no longer the one whose header was
  // read.
  core::Result<std::span<const std::byte>> Bytes(uint32_t tensor);

  // Where bytes [offset, offset + size) of the tensor lie.
  FileRange Locate(uint32_t tensor, uint64_t offset, uint64_t size) const;

  // Advice: bytes [offset, offset + size) of the tensor will be wanted soon; a range is wanted no
  // more.
  void WillNeed(uint32_t tensor, uint64_t offset, uint64_t size) const;
  void Release(const FileRange& range) const;

  // kCorrupt, naming the file, when any file that was read is not what it was: cut, replaced, or
  // written to since its header was read.
  core::Status CheckUnchanged();
  // The same for the files of some tensors, each named once or more.
  core::Status CheckUnchanged(std::span<const uint32_t> tensors);

 private:
  core::Result<const core::MappedFile*> Map(uint32_t file);
  core::Status CheckFile(uint32_t file);
  const core::MappedFile* Mapped(uint32_t file) const;

  core::Env& env_;
  const Inventory& inventory_;
  mutable std::mutex lock_;
  std::vector<std::unique_ptr<core::MappedFile>> files_;  // guarded by lock_; entries stay
};

}  // namespace ingot::import

#endif  // INGOT_IMPORT_SOURCE_BYTES_H_
