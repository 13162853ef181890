// The plan of an import: every blob that will be written, every weight in it, where its rows come
// from and what is done to them. Data, made from headers alone; the writer that executes it has
// nothing left to decide.
//
// Not changed once made; any thread may read it.
#ifndef INGOT_IMPORT_PLAN_H_
#define INGOT_IMPORT_PLAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "family/policy.h"
#include "family/tensors.h"
#include "import/inventory.h"
#include "import/weights.h"
#include "quant/modes.h"

namespace ingot::import {

// The type that a person calls `text`; kInvalidArgument, listing the types that there are, for
// anything else. Blank: kSource.
core::Result<family::Precision> ParseRequestedType(std::string_view text);

// What a person asked for.
struct Recipe {
  family::Precision requested = family::Precision::kSource;  // kSource: nothing
  bool to_bfloat16 = false;       // floats are stored as BF16; 8-bit floats are decoded to it
  bool allow_requantize = false;  // quantized sources may be decoded and quantized again
  bool high_effort = false;       // search for better scales
  bool draft = false;             // a draft model: its head takes the requested type
  std::string prefix;             // in front of every name: "draft." for a draft model
};

// Rows first, first + step, … of a source weight, taken as one matrix of slabs below each other.
struct RowRun {
  uint32_t weight = 0;  // in Plan::sources
  uint64_t first = 0;
  uint64_t step = 1;
  uint64_t count = 0;

  bool operator==(const RowRun&) const = default;
};

enum class Action : uint8_t {
  kCopy,      // the bytes as they are (dense values, or codes, scales and biases)
  kConvert,   // decoded or cast to another float type
  kQuantize,  // decoded if need be, cast to `through`, then quantized
};

// One tensor as it will lie in a blob.
struct StoredTensor {
  std::string name;
  tensor::DType dtype = tensor::DType::kU8;
  tensor::Shape shape;
  uint64_t size = 0;
};

struct PlannedWeight {
  std::string name;     // of the main tensor: "model.layers.0.mlp.switch_mlp.up_proj.weight"
  std::string group;    // of experts: the layer name that they share if they can; else empty
  tensor::Shape shape;  // of the values
  std::vector<RowRun> rows;
  uint64_t columns = 0;  // values in each of these rows
  // The source has it the other way round: row r of a slab here is column r there.
  bool transposed = false;
  Action action = Action::kCopy;
  std::optional<quant::Format> format;  // nullopt: dense
  // The dense type, of the values given to the quantizer or of affine scales.
  tensor::DType through = tensor::DType::kBF16;
  std::string how;        // "stack 128 experts, quantize"
  std::string_view rule;  // what decided the precision
  family::Role role = family::Role::kOther;
  std::vector<StoredTensor> stored;  // in the order of their names, the main one first
  uint64_t elements = 0;
  uint64_t source_bytes = 0;
  uint64_t stored_bytes = 0;
};

// Values in a row of a weight that is decoded, quantized or taken apart: a bound on memory.
inline constexpr uint64_t kMaxRowLength = uint64_t{1} << 22;

struct PlannedBlob {
  std::string layer;                   // the name of its layer in the manifest
  std::vector<PlannedWeight> weights;  // in the order of their names
  std::map<std::string, std::string> metadata;
  uint64_t size = 0;  // of the whole file
};

struct Plan {
  Inventory source;
  Recipe recipe;
  std::vector<SourceWeight> sources;
  std::vector<PlannedBlob> blobs;  // in the order of their layers in the manifest
  std::vector<DroppedTensor> dropped;
  std::vector<std::string> warnings;
  std::string file_type;  // what the model is called by: the type asked for, or declared, or most

  uint64_t elements = 0;
  uint64_t source_bytes = 0;  // to be read
  uint64_t stored_bytes = 0;  // to be written
};

// Fails where the source contradicts itself or config.json, or cannot be had as asked.
core::Result<Plan> MakePlan(Inventory source, const Recipe& recipe);

// "BF16", "int4, groups of 32": how a weight will lie there.
std::string StoredType(const PlannedWeight& weight);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_PLAN_H_
