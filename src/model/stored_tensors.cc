#include "model/stored_tensors.h"

#include <set>
#include <unordered_set>

#include "core/strings.h"

namespace ingot::model {

using core::Result;
using core::Status;
using core::StrCat;

namespace {

std::optional<std::string> MetadataText(const tensor::Header& header, const std::string& key) {
  const std::optional<std::string_view> value = header.FindMetadata(key);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

}  // namespace

Result<StoredTensors> StoredTensors::FromFolder(core::Env& env, const core::Path& folder) {
  StoredTensors result;
  INGOT_ASSIGN(tensor::Checkpoint checkpoint, tensor::Checkpoint::Open(env, folder));
  result.checkpoint_ = std::move(checkpoint);
  for (size_t i = 0; i < result.checkpoint_->size(); ++i) {
    result.entries_.push_back({std::string((*result.checkpoint_)[i].name), 0, i});
  }
  return result;
}

Result<StoredTensors> StoredTensors::FromBlobs(core::Env& env,
                                               const std::vector<TensorBlob>& blobs) {
  StoredTensors result;
  std::set<core::Path> opened;
  for (const TensorBlob& blob : blobs) {
    if (opened.insert(blob.path).second) INGOT_TRY(result.AddBlob(env, blob));
  }
  std::unordered_set<std::string_view> names;
  for (const Entry& entry : result.entries_) {
    if (!names.insert(entry.name).second) {
      return core::Corrupt(StrCat("tensor ", core::Quoted(entry.name), " lies in two blobs"));
    }
  }
  return result;
}

Status StoredTensors::AddBlob(core::Env& env, const TensorBlob& blob) {
  INGOT_ASSIGN(tensor::SafetensorsFile file, tensor::SafetensorsFile::Open(env, blob.path));
  const tensor::Header& header = file.header();
  const bool rename = header.size() == 1 && !blob.layer.empty();
  for (size_t i = 0; i < header.size(); ++i) {
    entries_.push_back({rename ? blob.layer : std::string(header.name(i)), files_.size(), i});
  }
  files_.push_back(std::move(file));
  return Status::Ok();
}

const tensor::SafetensorsFile& StoredTensors::FileOf(size_t i) const {
  return checkpoint_ ? checkpoint_->FileOf(entries_[i].tensor) : files_[entries_[i].file];
}

tensor::DType StoredTensors::dtype(size_t i) const {
  return checkpoint_ ? (*checkpoint_)[entries_[i].tensor].dtype
                     : FileOf(i).header()[entries_[i].tensor].dtype;
}

tensor::Shape StoredTensors::shape(size_t i) const {
  return checkpoint_ ? (*checkpoint_)[entries_[i].tensor].shape
                     : FileOf(i).header()[entries_[i].tensor].shape;
}

Result<tensor::TensorView> StoredTensors::View(size_t i) const {
  return checkpoint_ ? checkpoint_->View(entries_[i].tensor) : FileOf(i).View(entries_[i].tensor);
}

Result<std::shared_ptr<const core::MappedFile>> StoredTensors::Mapping(size_t i) const {
  return FileOf(i).Mapping();
}

Result<std::shared_ptr<const void>> StoredTensors::Owner(size_t i) const {
  INGOT_ASSIGN(std::shared_ptr<const core::MappedFile> mapping, Mapping(i));
  return std::shared_ptr<const void>(std::move(mapping));
}

BlobMetadata StoredTensors::MetadataOf(size_t i) const {
  const tensor::Header& header = FileOf(i).header();
  const std::string& name = entries_[i].name;
  return {MetadataText(header, name + ".quant_type"), MetadataText(header, name + ".group_size"),
          MetadataText(header, "quant_type"), MetadataText(header, "group_size")};
}

uint64_t StoredTensors::bytes() const {
  uint64_t total = 0;
  for (size_t i = 0; i < size(); ++i) {
    total += checkpoint_ ? (*checkpoint_)[entries_[i].tensor].size
                         : FileOf(i).header()[entries_[i].tensor].size;
  }
  return total;
}

}  // namespace ingot::model
