// One table a model family, for the importer and the runtime alike: which config.json it answers
// to, how its tensors are named, which of them may be stored smaller. A family is one small file of
// constants; registry.cc lists them.
//
// Constants; any thread.
#ifndef INGOT_FAMILY_FAMILY_H_
#define INGOT_FAMILY_FAMILY_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "family/experts.h"
#include "family/rules.h"
#include "family/tensors.h"

namespace ingot::family {

struct Family {
  std::string_view id;  // "qwen3_5"
  // Entries of config.json's "architectures", and values of "model_type", that mean this family.
  std::span<const std::string_view> architectures;
  std::span<const std::string_view> model_types = {};
  const ExpertTable* experts = &kMlpExperts;
  std::span<const Rule> rules = {};  // in front of the generic ones
  std::span<const TensorRow> tensors = {};
  uint32_t default_layers = 0;     // where config.json does not say
  bool first_layer_dense = false;  // where config.json names no dense layer
  bool encoder = false;            // reads text and answers with vectors
  bool draft_only = false;         // never runs by itself
};

// By the exact architecture or model type; nullptr when nobody answers to it.
const Family* FindFamily(std::string_view architecture);
std::span<const Family* const> AllFamilies();

// Tensors that must not lose precision to a cast of everything to bfloat16: decays, time steps,
// score corrections.
bool MustStayFloat32(std::string_view name);

}  // namespace ingot::family

#endif  // INGOT_FAMILY_FAMILY_H_
