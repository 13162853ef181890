#include "registry/blob_source.h"

#include <algorithm>
#include <utility>

#include "core/strings.h"
#include "store/digest.h"

namespace ingot::registry {

using core::Result;
using core::Status;

BlobSource::BlobSource(const core::ReadFile& file, HashTrail& hash, const store::Layer& layer,
                       Extent extent, std::function<void(uint64_t)> moved)
    : file_(file),
      hash_(hash),
      layer_(layer),
      extent_(extent),
      moved_(std::move(moved)),
      position_(extent.begin) {}

Status BlobSource::Rewind() {
  position_ = extent_.begin;
  if (md5_) md5_.emplace();
  moved_(position_);
  failure_ = hash_.MoveTo(file_, position_);
  return failure_;
}

Status BlobSource::Next(std::span<std::byte> piece) {
  INGOT_TRY(file_.ReadAt(position_, piece));
  hash_.Update(piece);
  position_ += piece.size();
  return position_ == layer_.size ? CheckHash(hash_, layer_) : Status::Ok();
}

Result<size_t> BlobSource::Read(std::span<std::byte> out) {
  const auto size = static_cast<size_t>(std::min<uint64_t>(out.size(), extent_.end - position_));
  if (size == 0) return size;
  failure_ = Next(out.first(size));
  if (!failure_.ok()) return failure_;
  if (md5_) md5_->Update(out.first(size));
  moved_(position_);
  return size;
}

Status CheckHash(const HashTrail& hash, const store::Layer& layer) {
  const store::Digest found = store::Digest::FromBytes(hash.Value());
  if (found == layer.digest) return Status::Ok();
  return core::Corrupt(core::StrCat("the blob in the store is damaged: its bytes have the digest ",
                                    found.ToString(), ". It was not pushed"))
      .WithHint("`ingot verify` finds out what else is, `ingot repair` mends what it can.");
}

}  // namespace ingot::registry
