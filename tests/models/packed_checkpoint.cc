#include "tests/models/packed_checkpoint.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "core/json.h"
#include "ops/array.h"
#include "tensor/writer.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;

StoredTensor FromArray(const ops::Array& array, tensor::DType dtype) {
  const ops::Array rows = mx::contiguous(array);
  mx::eval(rows);
  StoredTensor tensor{"", dtype, {}, {}};
  for (const int dim : rows.shape()) tensor.shape.push_back(static_cast<uint64_t>(dim));
  tensor.bytes.assign(reinterpret_cast<const char*>(rows.data<uint8_t>()), rows.nbytes());
  return tensor;
}

class FileSink : public tensor::ByteSink {
 public:
  explicit FileSink(const std::filesystem::path& path) : out_(path, std::ios::binary) {}
  core::Status Write(std::span<const std::byte> data) override {
    out_.write(reinterpret_cast<const char*>(data.data()),
               static_cast<std::streamsize>(data.size()));
    return out_ ? core::Status::Ok() : core::IoError("a test's file cannot be written");
  }

 private:
  std::ofstream out_;
};

template <typename T>
T Must(core::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
  return *std::move(result);
}
void Must(const core::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

}  // namespace

StoredTensor Dense(const SeededTensor& tensor) {
  return {tensor.name, tensor::DType::kBF16, tensor.shape,
          std::string(reinterpret_cast<const char*>(tensor.values.data()),
                      tensor.values.size() * sizeof(uint16_t))};
}

Packed Pack(const SeededTensor& tensor, const quant::Format& format) {
  mx::Shape shape;
  for (const uint64_t dim : tensor.shape) shape.push_back(static_cast<int>(dim));
  const ops::Array bits(tensor.values.data(), shape, mx::uint16);
  const ops::Array values = mx::view(bits, mx::bfloat16);
  const std::string mode(quant::InfoOf(format.mode).name);
  const std::vector<ops::Array> parts = mx::quantize(values, format.group_size, format.bits, mode);
  const bool affine = parts.size() == 3;
  std::optional<ops::Array> biases;
  if (affine) biases = ops::ToFloat32(parts[2]);
  const ops::Array meant =
      mx::dequantize(parts[0], affine ? ops::ToFloat32(parts[1]) : parts[1], biases,
                     format.group_size, format.bits, mode, std::nullopt, mx::float32);
  Packed packed{FromArray(parts[0], tensor::DType::kU32),
                FromArray(parts[1], affine ? tensor::DType::kBF16 : tensor::DType::kU8),
                {},
                FromArray(meant, tensor::DType::kF32)};
  if (affine) packed.biases = FromArray(parts[2], tensor::DType::kBF16);
  packed.values.name = tensor.name;
  return packed;
}

StoredTensor Named(StoredTensor tensor, std::string name) {
  tensor.name = std::move(name);
  return tensor;
}

void WriteTensors(const std::filesystem::path& path, std::vector<StoredTensor> tensors,
                  const Metadata& metadata) {
  std::vector<tensor::TensorSpec> specs;
  for (const StoredTensor& tensor : tensors) {
    specs.push_back({tensor.name, tensor.dtype, Must(tensor::Shape::Make(tensor.shape))});
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto plan = Must(tensor::SafetensorsPlan::Make(std::move(specs), metadata));
  FileSink sink(path);
  tensor::SafetensorsWriter writer(plan, sink);
  for (const StoredTensor& tensor : tensors) {
    Must(writer.AppendTensor(tensor.name, std::as_bytes(std::span(tensor.bytes))));
  }
  Must(writer.Finish());
}

std::string LooseFile(const std::vector<StoredTensor>& tensors, const Metadata& metadata) {
  core::Json header = {{"__metadata__", nullptr}};
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::string data;
  for (const StoredTensor& tensor : tensors) {
    const size_t begin = data.size();
    data += tensor.bytes;
    header[tensor.name] = {{"data_offsets", {begin, data.size()}},
                           {"dtype", tensor::NameOf(tensor.dtype)},
                           {"shape", tensor.shape}};
  }
  const std::string json = header.dump();
  std::string file;
  for (int shift = 0; shift < 64; shift += 8) {
    file.push_back(static_cast<char>((uint64_t{json.size()} >> shift) & 0xFF));
  }
  return file + json + data;
}

}  // namespace ingot::testing
