#include "import/source_bytes.h"

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

const MappedFile* SourceBytes::Mapped(uint32_t tensor) const {
  const std::lock_guard<std::mutex> hold(lock_);
  return files_[inventory_.tensors[tensor].file].get();
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

void SourceBytes::WillNeed(uint32_t tensor, uint64_t offset, uint64_t size) const {
  if (const MappedFile* file = Mapped(tensor)) {
    file->WillNeed(inventory_.tensors[tensor].offset + offset, size);
  }
}

void SourceBytes::Release(uint32_t tensor, uint64_t offset, uint64_t size) const {
  if (const MappedFile* file = Mapped(tensor)) {
    file->Release(inventory_.tensors[tensor].offset + offset, size);
  }
}

Status SourceBytes::CheckUnchanged() {
  std::vector<size_t> read;
  {
    const std::lock_guard<std::mutex> hold(lock_);
    for (size_t i = 0; i < files_.size(); ++i) {
      if (files_[i] != nullptr) read.push_back(i);
    }
  }
  for (size_t i : read) {
    const SourceFile& source = inventory_.files[i];
    INGOT_TRY(files_[i]->Check());
    INGOT_TRY(core::CheckUnchanged(env_, source.path, source.info));
  }
  return Status::Ok();
}

}  // namespace ingot::import
