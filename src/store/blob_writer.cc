#include "store/blob_writer.h"

#include <algorithm>
#include <vector>

#include "core/strings.h"
#include "store/temp_file.h"

namespace ingot::store {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

// Data goes to the disk while the rest is computed, so that Sync at the end has little left to do.
constexpr uint64_t kWritebackStep = uint64_t{4} << 20;
constexpr uint64_t kReadBackBytes = uint64_t{1} << 20;

}  // namespace

BlobWriter::~BlobWriter() {
  if (adopted_) return;
  const Path temp = file_->path();
  file_.reset();
  RemoveTemp(session_.store().env(), temp);
}

Status BlobWriter::CheckRoom(uint64_t more) const {
  if (!expectation_.size || more <= *expectation_.size - size_) return Status::Ok();
  return core::Corrupt(StrCat("more than the expected ", *expectation_.size, " bytes arrived"));
}

void BlobWriter::Take(std::span<const std::byte> data) {
  if (member_ != nullptr) {
    member_->Update(hash_, data);
  } else {
    hash_.Update(data);
  }
  size_ += data.size();
  if (size_ - written_back_ >= kWritebackStep) {
    file_->StartWriteback(written_back_, size_ - written_back_);
    written_back_ = size_;
  }
}

Status BlobWriter::Append(std::span<const std::byte> data) {
  INGOT_TRY(CheckRoom(data.size()));
  INGOT_TRY(file_->WriteAt(size_, data));
  Take(data);
  return Status::Ok();
}

Status BlobWriter::PlaceAhead(uint64_t offset, std::span<const std::byte> data) {
  if (offset < size_) return core::Internal(StrCat("bytes for ", offset, " come too late"));
  INGOT_TRY(CheckRoom(offset - size_ + data.size()));
  INGOT_TRY(file_->WriteAt(offset, data));
  placed_ += data.size();
  return Status::Ok();
}

Status BlobWriter::AppendPlaced(uint64_t size) {
  if (size > placed_) {
    return core::Internal(StrCat(size, " bytes are next, ", placed_, " were placed ahead"));
  }
  INGOT_ASSIGN(const auto file, session_.store().env().OpenRead(file_->path()));
  std::vector<std::byte> buffer(std::min<uint64_t>(size, kReadBackBytes));
  for (uint64_t left = size; left > 0;) {
    const auto piece = std::span(buffer).first(std::min<uint64_t>(left, buffer.size()));
    INGOT_TRY(file->ReadAt(size_, piece));
    Take(piece);
    left -= piece.size();
  }
  placed_ -= size;
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
