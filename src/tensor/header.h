// The header of a safetensors file, checked until nothing in it need be doubted: every name is
// unique, every span has the length that its type and shape ask for, and together the spans cover
// the data of the file exactly, without overlap, hole or tail.
//
//   file = u64 little-endian length n | n bytes of JSON | data
//   JSON = {"<tensor>": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …,
//           "__metadata__": {"<key>": "<text>", …} or null}
//
// A Header owns its names and metadata; what it hands out views them. Moving it keeps the views
// good. Not changed once made: any thread may read it.
#ifndef INGOT_TENSOR_HEADER_H_
#define INGOT_TENSOR_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace ingot::tensor {

inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;
inline constexpr uint64_t kLengthBytes = 8;  // of the u64 in front of the JSON
inline constexpr std::string_view kMetadataKey = "__metadata__";

struct TensorInfo {
  std::string_view name;
  DType dtype = DType::kU8;
  Shape shape;
  uint64_t offset = 0;  // of the first byte, from the start of the data
  uint64_t size = 0;    // in bytes, what dtype and shape ask for

  uint64_t elements() const;
};

struct MetadataEntry {
  std::string_view key;
  std::string_view value;
};

class Header {
 public:
  Header() = default;  // of a file without tensors and data
  Header(Header&&) = default;
  Header& operator=(Header&&) = default;

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  // In the order of the header's JSON.
  TensorInfo operator[](size_t i) const;
  std::string_view name(size_t i) const { return View(entries_[i].name); }
  // Indices for operator[], in bytewise order of the names.
  std::span<const uint32_t> by_name() const { return by_name_; }
  std::optional<size_t> IndexOf(std::string_view name) const;
  std::optional<TensorInfo> Find(std::string_view name) const;

  // Sorted bytewise by key.
  size_t metadata_size() const { return metadata_.size(); }
  MetadataEntry metadata(size_t i) const;
  std::optional<std::string_view> FindMetadata(std::string_view key) const;

  uint64_t data_begin() const { return data_begin_; }  // offset in the file
  uint64_t data_size() const { return data_size_; }
  uint64_t file_size() const { return data_begin_ + data_size_; }
  // What the header occupies in memory, roughly: less than three times its JSON.
  size_t MemoryBytes() const;

 private:
  friend class HeaderParser;

  // A piece of chars_. 32 bits are enough: the JSON is no longer than kMaxHeaderBytes.
  struct Text {
    uint32_t begin = 0;
    uint32_t size = 0;
  };
  struct Entry {
    Text name;
    uint64_t begin = 0;  // the span in the data
    uint64_t end = 0;
    uint32_t dims = 0;  // where the dimensions stand in dims_
    uint8_t rank = 0;
    DType dtype = DType::kU8;
  };
  struct Pair {
    Text key;
    Text value;
  };

  std::string_view View(Text text) const { return {chars_.data() + text.begin, text.size}; }

  std::vector<char> chars_;  // names, keys and values, one after the other
  std::vector<uint32_t> dims_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> by_name_;
  std::vector<Pair> metadata_;
  uint64_t data_begin_ = kLengthBytes;
  uint64_t data_size_ = 0;
};

// Whether a file of file_size bytes can begin with that header length.
core::Status CheckHeaderLength(uint64_t length, uint64_t file_size);

// json: the header text as it stands in the file, padding included. Pure. Errors name the tensor,
// what was expected and what was found, but not the file.
core::Result<Header> ParseHeader(std::string_view json, uint64_t file_size);

// Reads and parses the header of an open file; errors name it. A file that shrinks meanwhile is an
// error too.
core::Result<Header> ReadHeader(const core::ReadFile& file);

}  // namespace ingot::tensor

#endif  // INGOT_TENSOR_HEADER_H_
