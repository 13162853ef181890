#include "store/check_blob.h"

#include <bit>
#include <cstring>
#include <string_view>

#include "core/strings.h"
#include "store/hash_file.h"
#include "store/model_config.h"
#include "tensor/header.h"

namespace ingot::store {
namespace {

using core::Code;
using core::FileInfo;
using core::FileKind;
using core::Result;
using core::Status;
using core::StrCat;

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Status CheckTensorHeader(std::span<const std::byte> file) {
  if (file.size() < tensor::kLengthBytes) {
    return core::Corrupt(StrCat(file.size(), " bytes are too few for a tensor file"));
  }
  uint64_t length = 0;
  for (size_t i = tensor::kLengthBytes; i-- > 0;) {
    length = length << 8 | std::to_integer<uint64_t>(file[i]);
  }
  INGOT_TRY(tensor::CheckHeaderLength(length, file.size()));
  return tensor::ParseHeader(AsText(file.subspan(tensor::kLengthBytes, length)), file.size())
      .status();
}

Status CheckContent(const BlobClaim& claim, std::span<const std::byte> file) {
  if (claim.tensors) INGOT_TRY(CheckTensorHeader(file));
  if (claim.config) INGOT_TRY(ParseModelConfig(AsText(file)).status().Context("config"));
  return Status::Ok();
}

// The blob's path leads to nothing.
BlobVerdict Absent(const Store& store, const Digest& digest) {
  core::Env& env = store.env();
  if (env.LStat(store.layout().Blob(digest)).ok()) {
    return {BlobFault::kNotAFile, "it is a link that leads nowhere"};
  }
  const Path old = store.layout().Blobs() / digest.ToString();
  if (env.Stat(old).ok()) return {BlobFault::kOldName, StrCat("it is called ", digest.ToString())};
  return {BlobFault::kMissing, "there is no such file"};
}

BlobVerdict WrongHash(const BlobClaim& claim, uint64_t size, const Digest& found) {
  if (claim.size && size < *claim.size) {
    return {BlobFault::kTruncated, StrCat("expected ", *claim.size, " bytes, found ", size)};
  }
  std::string lengths = claim.size && size != *claim.size
                            ? StrCat(", and ", size, " bytes instead of ", *claim.size)
                            : std::string();
  return {BlobFault::kAltered, StrCat("its content has ", found.ToString(), lengths)};
}

}  // namespace

void BlobClaim::Add(const Layer& layer, bool is_config) {
  if (!size) size = layer.size;
  if (layer.size != *size) other_size = layer.size;
  tensors |= layer.media_type == kTensorMediaType;
  config |= is_config && layer.media_type == kConfigMediaType;
}

Status CheckBlobBytes(core::Env& env, const Path& path, const Digest& digest) {
  INGOT_ASSIGN(const Digest found, HashFile(env, path));
  if (found == digest) return Status::Ok();
  return core::Corrupt(StrCat("its content has ", found.ToString()));
}

std::optional<BlobVerdict> CheckBlob(const Store& store, const Digest& digest,
                                     const BlobClaim& claim,
                                     core::FunctionRef<void(uint64_t)> advanced) {
  const Path path = store.layout().Blob(digest);
  const Result<FileInfo> info = store.env().Stat(path);
  if (!info.ok()) {
    if (info.status().code() == Code::kNotFound) return Absent(store, digest);
    return BlobVerdict{BlobFault::kUnreadable, std::string(info.status().message())};
  }
  if (info->kind != FileKind::kRegular) {
    return BlobVerdict{BlobFault::kNotAFile, info->kind == FileKind::kDirectory
                                                 ? "it is a directory"
                                                 : "it is no regular file"};
  }
  const Result<std::unique_ptr<core::MappedFile>> file =
      store.env().Map(path, core::Access::kSequential);
  if (!file.ok()) {
    if (file.status().code() == Code::kNotFound) return Absent(store, digest);
    return BlobVerdict{BlobFault::kUnreadable, std::string(file.status().message())};
  }
  const Result<Digest> found = HashMapped(**file, advanced);
  if (!found.ok()) {
    return BlobVerdict{BlobFault::kUnreadable, std::string(found.status().message())};
  }
  const uint64_t size = (*file)->bytes().size();
  if (*found != digest) return WrongHash(claim, size, *found);
  for (const std::optional<uint64_t>& stated : {claim.size, claim.other_size}) {
    if (stated && *stated != size) {
      return BlobVerdict{BlobFault::kSizeMismatch,
                         StrCat("a manifest says ", *stated, " bytes, it has ", size)};
    }
  }
  if (const Status content = CheckContent(claim, (*file)->bytes()); !content.ok()) {
    return BlobVerdict{BlobFault::kBadContent, std::string(content.message())};
  }
  return std::nullopt;
}

}  // namespace ingot::store
