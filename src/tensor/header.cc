#include "tensor/header.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/strings.h"

namespace ingot::tensor {

using core::Corrupt;
using core::Result;
using core::Status;
using core::StrCat;

uint64_t TensorInfo::elements() const {
  // Cannot wrap: size fits, and for types under eight bits size * 8 counts at most what the shape
  // was checked to hold.
  const uint64_t bits = InfoOf(dtype).bits;
  return bits >= 8 ? size / (bits / 8) : size / bits * 8 + size % bits * 8 / bits;
}

TensorInfo Header::operator[](size_t i) const {
  const Entry& entry = entries_[i];
  std::array<uint64_t, Shape::kMaxRank> dims = {};
  std::copy_n(dims_.begin() + entry.dims, entry.rank, dims.begin());
  TensorInfo info;
  info.name = View(entry.name);
  info.dtype = entry.dtype;
  info.shape = Shape::Make({dims.data(), entry.rank}).value();  // was checked when it was stored
  info.offset = entry.begin;
  info.size = entry.end - entry.begin;
  return info;
}

std::optional<size_t> Header::IndexOf(std::string_view name) const {
  const auto found = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [this](uint32_t i, std::string_view wanted) { return View(entries_[i].name) < wanted; });
  if (found == by_name_.end() || View(entries_[*found].name) != name) return std::nullopt;
  return *found;
}

std::optional<TensorInfo> Header::Find(std::string_view name) const {
  const std::optional<size_t> index = IndexOf(name);
  if (!index) return std::nullopt;
  return (*this)[*index];
}

MetadataEntry Header::metadata(size_t i) const {
  return {View(metadata_[i].key), View(metadata_[i].value)};
}

std::optional<std::string_view> Header::FindMetadata(std::string_view key) const {
  const auto found =
      std::lower_bound(metadata_.begin(), metadata_.end(), key,
                       [this](const Pair& pair, std::string_view k) { return View(pair.key) < k; });
  if (found == metadata_.end() || View(found->key) != key) return std::nullopt;
  return View(found->value);
}

size_t Header::MemoryBytes() const {
  const auto bytes = [](const auto& vector) {
    return vector.capacity() * sizeof(typename std::remove_cvref_t<decltype(vector)>::value_type);
  };
  return sizeof(Header) + bytes(chars_) + bytes(dims_) + bytes(entries_) + bytes(by_name_) +
         bytes(metadata_);
}

Status CheckHeaderLength(uint64_t length, uint64_t file_size) {
  if (file_size < kLengthBytes) {
    return Corrupt(StrCat("a safetensors file begins with ", kLengthBytes,
                          " bytes of header length; the file has ", file_size, " bytes"));
  }
  if (length > kMaxHeaderBytes) {
    return Corrupt(StrCat("the header length is ", length, "; at most ", kMaxHeaderBytes,
                          " is allowed (is this a safetensors file?)"));
  }
  if (length > file_size - kLengthBytes) {
    return Corrupt(StrCat("the header length is ", length, ", but only ", file_size - kLengthBytes,
                          " bytes follow: the file is cut short"));
  }
  if (length < 2) {
    return Corrupt(StrCat("the header length is ", length, "; the shortest header has 2 bytes"));
  }
  return Status::Ok();
}

namespace {

// What people store or download by mistake under a .safetensors name, by how it begins.
struct Mistake {
  std::string_view start;
  std::string_view hint;
};
constexpr Mistake kMistakes[] = {
    {"version ", "it looks like a Git LFS pointer: fetch the real file with `git lfs pull`"},
    {"<!DOCTYP",
     "it looks like a web page: the download fetched an error page instead of the file"},
    {"<html", "it looks like a web page: the download fetched an error page instead of the file"},
    {"GGUF", "it looks like a GGUF file, which is another format"},
    {"PK\x03\x04", "it looks like a PyTorch or zip archive, which is another format"},
};

std::string_view HintFor(std::string_view start) {
  for (const Mistake& mistake : kMistakes) {
    if (start.starts_with(mistake.start)) return mistake.hint;
  }
  return "";
}

}  // namespace

Result<Header> ReadHeader(const core::ReadFile& file) {
  const std::string where = core::Printable(file.path().native(), 1000);
  INGOT_ASSIGN(const core::FileInfo info, file.Info());
  std::array<char, kLengthBytes> start = {};
  uint64_t length = 0;
  if (info.size >= kLengthBytes) {
    INGOT_TRY(file.ReadAt(0, std::as_writable_bytes(std::span(start))));
    for (size_t i = kLengthBytes; i-- > 0;) {
      length = length << 8 | static_cast<unsigned char>(start[i]);
    }
  }
  if (Status status = CheckHeaderLength(length, info.size); !status.ok()) {
    const std::string_view hint = HintFor({start.data(), start.size()});
    status = std::move(status).Context(where);
    return hint.empty() ? status : std::move(status).WithHint(hint);
  }
  std::string json(length, '\0');
  INGOT_TRY(file.ReadAt(kLengthBytes, std::as_writable_bytes(std::span(json))));
  return ParseHeader(json, info.size).Context(where);
}

}  // namespace ingot::tensor
