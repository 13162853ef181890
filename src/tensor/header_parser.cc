// ParseHeader: one pass over the JSON that fills the tables of a Header, then the checks that need
// all tensors at once (names unique, spans exactly the data).
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/json.h"
#include "core/strings.h"
#include "tensor/header.h"

namespace ingot::tensor {

using core::Corrupt;
using core::JsonKind;
using core::JsonReader;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

namespace {

// Object of tensors, object of one tensor, array of its numbers.
constexpr int kHeaderDepth = 3;

struct Fields {
  std::optional<DType> dtype;
  bool shape = false;
  bool offsets = false;
};

std::string SpanText(uint64_t begin, uint64_t end) { return StrCat("[", begin, ", ", end, ")"); }

}  // namespace

class HeaderParser {
 public:
  HeaderParser(std::string_view json, uint64_t file_size)
      : reader_(json, {.max_bytes = kMaxHeaderBytes, .max_depth = kHeaderDepth}) {
    header_.data_begin_ = kLengthBytes + json.size();
    header_.data_size_ = file_size - header_.data_begin_;
  }

  Result<Header> Parse() {
    INGOT_TRY(ReadAll());
    INGOT_TRY(SortMetadata());
    INGOT_TRY(SortNames());
    INGOT_TRY(CheckCover());
    header_.chars_.shrink_to_fit();
    header_.dims_.shrink_to_fit();
    header_.entries_.shrink_to_fit();
    header_.metadata_.shrink_to_fit();
    return std::move(header_);
  }

 private:
  using Entry = Header::Entry;
  using Text = Header::Text;

  Text Store(std::string_view text) {
    const auto begin = static_cast<uint32_t>(header_.chars_.size());
    header_.chars_.insert(header_.chars_.end(), text.begin(), text.end());
    return {begin, static_cast<uint32_t>(text.size())};
  }

  std::string NameOfEntry(const Entry& entry) const {
    return StrCat("tensor ", Quoted(header_.View(entry.name)));
  }

  Status ReadAll() {
    INGOT_TRY(reader_.BeginObject());
    bool metadata_seen = false;
    while (true) {
      INGOT_ASSIGN(const std::optional<std::string_view> key, reader_.NextKey());
      if (!key) break;
      if (*key == kMetadataKey) {
        if (std::exchange(metadata_seen, true)) return Corrupt("duplicate key \"__metadata__\"");
        if (Status status = ReadMetadata(); !status.ok()) {
          return std::move(status).Context("\"__metadata__\"");
        }
        continue;
      }
      Entry entry;
      entry.name = Store(*key);
      if (Status status = ReadTensor(entry); !status.ok()) {
        return std::move(status).Context(NameOfEntry(entry));
      }
      header_.entries_.push_back(entry);
    }
    return reader_.End();
  }

  Status ReadMetadata() {
    if (reader_.Peek() == JsonKind::kNull) return reader_.Null();
    INGOT_TRY(reader_.BeginObject());
    while (true) {
      INGOT_ASSIGN(const std::optional<std::string_view> key, reader_.NextKey());
      if (!key) return Status::Ok();
      const Text stored = Store(*key);
      const Result<std::string_view> value = reader_.String();
      if (!value.ok()) return value.status().Context(Quoted(header_.View(stored)));
      header_.metadata_.push_back({stored, Store(*value)});
    }
  }

  Status ReadTensor(Entry& entry) {
    INGOT_TRY(reader_.BeginObject());
    Fields fields;
    while (true) {
      INGOT_ASSIGN(const std::optional<std::string_view> key, reader_.NextKey());
      if (!key) break;
      bool duplicate = false;
      Status status;
      if (*key == "dtype") {
        duplicate = fields.dtype.has_value();
        if (!duplicate) status = ReadDType(fields.dtype).Context("dtype");
      } else if (*key == "shape") {
        duplicate = std::exchange(fields.shape, true);
        if (!duplicate) status = ReadShape(entry).Context("shape");
      } else if (*key == "data_offsets") {
        duplicate = std::exchange(fields.offsets, true);
        if (!duplicate) status = ReadOffsets(entry).Context("data_offsets");
      } else {
        // What we do not know could change how the bytes are to be read.
        return core::Unsupported(StrCat("unknown field ", Quoted(*key, 64),
                                        "; expected dtype, shape and data_offsets only"));
      }
      if (duplicate) return Corrupt(StrCat("duplicate field ", Quoted(*key)));
      INGOT_TRY(status);
    }
    if (!fields.dtype) return Corrupt("the field dtype is missing");
    if (!fields.shape) return Corrupt("the field shape is missing");
    if (!fields.offsets) return Corrupt("the field data_offsets is missing");
    entry.dtype = *fields.dtype;
    return CheckSpan(entry);
  }

  Status ReadDType(std::optional<DType>& dtype) {
    INGOT_ASSIGN(const std::string_view name, reader_.String());
    dtype = ParseDType(name);
    if (dtype) return Status::Ok();
    return core::Unsupported(
        StrCat("unknown type ", Quoted(name, 64), "; expected one of ", AllNames()));
  }

  static std::string AllNames() {
    std::string names;
    for (const DTypeInfo& info : AllDTypes()) {
      if (!names.empty()) names += ' ';
      names += info.name;
    }
    return names;
  }

