// Tensors of any type for checkpoints and blobs that tests make: quantized ones by MLX, and the
// dense values that they stand for.
#ifndef INGOT_TESTS_MODELS_PACKED_CHECKPOINT_H_
#define INGOT_TESTS_MODELS_PACKED_CHECKPOINT_H_

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "quant/modes.h"
#include "tensor/dtype.h"
#include "tests/models/seeded_checkpoint.h"

namespace ingot::testing {

struct StoredTensor {
  std::string name;
  tensor::DType dtype = tensor::DType::kBF16;
  std::vector<uint64_t> shape;
  std::string bytes;
};

StoredTensor Dense(const SeededTensor& tensor);

// A quantized tensor in its parts, each without its name, and the values that they stand for.
struct Packed {
  StoredTensor codes;
  StoredTensor scales;
  std::optional<StoredTensor> biases;
  StoredTensor values;  // F32, in the tensor's shape
};
Packed Pack(const SeededTensor& tensor, const quant::Format& format);

StoredTensor Named(StoredTensor tensor, std::string name);

using Metadata = std::map<std::string, std::string>;

// The canonical form of the file.
void WriteTensors(const std::filesystem::path& path, std::vector<StoredTensor> tensors,
                  const Metadata& metadata = {});
// As MLX writes it: the header not padded, the data in the order given, "__metadata__": null where
// there is none.
std::string LooseFile(const std::vector<StoredTensor>& tensors, const Metadata& metadata = {});

}  // namespace ingot::testing

#endif  // INGOT_TESTS_MODELS_PACKED_CHECKPOINT_H_
