// What a stored model becomes as a folder in the layout of mlx-lm: which tensors under which names,
// in which files, and what config.json says of their quantization. Decided from headers alone;
// nothing is decoded, folded or cast, so that importing the folder gives the same blobs again.
//
// A plan is not changed once made; any thread may read it.
#ifndef INGOT_IMPORT_EXPORT_PLAN_H_
#define INGOT_IMPORT_EXPORT_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "import/inventory.h"
#include "quant/modes.h"
#include "tensor/header.h"
#include "tensor/writer.h"

namespace ingot::import {

// As large as mlx-lm's own files.
inline constexpr uint64_t kShardBytes = uint64_t{5} << 30;

// A blob of the model, its header read.
struct StoredBlob {
  std::string layer;  // for messages
  tensor::Header header;
};

// count pieces of the blob's data, each `stride` behind the one before, become one tensor.
struct ExportedTensor {
  tensor::TensorSpec spec;
  uint32_t blob = 0;
  uint64_t offset = 0;  // in the blob's data
  uint64_t piece = 0;   // bytes
  uint64_t stride = 0;
  uint64_t count = 1;
  // Instead of the blob's data: global scales in another measure.
  std::vector<float> values = {};
  uint64_t size = 0;
};

struct ExportShard {
  std::string name;  // "model-00001-of-00003.safetensors"
  std::vector<ExportedTensor> tensors;
  std::optional<tensor::SafetensorsPlan> file;
};

struct ExportPlan {
  std::vector<ExportShard> shards;
  std::string config;  // config.json, with its quantization
  std::string index;   // model.safetensors.index.json
  uint64_t bytes = 0;  // of all shards
  uint64_t tensors = 0;
  std::vector<std::string> warnings;
};

// Reads a blob's tensor of floats: for global scales, which are few.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual core::Result<std::vector<float>> Floats(uint32_t blob, const tensor::TensorInfo& at) = 0;
};

// model: config.json's parts of an inventory (SetConfig). prefix: of the tensors that are meant
// ("draft."), taken off their names; empty: those without "draft.". file_type: the type that the
// model is called by, which becomes that of all modules without an entry of their own. Fails where
// a packed weight has no scales, or nothing says what it is packed in.
core::Result<ExportPlan> PlanExport(const Inventory& model, std::string_view prefix,
                                    std::string_view file_type,
                                    const std::vector<StoredBlob>& blobs, BlobReader& reader,
                                    uint64_t shard_bytes = kShardBytes);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_EXPORT_PLAN_H_
