// Decides how a packed weight is quantized. Asked in this order, the first to say something wins:
// config.json's override for its path, the metadata of its own name in its blob, the blob's
// metadata, config.json's model-wide values, and at last the shapes alone. Whoever says something
// must agree with the shapes. Shapes alone decide only between what stores without metadata ever
// held (4 or 8 bits, groups of 32 or 64); those that fit two of these are never guessed from, and
// the caller holds the outcome against the width that the model wants.
//
// Pure functions; any thread.
#ifndef INGOT_MODEL_RESOLVE_H_
#define INGOT_MODEL_RESOLVE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"
#include "model/quant_config.h"
#include "quant/modes.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace ingot::model {

struct PackedTensor {
  std::string_view name;  // of the weight
  tensor::Shape codes;    // [..., words]
  tensor::Shape scales;   // [..., groups]
  tensor::DType scale_type = tensor::DType::kBF16;
  bool has_biases = false;
};

// The quant_type and group_size entries of a blob's __metadata__, as far as they concern one
// weight.
struct BlobMetadata {
  std::optional<std::string> tensor_type;  // "<tensor>.quant_type"
  std::optional<std::string> tensor_group_size;
  std::optional<std::string> blob_type;  // "quant_type"
  std::optional<std::string> blob_group_size;
};

core::Result<quant::Format> ResolveFormat(const PackedTensor& tensor, const QuantConfig& config,
                                          const BlobMetadata& metadata);

}  // namespace ingot::model

#endif  // INGOT_MODEL_RESOLVE_H_
