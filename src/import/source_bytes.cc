#include "import/source_bytes.h"

#include <algorithm>

#include "core/checked.h"
#include "core/strings.h"

namespace ingot::import {

using core::MappedFile;
using core::Result;
using core::Status;

Result<const MappedFile*> SourceBytes::Map(uint32_t file) {
  const std::lock_guard<std::mutex> hold(lock_);
  std::unique_ptr<MappedFile>& mapped = files_[file];
  if (mapped == nullptr) {
    const SourceFile& source = inventory_.files[file];
    INGOT_TRY(core::CheckUnchanged(env_, source.path, source.info));
    INGOT_ASSIGN(mapped, env_.Map(source.path, core::Access::kSequential));
  }
  return static_cast<const MappedFile*>(mapped.get());
}

const MappedFile* SourceBytes::Mapped(uint32_t file) const {
  const std::lock_guard<std::mutex> hold(lock_);
  return files_[file].get();
}

Result<std::span<const std::byte>> SourceBytes::Bytes(uint32_t tensor) {
  const SourceTensor& source = inventory_.tensors[tensor];
  INGOT_ASSIGN(const MappedFile* file, Map(source.file));
  if (!core::SpanFits(source.offset, source.size, file->bytes().size())) {
    return core::Corrupt(core::StrCat(core::Printable(file->path().native(), 1000),
                                      ": ends before the tensor ", core::Quoted(source.name)));
  }
  return file->bytes().subspan(source.offset, source.size);
}

FileRange SourceBytes::Locate(uint32_t tensor, uint64_t offset, uint64_t size) const {
  const SourceTensor& source = inventory_.tensors[tensor];
  const uint64_t begin = source.offset + offset;
  return {.file = source.file, .begin = begin, .end = begin + size};
}

void SourceBytes::WillNeed(uint32_t tensor, uint64_t offset, uint64_t size) const {
  const FileRange range = Locate(tensor, offset, size);
  if (const MappedFile* file = Mapped(range.file)) file->WillNeed(range.begin, size);
}

void SourceBytes::Release(const FileRange& range) const {
  if (const MappedFile* file = Mapped(range.file)) {
    file->Release(range.begin, range.end - range.begin);
  }
}

Status SourceBytes::CheckFile(uint32_t file) {
  const MappedFile* mapped = Mapped(file);
  if (mapped == nullptr) return Status::Ok();
  INGOT_TRY(mapped->Check());
  const SourceFile& source = inventory_.files[file];
  return core::CheckUnchanged(env_, source.path, source.info);
}

Status SourceBytes::CheckUnchanged() {
  for (uint32_t file = 0; file < inventory_.files.size(); ++file) INGOT_TRY(CheckFile(file));
  return Status::Ok();
}

Status SourceBytes::CheckUnchanged(std::span<const uint32_t> tensors) {
  std::vector<uint32_t> files;
  for (const uint32_t tensor : tensors) files.push_back(inventory_.tensors[tensor].file);
  std::ranges::sort(files);
  files.erase(std::ranges::unique(files).begin(), files.end());
  for (const uint32_t file : files) INGOT_TRY(CheckFile(file));
  return Status::Ok();
}

}  // namespace ingot::import
