// A stretch of a blob's file as the body of a request, hashed on its way: the blob's last bytes are
// handed out only once all of it was found to have its digest, so that no server ever gets the
// whole of a damaged blob. One thread.
#ifndef INGOT_REGISTRY_BLOB_SOURCE_H_
#define INGOT_REGISTRY_BLOB_SOURCE_H_

#include <functional>
#include <optional>
#include <string>

#include "core/env.h"
#include "registry/extents.h"
#include "registry/hash_trail.h"
#include "registry/http.h"
#include "registry/md5.h"
#include "store/manifest.h"

namespace ingot::registry {

class BlobSource : public BodySource {
 public:
  // moved(position): how much of the blob has been handed out, which falls when a request is sent
  // again. Everything outlives the object.
  BlobSource(const core::ReadFile& file, HashTrail& hash, const store::Layer& layer, Extent extent,
             std::function<void(uint64_t)> moved);

  uint64_t size() const override { return extent_.size(); }
  core::Status Rewind() override;
  core::Result<size_t> Read(std::span<std::byte> out) override;

  // What is wrong with the blob itself, if a request ended for that.
  const core::Status& failure() const { return failure_; }

  // From now on the bytes' MD5 is taken, too; its value when all of them were read.
  void WantMd5() { md5_.emplace(); }
  std::string Md5Bytes() { return md5_ ? md5_->Finish() : std::string(); }

 private:
  core::Status Next(std::span<std::byte> piece);

  const core::ReadFile& file_;
  HashTrail& hash_;
  const store::Layer& layer_;
  const Extent extent_;
  const std::function<void(uint64_t)> moved_;
  std::optional<Md5> md5_;
  uint64_t position_ = 0;  // in the blob
  core::Status failure_;
};

// All of the blob was hashed: whether it is what its name says.
core::Status CheckHash(const HashTrail& hash, const store::Layer& layer);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_BLOB_SOURCE_H_
