// What a weight is stored as, decided by the rules of its family. Pure functions.
#ifndef INGOT_FAMILY_POLICY_H_
#define INGOT_FAMILY_POLICY_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "family/facts.h"
#include "family/precision.h"
#include "family/rules.h"

namespace ingot::family {

struct Decision {
  Precision precision = Precision::kSource;
  std::string_view rule;  // the id of the row that decided

  bool operator==(const Decision&) const = default;
};

// name: of the weight as the reference importer would call it, experts stacked:
// "<layer>.mlp.experts.down_proj.weight". shape: of the unpacked weight. requested: what the person
// asked for; kSource keeps everything.
//
// Whatever a family says, biases and tensors that are neither a matrix nor a stack of expert
// matrices are never quantized.
Decision Decide(std::span<const Rule> family_rules, const ModelFacts& facts, std::string_view name,
                std::span<const uint64_t> shape, Precision requested, bool draft = false);

}  // namespace ingot::family

#endif  // INGOT_FAMILY_POLICY_H_
