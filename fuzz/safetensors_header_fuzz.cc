// Any bytes as the header of a safetensors file: refused, or parsed into tensors that cover the
// data exactly and that our writer turns into a file which parses into the same tensors again.
//
// Input: u64 little-endian length of the data, then the header's JSON. Without a whole number
// there, the data is empty and all of the input is JSON.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/header.h"
#include "tensor/writer.h"

namespace {

using namespace ingot::tensor;

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckCover(const Header& header) {
  std::vector<std::pair<uint64_t, uint64_t>> spans;
  for (size_t i = 0; i < header.size(); ++i) {
    const TensorInfo tensor = header[i];
    const auto size = ByteSize(tensor.dtype, tensor.shape);
    Require(size.ok() && *size == tensor.size);
    Require(tensor.elements() == *ElementCount(tensor.shape));
    Require(header.IndexOf(tensor.name) == i);
    spans.emplace_back(tensor.offset, tensor.offset + tensor.size);
  }
  std::sort(spans.begin(), spans.end());
  uint64_t end = 0;
  for (const auto& [begin, next] : spans) {
    Require(begin == end && next >= begin);
    end = next;
  }
  Require(end == header.data_size());
}

void CheckOrder(const Header& header) {
  Require(header.by_name().size() == header.size());
  for (size_t i = 1; i < header.size(); ++i) {
    Require(header.name(header.by_name()[i - 1]) < header.name(header.by_name()[i]));
  }
}

SafetensorsPlan PlanOf(const Header& header) {
  std::vector<TensorSpec> tensors;
  for (size_t i = 0; i < header.size(); ++i) {
    const TensorInfo tensor = header[i];
    tensors.push_back({std::string(tensor.name), tensor.dtype, tensor.shape});
  }
  std::map<std::string, std::string> metadata;
  for (size_t i = 0; i < header.metadata_size(); ++i) {
    metadata.emplace(header.metadata(i).key, header.metadata(i).value);
  }
  Require(metadata.size() == header.metadata_size());
  auto plan = SafetensorsPlan::Make(std::move(tensors), metadata);
  Require(plan.ok());
  return *std::move(plan);
}

void CheckRoundTrip(const Header& header) {
  const SafetensorsPlan plan = PlanOf(header);
  Require(plan.data_size() == header.data_size());
  Require(plan.header().size() % kDataAlignment == 0);
  const auto again = ParseHeader(plan.header().substr(kLengthBytes), plan.file_size());
  Require(again.ok() && again->size() == header.size());
  for (size_t i = 0; i < again->size(); ++i) {
    const TensorInfo tensor = (*again)[i];
    const auto original = header.Find(tensor.name);
    Require(original.has_value() && original->dtype == tensor.dtype &&
            original->shape == tensor.shape && original->size == tensor.size);
    Require(again->by_name()[i] == i);
  }
  for (size_t i = 0; i < again->metadata_size(); ++i) {
    Require(header.FindMetadata(again->metadata(i).key) == again->metadata(i).value);
  }
  Require(PlanOf(*again).header() == plan.header());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  uint64_t data_size = 0;
  if (size >= kLengthBytes && input.front() != '{') {
    for (size_t i = kLengthBytes; i-- > 0;) data_size = data_size << 8 | data[i];
    input.remove_prefix(kLengthBytes);
  }
  // The first eight bytes also serve as a header's length, for the file that this input would be.
  const ingot::core::Status length = CheckHeaderLength(data_size, size);
  Require(length.ok() == (data_size >= 2 && size >= kLengthBytes && data_size <= size - 8));

  const uint64_t before_data = kLengthBytes + input.size();
  if (data_size > UINT64_MAX - before_data) return 0;  // no file is that long
  const auto header = ParseHeader(input, before_data + data_size);
  if (!header.ok()) {
    Require(!header.status().message().empty());
    return 0;
  }
  Require(header->data_begin() == before_data && header->data_size() == data_size);
  CheckCover(*header);
  CheckOrder(*header);
  CheckRoundTrip(*header);
  return 0;
}
