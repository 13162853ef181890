// The weights of a model folder, whether in one file or in thousands: which tensors there are, in
// which file each lies, and every way in which the files and the index can contradict each other
// found before a byte of data is used.
//
// With model.safetensors.index.json (and a weight_map that is not empty) exactly the files and
// tensors that it names count. Without, every model*.safetensors counts. Files may be symbolic
// links to regular files, as in a hub cache.
//
// Not changed once opened; any thread may use it.
#ifndef INGOT_TENSOR_CHECKPOINT_H_
#define INGOT_TENSOR_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "tensor/file.h"
#include "tensor/header.h"

namespace ingot::tensor {

// Header bytes of all files together, so that a folder of links to one huge header stays bounded.
inline constexpr uint64_t kMaxCheckpointHeaderBytes = uint64_t{1} << 30;

class Checkpoint {
 public:
  // The env outlives the checkpoint. kNotFound when the folder holds no weights; kCorrupt with what
  // is wrong otherwise. Maps nothing yet; access is how the data will be read then.
  static core::Result<Checkpoint> Open(core::Env& env, const core::Path& directory,
                                       core::Access access = core::Access::kNormal);

  // Tensors in bytewise order of their names.
  size_t size() const { return tensors_.size(); }
  TensorInfo operator[](size_t i) const;
  const SafetensorsFile& FileOf(size_t i) const { return files_[tensors_[i].file]; }
  size_t IndexInFile(size_t i) const { return tensors_[i].tensor; }
  std::optional<size_t> IndexOf(std::string_view name) const;
  core::Result<TensorView> View(size_t i) const;
  core::Result<TensorView> View(std::string_view name) const;

  // Sorted by name.
  const std::vector<SafetensorsFile>& files() const { return files_; }
  const core::Path& directory() const { return directory_; }
  // Tensors that lie in the files but that the index leaves out, sorted by name.
  const std::vector<std::string>& unindexed() const { return unindexed_; }

  // Of every file: see SafetensorsFile.
  core::Status CheckUnchanged() const;

 private:
  friend class CheckpointReader;
  struct Place {
    uint32_t file = 0;
    uint32_t tensor = 0;  // in the header of that file
  };

  core::Path directory_;
  std::vector<SafetensorsFile> files_;
  std::vector<Place> tensors_;
  std::vector<std::string> unindexed_;
};

}  // namespace ingot::tensor

#endif  // INGOT_TENSOR_CHECKPOINT_H_
