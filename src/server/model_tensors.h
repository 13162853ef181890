// The tensors of a stored model as a person thinks of them: quantized codes and their companions
// are one tensor, of the shape it had before it was quantized. Read from the headers of its blobs
// alone. Pure but for reading; any thread.
#ifndef INGOT_SERVER_MODEL_TENSORS_H_
#define INGOT_SERVER_MODEL_TENSORS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "quant/modes.h"
#include "store/store.h"
#include "tensor/header.h"

namespace ingot::server {

struct ModelTensor {
  std::string name;
  std::string type;  // "BF16", or the name of a quantized type: "int4"
  std::vector<uint64_t> shape;
  uint64_t elements = 0;
  std::optional<quant::Format> format;  // of a quantized tensor, when it is known
};

// What a tensor of packed codes is in: what the blob's metadata says of it, else what the model's
// config says, else what the shapes alone allow, but never what contradicts the shapes. nullopt
// when none of these decides.
std::optional<quant::Format> FormatOfCodes(const tensor::TensorInfo& codes,
                                           const tensor::TensorInfo& scales,
                                           const tensor::Header& header,
                                           const core::Json& model_config);

// One entry a tensor of the model (draft and vision included), by name. model_config is the parsed
// config.json, or null. Fails where a blob is missing or its header unsound.
core::Result<std::vector<ModelTensor>> ReadModelTensors(const store::Store& store,
                                                        const store::Manifest& manifest,
                                                        const core::Json& model_config);

}  // namespace ingot::server

#endif  // INGOT_SERVER_MODEL_TENSORS_H_
