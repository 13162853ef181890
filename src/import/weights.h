// The weights of a source: which tensors belong together and how their values are encoded. A weight
// of a quantized checkpoint is several tensors (codes, scales, zero points, a global scale); each
// program has its own names for them.
//
// Pure: an inventory in, weights out. Values; any thread.
#ifndef INGOT_IMPORT_WEIGHTS_H_
#define INGOT_IMPORT_WEIGHTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "import/inventory.h"
#include "quant/modes.h"

namespace ingot::import {

inline constexpr uint32_t kNoTensor = UINT32_MAX;

enum class Encoding : uint8_t {
  kPlain,      // values of the tensor's own type
  kFp8,        // E4M3 values times scales
  kQuantized,  // codes and scales of one of our formats, whatever the names and types say
};

// What the scales of kFp8 belong to.
enum class Fp8Scales : uint8_t { kBlocks, kTensor, kRows };
inline constexpr uint64_t kFp8Block = 128;  // rows and columns

// What a source's global scale means, compared with ours, which multiplies the weight.
enum class GlobalScale : uint8_t {
  kNone,
  kMultiplier,
  kDivisor,  // its reciprocal
  kLargest,  // 2688 times it: MLX's, the largest value that the weight may take
};

struct SourceWeight {
  std::string base;       // the name without ".weight", ".weight_packed", "_blocks", …
  std::string_view tail;  // what a plain tensor's own name has behind base: ".weight" or ""
  Encoding encoding = Encoding::kPlain;
  quant::Format format;  // of kQuantized
  Fp8Scales fp8_scales = Fp8Scales::kTensor;
  GlobalScale global_kind = GlobalScale::kNone;
  uint32_t weight = kNoTensor;  // indices in Inventory::tensors
  uint32_t scales = kNoTensor;
  uint32_t biases = kNoTensor;
  uint32_t global = kNoTensor;
  tensor::Shape shape;  // of the values, unpacked

  std::string Name() const { return base + std::string(tail); }
};

// A tensor that is not imported, and why.
struct DroppedTensor {
  uint32_t tensor = kNoTensor;
  std::string_view why;
};

struct SourceWeights {
  std::vector<SourceWeight> weights;  // in the order of their first tensor's name
  std::vector<DroppedTensor> dropped;
  std::vector<std::string> warnings;

  bool Has(Encoding encoding) const;
};

// Fails on formats that cannot be imported (by name), on weights without their scales, and where
// declarations and shapes contradict each other.
core::Result<SourceWeights> FindWeights(const Inventory& inventory);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_WEIGHTS_H_
