#include "tensor/writer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/checked.h"
#include "core/env.h"
#include "core/strings.h"
#include "tensor/header.h"

namespace ingot::tensor {

using core::InvalidArgument;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

namespace {

void AppendJsonString(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4];
          out += kHex[static_cast<unsigned char>(c) & 0xF];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void AppendMetadata(std::string& out, const std::map<std::string, std::string>& metadata) {
  AppendJsonString(out, kMetadataKey);
  out += ":{";
  bool first = true;
  for (const auto& [key, value] : metadata) {
    if (!std::exchange(first, false)) out += ',';
    AppendJsonString(out, key);
    out += ':';
    AppendJsonString(out, value);
  }
  out += '}';
}

void AppendTensorEntry(std::string& out, const PlannedTensor& tensor) {
  AppendJsonString(out, tensor.spec.name);
  out += StrCat(":{\"data_offsets\":[", tensor.offset, ',', tensor.offset + tensor.size,
                "],\"dtype\":\"", NameOf(tensor.spec.dtype), "\",\"shape\":[");
  for (size_t axis = 0; axis < tensor.spec.shape.rank(); ++axis) {
    if (axis > 0) out += ',';
    core::AppendPiece(out, tensor.spec.shape[axis]);
  }
  out += "]}";
}

std::string HeaderJson(const std::vector<PlannedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::string json = "{";
  const auto separate = [&] {
    if (json.size() > 1) json += ',';
  };
  bool metadata_due = !metadata.empty();
  for (const PlannedTensor& tensor : tensors) {
    // The key sorts among the names: after "A", before "a".
    if (metadata_due && kMetadataKey < tensor.spec.name) {
      separate();
      AppendMetadata(json, metadata);
      metadata_due = false;
    }
    separate();
    AppendTensorEntry(json, tensor);
  }
  if (metadata_due) {
    separate();
    AppendMetadata(json, metadata);
  }
  json += '}';
  return json;
}

Status CheckText(std::string_view what, std::string_view text) {
  if (core::IsValidUtf8(text)) return Status::Ok();
  return InvalidArgument(StrCat(what, ' ', Quoted(text), " is not valid UTF-8"));
}

}  // namespace

Result<SafetensorsPlan> SafetensorsPlan::Make(std::vector<TensorSpec> tensors,
                                              const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    INGOT_TRY(CheckText("the metadata key", key));
    INGOT_TRY(CheckText("the metadata value", value));
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorSpec& a, const TensorSpec& b) { return a.name < b.name; });
  SafetensorsPlan plan;
  plan.tensors_.reserve(tensors.size());
  for (TensorSpec& spec : tensors) {
    INGOT_TRY(CheckText("the tensor name", spec.name));
    if (spec.name == kMetadataKey) {
      return InvalidArgument("a tensor cannot be named \"__metadata__\"");
    }
    if (!plan.tensors_.empty() && plan.tensors_.back().spec.name == spec.name) {
      return InvalidArgument(StrCat("tensor ", Quoted(spec.name), " is to be written twice"));
    }
    const Result<uint64_t> size = ByteSize(spec.dtype, spec.shape);
    if (!size.ok()) return size.status().Context(StrCat("tensor ", Quoted(spec.name)));
    const std::optional<uint64_t> end = core::CheckedAdd(plan.data_size_, *size);
    // Files are addressed with 63 bits; the header has its place within them.
    if (!end || *end > static_cast<uint64_t>(INT64_MAX) - 2 * kMaxHeaderBytes) {
      return InvalidArgument(
          StrCat("tensor ", Quoted(spec.name), ": the file would be larger than 2^63 bytes"));
    }
    plan.tensors_.push_back({std::move(spec), plan.data_size_, *size});
    plan.data_size_ = *end;
  }

  std::string json = HeaderJson(plan.tensors_, metadata);
  const uint64_t begin = core::CeilDiv(kLengthBytes + json.size(), kDataAlignment) * kDataAlignment;
  const uint64_t length = begin - kLengthBytes;
  if (length > kMaxHeaderBytes) {
    return InvalidArgument(StrCat("the header of ", plan.tensors_.size(), " tensors would take ",
                                  length, " bytes; readers accept at most ", kMaxHeaderBytes));
  }
  json.resize(length, ' ');
  for (size_t i = 0; i < kLengthBytes; ++i) {
    plan.header_ += static_cast<char>(length >> (8 * i) & 0xFF);
  }
  plan.header_ += json;
  return plan;
}

const PlannedTensor* SafetensorsWriter::TensorAt(uint64_t position) const {
  const auto& tensors = plan_.tensors();
  const auto after = std::partition_point(
      tensors.begin(), tensors.end(),
      [&](const PlannedTensor& tensor) { return tensor.offset + tensor.size <= position; });
  return after == tensors.end() ? nullptr : &*after;
}

Status SafetensorsWriter::Fail(Status status) {
  failure_ = std::move(status);
  return failure_;
}

Status SafetensorsWriter::WriteHeader() {
  if (std::exchange(header_written_, true)) return Status::Ok();
  return sink_.Write(core::AsBytes(plan_.header()));
}

Status SafetensorsWriter::Append(std::span<const std::byte> data) {
  INGOT_TRY(failure_);
  if (finished_) return Fail(core::Internal("data was given to a finished safetensors file"));
  if (data.size() > plan_.data_size() - position_) {
    return Fail(InvalidArgument(StrCat("more data than planned: ", data.size(),
                                       " bytes were given where ", plan_.data_size() - position_,
                                       " of ", plan_.data_size(), " are left")));
  }
  Status status = WriteHeader();
  if (status.ok()) status = sink_.Write(data);
  if (!status.ok()) return Fail(std::move(status));
  position_ += data.size();
  return Status::Ok();
}

Status SafetensorsWriter::AppendTensor(std::string_view name, std::span<const std::byte> data) {
  INGOT_TRY(failure_);
  if (next_ == plan_.tensors().size()) {
    return Fail(
        InvalidArgument(StrCat("tensor ", Quoted(name), " was given after the last of the plan")));
  }
  const PlannedTensor& tensor = plan_.tensors()[next_];
  if (tensor.spec.name != name || tensor.offset != position_) {
    return Fail(InvalidArgument(StrCat("tensor ", Quoted(name), " was given at byte ", position_,
                                       " of the data, where ", Quoted(tensor.spec.name),
                                       " is due at byte ", tensor.offset)));
  }
  if (tensor.size != data.size()) {
    return Fail(
        InvalidArgument(StrCat("tensor ", Quoted(name), ": ", data.size(), " bytes were given; ",
                               NameOf(tensor.spec.dtype), " of shape ", ToString(tensor.spec.shape),
                               " takes ", tensor.size)));
  }
  ++next_;
  return Append(data);
}

Status SafetensorsWriter::Finish() {
  INGOT_TRY(failure_);
  if (finished_) return Fail(core::Internal("a safetensors file was finished twice"));
  if (const PlannedTensor* tensor = TensorAt(position_); tensor != nullptr) {
    return Fail(
        InvalidArgument(StrCat("less data than planned: ", position_, " of ", plan_.data_size(),
                               " bytes were given, up to byte ", position_ - tensor->offset,
                               " of tensor ", Quoted(tensor->spec.name))));
  }
  Status status = WriteHeader();
  if (!status.ok()) return Fail(std::move(status));
  finished_ = true;
  return Status::Ok();
}

}  // namespace ingot::tensor
