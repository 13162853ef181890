// One safetensors file, its header read and checked, its data mapped when first asked for. Between
// opening and mapping no descriptor is held, afterwards neither, so that a model of tens of
// thousands of files needs no more than any other.
//
// Any number of threads may use an opened file together. Views live as long as the file object, or
// as long as a Mapping() that somebody keeps.
#ifndef INGOT_TENSOR_FILE_H_
#define INGOT_TENSOR_FILE_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "core/env.h"
#include "core/status.h"
#include "tensor/header.h"

namespace ingot::tensor {

// A tensor's bytes where they lie: dense, row-major, little-endian, not aligned to its type.
struct TensorView {
  std::string_view name;
  DType dtype = DType::kU8;
  Shape shape;
  std::span<const std::byte> bytes;
};

class SafetensorsFile {
 public:
  // Reads and checks the header. The env outlives the file.
  static core::Result<SafetensorsFile> Open(core::Env& env, const core::Path& path,
                                            core::Access access = core::Access::kNormal);

  const core::Path& path() const { return path_; }
  const Header& header() const { return header_; }
  // The file as it was when the header was read.
  const core::FileInfo& info() const { return info_; }

  // The tensor with that index in header(), or of that name. Fails with kNotFound, and when the
  // file cannot be mapped or is no longer the one whose header was read.
  core::Result<TensorView> View(size_t i) const;
  core::Result<TensorView> View(std::string_view name) const;

  // The whole file, mapped. Whoever keeps it keeps the views good.
  core::Result<std::shared_ptr<const core::MappedFile>> Mapping() const;
  // Gives the mapping back, unless somebody else keeps it; the next View maps again.
  void Unmap() const;

  // After reading bytes that matter: kCorrupt when some of them were missing (the file was cut) or
  // when the length changed.
  core::Status Check() const;
  // Also notices a file that was replaced, or rewritten at the same length. Stricter than a store
  // wants, whose blobs are touched to keep them.
  core::Status CheckUnchanged() const;

  // Advice: reads ahead, or drops from this process, the bytes of one tensor. Without a mapping
  // there is nothing to do.
  void WillNeed(size_t i) const;
  void Release(size_t i) const;

 private:
  SafetensorsFile(core::Env& env, const core::Path& path, core::Access access)
      : env_(&env), path_(path), access_(access), lazy_(std::make_unique<Lazy>()) {}

  struct Lazy {
    std::mutex lock;
    std::shared_ptr<const core::MappedFile> mapping;
  };
  std::shared_ptr<const core::MappedFile> MappingIfAny() const;

  core::Env* env_;
  core::Path path_;
  core::Access access_;
  core::FileInfo info_;
  Header header_;
  std::unique_ptr<Lazy> lazy_;
};

}  // namespace ingot::tensor

#endif  // INGOT_TENSOR_FILE_H_
