#include "tensor/index.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/json.h"
#include "core/strings.h"

namespace ingot::tensor {

using core::Corrupt;
using core::JsonReader;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

namespace {

constexpr size_t kMaxFileName = 255;  // what file systems allow

// Reads the members of weight_map into index, shards in the order of their appearance.
Status ReadWeightMap(JsonReader& reader, ShardIndex& index) {
  std::unordered_map<std::string, uint32_t> shard_numbers;
  INGOT_TRY(reader.BeginObject());
  while (true) {
    INGOT_ASSIGN(const std::optional<std::string_view> key, reader.NextKey());
    if (!key) return Status::Ok();
    std::string tensor(*key);
    const Result<std::string_view> value = reader.String();
    Status status = value.ok() ? CheckShardName(*value) : value.status();
    if (!status.ok()) return std::move(status).Context(StrCat("tensor ", Quoted(tensor)));
    std::string shard(*value);
    const auto [found, is_new] =
        shard_numbers.emplace(std::move(shard), static_cast<uint32_t>(index.shards.size()));
    if (is_new) {
      if (index.shards.size() == kMaxShards) {
        return core::Exhausted(StrCat("names more than ", kMaxShards, " shards"));
      }
      index.shards.push_back(found->first);
    }
    index.tensors.push_back({std::move(tensor), found->second});
  }
}

void SortShards(ShardIndex& index) {
  std::vector<uint32_t> order(index.shards.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return index.shards[a] < index.shards[b]; });
  std::vector<std::string> sorted(order.size());
  std::vector<uint32_t> place(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) {
    sorted[i] = std::move(index.shards[order[i]]);
    place[order[i]] = i;
  }
  index.shards = std::move(sorted);
  for (ShardIndex::Entry& entry : index.tensors) entry.shard = place[entry.shard];
}

Status SortTensors(ShardIndex& index) {
  auto& tensors = index.tensors;
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.tensor < b.tensor; });
  for (size_t i = 1; i < tensors.size(); ++i) {
    if (tensors[i - 1].tensor == tensors[i].tensor) {
      return Corrupt(StrCat("tensor ", Quoted(tensors[i].tensor), " is listed twice, in ",
                            Quoted(index.shards[tensors[i - 1].shard]), " and ",
                            Quoted(index.shards[tensors[i].shard])));
    }
  }
  return Status::Ok();
}

}  // namespace

Status CheckShardName(std::string_view name) {
  std::string_view wrong;
  if (name.find_first_of("/\\") != std::string_view::npos) {
    wrong = "it holds a path separator, and shards lie beside the index";
  } else if (name.find('\0') != std::string_view::npos) {
    wrong = "it holds a NUL character";
  } else if (!name.ends_with(kShardSuffix) || name.size() == kShardSuffix.size()) {
    wrong = "it does not end in .safetensors after a name";
  } else if (name.size() > kMaxFileName) {
    wrong = "it is longer than 255 bytes";
  } else if (name.size() > 1 && name[1] == ':') {
    wrong = "it names a drive";
  }
  if (wrong.empty()) return Status::Ok();
  return Corrupt(StrCat(Quoted(name), " cannot be a shard: ", wrong));
}

Result<ShardIndex> ParseShardIndex(std::string_view json) {
  JsonReader reader(json, {.max_bytes = kMaxIndexBytes});
  ShardIndex index;
  bool seen = false;
  INGOT_TRY(reader.BeginObject());
  while (true) {
    INGOT_ASSIGN(const std::optional<std::string_view> key, reader.NextKey());
    if (!key) break;
    if (*key != "weight_map") {
      INGOT_TRY(reader.SkipValue());
      continue;
    }
    if (std::exchange(seen, true)) return Corrupt("duplicate key \"weight_map\"");
    if (reader.Peek() == core::JsonKind::kNull) {
      INGOT_TRY(reader.Null());
      continue;
    }
    if (Status status = ReadWeightMap(reader, index); !status.ok()) {
      return std::move(status).Context("weight_map");
    }
  }
  INGOT_TRY(reader.End());
  SortShards(index);
  if (Status status = SortTensors(index); !status.ok()) {
    return std::move(status).Context("weight_map");
  }
  return index;
}

}  // namespace ingot::tensor