  Status ReadShape(Entry& entry) {
    std::array<uint64_t, Shape::kMaxRank> dims = {};
    size_t rank = 0;
    INGOT_TRY(reader_.BeginArray());
    while (true) {
      INGOT_ASSIGN(const bool more, reader_.NextElement());
      if (!more) break;
      if (rank == dims.size()) {
        return core::Unsupported(
            StrCat("more than ", Shape::kMaxRank, " dimensions, which is the most supported"));
      }
      INGOT_ASSIGN(dims[rank++], reader_.Unsigned());
    }
    INGOT_ASSIGN(shape_, Shape::Make({dims.data(), rank}));
    entry.dims = static_cast<uint32_t>(header_.dims_.size());
    entry.rank = static_cast<uint8_t>(rank);
    header_.dims_.insert(header_.dims_.end(), shape_.begin(), shape_.end());
    return Status::Ok();
  }

  Status ReadOffsets(Entry& entry) {
    std::array<uint64_t, 2> span = {};
    size_t count = 0;
    INGOT_TRY(reader_.BeginArray());
    while (true) {
      INGOT_ASSIGN(const bool more, reader_.NextElement());
      if (!more) break;
      if (count == span.size()) return Corrupt("expected 2 numbers, found more");
      INGOT_ASSIGN(span[count++], reader_.Unsigned());
    }
    if (count != span.size()) return Corrupt(StrCat("expected 2 numbers, found ", count));
    entry.begin = span[0];
    entry.end = span[1];
    return Status::Ok();
  }

  Status CheckSpan(const Entry& entry) const {
    if (entry.begin > entry.end) {
      return Corrupt(
          StrCat("data_offsets [", entry.begin, ", ", entry.end, "] end before they begin"));
    }
    if (entry.end > header_.data_size_) {
      return Corrupt(StrCat("data_offsets [", entry.begin, ", ", entry.end, "] end past the ",
                            header_.data_size_, " bytes of data in the file"));
    }
    INGOT_ASSIGN(const uint64_t expected, ByteSize(entry.dtype, shape_));
    if (entry.end - entry.begin != expected) {
      return Corrupt(StrCat(NameOf(entry.dtype), " of shape ", ToString(shape_), " takes ",
                            expected, " bytes, but data_offsets [", entry.begin, ", ", entry.end,
                            "] span ", entry.end - entry.begin));
    }
    return Status::Ok();
  }

  Status SortMetadata() {
    auto& pairs = header_.metadata_;
    std::sort(pairs.begin(), pairs.end(), [this](const auto& a, const auto& b) {
      return header_.View(a.key) < header_.View(b.key);
    });
    for (size_t i = 1; i < pairs.size(); ++i) {
      if (header_.View(pairs[i - 1].key) == header_.View(pairs[i].key)) {
        return Corrupt(
            StrCat("\"__metadata__\": duplicate key ", Quoted(header_.View(pairs[i].key))));
      }
    }
    return Status::Ok();
  }

  std::vector<uint32_t> AllIndices() const {
    std::vector<uint32_t> indices(header_.entries_.size());
    std::iota(indices.begin(), indices.end(), 0u);
    return indices;
  }

  // Most writers sort by name, so looking first is worth more than it costs.
  template <typename Less>
  static void SortUnlessSorted(std::vector<uint32_t>& indices, Less less) {
    if (!std::is_sorted(indices.begin(), indices.end(), less)) {
      std::sort(indices.begin(), indices.end(), less);
    }
  }

  Status SortNames() {
    std::vector<uint32_t>& order = header_.by_name_ = AllIndices();
    const auto name = [this](uint32_t i) { return header_.View(header_.entries_[i].name); };
    SortUnlessSorted(order, [&](uint32_t a, uint32_t b) { return name(a) < name(b); });
    for (size_t i = 1; i < order.size(); ++i) {
      if (name(order[i - 1]) == name(order[i])) {
        return Corrupt(StrCat("duplicate tensor ", Quoted(name(order[i]))));
      }
    }
    return Status::Ok();
  }

  // In the order of their beginnings, each span must start where the one before ended.
  Status CheckCover() const {
    const std::vector<Entry>& entries = header_.entries_;
    std::vector<uint32_t> order = AllIndices();
    SortUnlessSorted(order, [&](uint32_t a, uint32_t b) {
      return std::pair(entries[a].begin, entries[a].end) <
             std::pair(entries[b].begin, entries[b].end);
    });
    uint64_t covered = 0;
    const Entry* before = nullptr;
    for (uint32_t i : order) {
      const Entry& entry = entries[i];
      if (entry.begin < covered) {
        return Corrupt(StrCat(NameOfEntry(entry), " at ", SpanText(entry.begin, entry.end),
                              " overlaps ", NameOfEntry(*before), " at ",
                              SpanText(before->begin, before->end)));
      }
      if (entry.begin > covered) {
        return Corrupt(StrCat("bytes ", SpanText(covered, entry.begin),
                              " of the data belong to no tensor: a hole before ",
                              NameOfEntry(entry)));
      }
      covered = entry.end;
      before = &entry;
    }
    if (covered != header_.data_size_) {
      return Corrupt(StrCat("the tensors end at byte ", covered, " of the data, but the file has ",
                            header_.data_size_, ": ", header_.data_size_ - covered,
                            " bytes belong to no tensor"));
    }
    return Status::Ok();
  }

  JsonReader reader_;
  Header header_;
  Shape shape_;  // of the tensor being read
};

Result<Header> ParseHeader(std::string_view json, uint64_t file_size) {
  INGOT_TRY(CheckHeaderLength(json.size(), file_size));
  if (json.front() != '{') {
    return Corrupt(StrCat("the header begins with ", Quoted(json.substr(0, 1)), "; expected '{'"));
  }
  return HeaderParser(json, file_size).Parse();
}

}  // namespace ingot::tensor
