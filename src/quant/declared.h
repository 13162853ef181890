// What a config.json declares about the quantization of its modules, in the way of mlx-lm:
//
//   "quantization": {"group_size": 64, "bits": 4, "mode": "affine",          for every module
//                    "model.layers.0.mlp.gate": {"group_size": 64, "bits": 8},   but this one
//                    "lm_head": false}
//
// A module's path may be one dotted key or objects in objects. "quantization" wins over
// "quantization_config"; the latter is read only where no "quant_method" says that it belongs to
// another program. A value; any thread may read it.
#ifndef INGOT_QUANT_DECLARED_H_
#define INGOT_QUANT_DECLARED_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/status.h"
#include "quant/modes.h"

namespace ingot::quant {

struct Declaration {
  // nullopt: declared not to be quantized ("<path>": false).
  std::optional<Format> format;
  bool global_scale = false;  // a tensor of scales in MLX's measure comes with it
};

class DeclaredQuantization {
 public:
  // config is a whole config.json; without such a block nothing is declared. Fails, naming the key,
  // on a value of the wrong kind and on a format that does not exist.
  static core::Result<DeclaredQuantization> Parse(const core::Json& config);

  // There was a block, whatever it says.
  bool present() const { return present_; }
  // What holds where nothing is said of a module.
  const std::optional<Declaration>& global() const { return global_; }
  // What is said of the module at path ("model.layers.0.mlp.gate") itself.
  const Declaration* Override(std::string_view path) const;
  size_t overrides() const { return overrides_.size(); }

 private:
  core::Status ParseObject(const core::Json& object, const std::string& path, size_t depth);
  core::Status ParseMember(std::string_view key, const core::Json& value, const std::string& path,
                           size_t depth);
  // Keeps what is said of the module at path. Fails when it was said before.
  core::Status Add(const std::string& path, const Declaration& declaration);

  bool present_ = false;
  std::optional<Declaration> global_;
  std::map<std::string, Declaration, std::less<>> overrides_;
};

}  // namespace ingot::quant

#endif  // INGOT_QUANT_DECLARED_H_
