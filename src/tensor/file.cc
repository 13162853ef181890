#include "tensor/file.h"

#include <string>
#include <utility>

#include "core/strings.h"

namespace ingot::tensor {

using core::Corrupt;
using core::Printable;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

Result<SafetensorsFile> SafetensorsFile::Open(core::Env& env, const core::Path& path,
                                              core::Access access) {
  SafetensorsFile file(env, path, access);
  INGOT_ASSIGN(const std::unique_ptr<core::ReadFile> reader, env.OpenRead(path));
  INGOT_ASSIGN(file.info_, reader->Info());
  INGOT_ASSIGN(file.header_, ReadHeader(*reader));
  if (file.header_.file_size() != file.info_.size) {
    return Corrupt(StrCat(Printable(path.native(), 1000), ": changed from ", file.info_.size,
                          " to ", file.header_.file_size(), " bytes while it was being opened"));
  }
  return file;
}

Result<std::shared_ptr<const core::MappedFile>> SafetensorsFile::Mapping() const {
  const std::lock_guard<std::mutex> hold(lazy_->lock);
  if (lazy_->mapping != nullptr) return lazy_->mapping;
  INGOT_ASSIGN(std::shared_ptr<const core::MappedFile> mapping, env_->Map(path_, access_));
  const core::FileInfo& now = mapping->info();
  // The spans were checked against the file of then: only that one may be cut by them.
  if (now.device != info_.device || now.inode != info_.inode) {
    return Corrupt(StrCat(Printable(path_.native(), 1000),
                          ": was replaced by another file after its header was read"));
  }
  if (mapping->bytes().size() != info_.size) {
    return Corrupt(StrCat(Printable(path_.native(), 1000), ": changed from ", info_.size, " to ",
                          mapping->bytes().size(), " bytes after its header was read"));
  }
  lazy_->mapping = mapping;
  return mapping;
}

std::shared_ptr<const core::MappedFile> SafetensorsFile::MappingIfAny() const {
  const std::lock_guard<std::mutex> hold(lazy_->lock);
  return lazy_->mapping;
}

void SafetensorsFile::Unmap() const {
  const std::lock_guard<std::mutex> hold(lazy_->lock);
  lazy_->mapping = nullptr;
}

Result<TensorView> SafetensorsFile::View(size_t i) const {
  if (i >= header_.size()) {
    return core::InvalidArgument(StrCat(Printable(path_.native(), 1000), ": tensor ", i, " of ",
                                        header_.size(), " was asked for"));
  }
  INGOT_ASSIGN(const std::shared_ptr<const core::MappedFile> mapping, Mapping());
  const TensorInfo tensor = header_[i];
  return TensorView{tensor.name, tensor.dtype, tensor.shape,
                    mapping->bytes().subspan(header_.data_begin() + tensor.offset, tensor.size)};
}

Result<TensorView> SafetensorsFile::View(std::string_view name) const {
  const std::optional<size_t> index = header_.IndexOf(name);
  if (!index) {
    return core::NotFound(StrCat(Printable(path_.native(), 1000), ": holds no tensor ",
                                 Quoted(name), " (it holds ", header_.size(), ")"));
  }
  return View(*index);
}

Status SafetensorsFile::Check() const {
  const std::shared_ptr<const core::MappedFile> mapping = MappingIfAny();
  return mapping == nullptr ? Status::Ok() : mapping->Check();
}

Status SafetensorsFile::CheckUnchanged() const {
  INGOT_TRY(Check());
  return core::CheckUnchanged(*env_, path_, info_);
}

void SafetensorsFile::WillNeed(size_t i) const {
  if (const auto mapping = MappingIfAny(); mapping != nullptr && i < header_.size()) {
    const TensorInfo tensor = header_[i];
    mapping->WillNeed(header_.data_begin() + tensor.offset, tensor.size);
  }
}

void SafetensorsFile::Release(size_t i) const {
  if (const auto mapping = MappingIfAny(); mapping != nullptr && i < header_.size()) {
    const TensorInfo tensor = header_[i];
    mapping->Release(header_.data_begin() + tensor.offset, tensor.size);
  }
}

}  // namespace ingot::tensor
