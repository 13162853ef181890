#include "store/blob_writer.h"

#include "core/strings.h"
#include "store/temp_file.h"

namespace ingot::store {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

// Data goes to the disk while the rest is computed, so that Sync at the end has little left to do.
constexpr uint64_t kWritebackStep = uint64_t{8} << 20;

}  // namespace

BlobWriter::~BlobWriter() {
  if (adopted_) return;
  const Path temp = file_->path();
  file_.reset();
  RemoveTemp(session_.store().env(), temp);
}

Status BlobWriter::Append(std::span<const std::byte> data) {
  if (expectation_.size && data.size() > *expectation_.size - size_) {
    return core::Corrupt(StrCat("more than the expected ", *expectation_.size, " bytes arrived"));
  }
  INGOT_TRY(file_->Append(data));
  hash_.Update(data);
  size_ += data.size();
  if (size_ - written_back_ >= kWritebackStep) {
    file_->StartWriteback(written_back_, size_ - written_back_);
    written_back_ = size_;
  }
  return Status::Ok();
}

Result<BlobInfo> BlobWriter::Commit() {
  if (expectation_.size && *expectation_.size != size_) {
    return core::Corrupt(
        StrCat("expected ", *expectation_.size, " bytes, ", size_, " bytes arrived"));
  }
  const Digest digest = Digest::FromBytes(hash_.Finish());
  if (expectation_.digest && *expectation_.digest != digest) {
    return core::Corrupt(StrCat("expected ", expectation_.digest->ToString(), ", the ", size_,
                                " bytes that arrived have ", digest.ToString()));
  }
  INGOT_TRY(file_->Sync());
  INGOT_TRY(file_->Close());
  INGOT_ASSIGN(const bool reused, session_.Adopt(file_->path(), digest, size_));
  // A reused blob leaves the temp file behind, for the destructor.
  adopted_ = !reused;
  return BlobInfo{digest, size_, reused};
}

}  // namespace ingot::store
