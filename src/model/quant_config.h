// What config.json says about quantization, as mlx-lm writes it: model-wide values and overrides by
// module path.
//
//   "quantization": {"group_size": 64, "bits": 4, "mode": "affine",
//                    "model.layers.0.mlp.gate": {"group_size": 64, "bits": 8},
//                    "lm_head": false}
//
// The block is read from "quantization", else from "quantization_config"; the latter only when it
// is mlx-lm's: with a "quant_method" it belongs to another tool and says nothing about our tensors.
// Overrides may also be nested objects, one level a path component. A missing mode means affine.
//
// Immutable once made; any thread.
#ifndef INGOT_MODEL_QUANT_CONFIG_H_
#define INGOT_MODEL_QUANT_CONFIG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "quant/modes.h"

namespace ingot::model {

// A format, as far as somebody declared it.
struct Declaration {
  quant::Mode mode = quant::Mode::kAffine;
  std::optional<uint64_t> bits;
  std::optional<uint64_t> group_size;
};

// "affine 8-bit, groups of 64", "nvfp4": for messages.
std::string Describe(const Declaration& declaration);

struct Override {
  bool quantized = true;                   // false: the config says the module is not
  std::optional<Declaration> declaration;  // absent: as the model as a whole
};

class QuantConfig {
 public:
  // config is the parsed config.json. What cannot be understood is left out and said in warnings:
  // an absent block is normal and says nothing.
  static QuantConfig FromConfig(const core::Json& config, std::vector<std::string>& warnings);

  const std::optional<Declaration>& global() const { return global_; }
  // The override for a module or for a weight's own name; ".weight" at the end is immaterial.
  // Published paths differ in what stands before the first layer, so the container prefixes that
  // checkpoints put there ("model.", "language_model.") are immaterial too.
  const Override* Find(std::string_view weight_name) const;
  bool empty() const { return !global_ && overrides_.empty(); }

 private:
  std::optional<Declaration> global_;
  std::map<std::string, Override, std::less<>> overrides_;  // by path without prefix or ".weight"
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_QUANT_CONFIG_H_
