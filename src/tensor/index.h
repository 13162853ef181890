// model.safetensors.index.json: which file of a sharded checkpoint holds which tensor.
//
//   {"metadata": {…}, "weight_map": {"<tensor>": "model-00001-of-00002.safetensors", …}}
//
// Values; any thread may read a made index.
#ifndef INGOT_TENSOR_INDEX_H_
#define INGOT_TENSOR_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace ingot::tensor {

inline constexpr std::string_view kIndexFileName = "model.safetensors.index.json";
inline constexpr std::string_view kShardSuffix = ".safetensors";
inline constexpr size_t kMaxIndexBytes = 100'000'000;
inline constexpr size_t kMaxShards = 65'536;

struct ShardIndex {
  struct Entry {
    std::string tensor;
    uint32_t shard = 0;  // index in shards
  };
  std::vector<std::string> shards;  // bare file names, sorted bytewise, each once
  std::vector<Entry> tensors;       // sorted bytewise by name, each once

  bool empty() const { return tensors.empty(); }
};

// A shard must be a bare file name (nothing that leads out of the folder, on any system) ending in
// .safetensors.
core::Status CheckShardName(std::string_view name);

// Pure. An index without weight_map, or with an empty one, is empty: the caller looks for files
// instead. Errors name the tensor or the field, not the file.
core::Result<ShardIndex> ParseShardIndex(std::string_view json);

}  // namespace ingot::tensor

#endif  // INGOT_TENSOR_INDEX_H_
