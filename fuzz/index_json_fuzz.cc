// Any bytes as model.safetensors.index.json: refused, or read into tensors that lie in shards whose
// names cannot lead out of the folder.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "tensor/index.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ingot::tensor;
  const auto index = ParseShardIndex({reinterpret_cast<const char*>(data), size});
  if (!index.ok()) {
    Require(!index.status().message().empty());
    return 0;
  }
  std::vector<bool> used(index->shards.size());
  for (size_t i = 0; i < index->tensors.size(); ++i) {
    if (i > 0) Require(index->tensors[i - 1].tensor < index->tensors[i].tensor);
    Require(index->tensors[i].shard < index->shards.size());
    used[index->tensors[i].shard] = true;
  }
  const std::filesystem::path folder = "/folder";
  for (size_t i = 0; i < index->shards.size(); ++i) {
    const std::string& shard = index->shards[i];
    if (i > 0) Require(index->shards[i - 1] < shard);
    Require(used[i]);
    Require(CheckShardName(shard).ok());
    const std::filesystem::path path = (folder / shard).lexically_normal();
    Require(path.parent_path() == folder && path.extension() == kShardSuffix);
  }
  return 0;
}
