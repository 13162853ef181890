// The tensors of a model as they lie on disk, whether in a folder's shards or in a store's blobs:
// one flat list of names, each with its bytes and what its file's metadata says of it.
//
// Not changed once opened; any thread may use it.
#ifndef INGOT_MODEL_STORED_TENSORS_H_
#define INGOT_MODEL_STORED_TENSORS_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "model/resolve.h"
#include "tensor/checkpoint.h"
#include "tensor/file.h"

namespace ingot::model {

// A blob of a store and the name of its layer.
struct TensorBlob {
  std::string layer;
  core::Path path;
};

class StoredTensors {
 public:
  // A folder with config.json and *.safetensors. The env outlives the result.
  static core::Result<StoredTensors> FromFolder(core::Env& env, const core::Path& folder);
  // The tensor layers of a manifest. A blob that is listed twice is opened once; a blob of a single
  // tensor is known by the name of its layer, whatever its key.
  static core::Result<StoredTensors> FromBlobs(core::Env& env,
                                               const std::vector<TensorBlob>& blobs);

  size_t size() const { return entries_.size(); }
  std::string_view name(size_t i) const { return entries_[i].name; }
  tensor::DType dtype(size_t i) const;
  tensor::Shape shape(size_t i) const;
  core::Result<tensor::TensorView> View(size_t i) const;
  // The file that tensor i lies in. Who has it, or the owner, keeps the bytes readable.
  core::Result<std::shared_ptr<const core::MappedFile>> Mapping(size_t i) const;
  core::Result<std::shared_ptr<const void>> Owner(size_t i) const;
  BlobMetadata MetadataOf(size_t i) const;
  // Bytes of all tensors together.
  uint64_t bytes() const;

 private:
  struct Entry {
    std::string name;
    size_t file = 0;
    size_t tensor = 0;  // in that file's header
  };
  core::Status AddBlob(core::Env& env, const TensorBlob& blob);
  const tensor::SafetensorsFile& FileOf(size_t i) const;

  std::optional<tensor::Checkpoint> checkpoint_;  // either this
  std::vector<tensor::SafetensorsFile> files_;    // or these
  std::vector<Entry> entries_;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_STORED_TENSORS_H_
