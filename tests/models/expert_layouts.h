// The experts of a checkpoint, brought from the form that they came in into any other that their
// family's table (family/experts.h) accepts.
#ifndef INGOT_TESTS_MODELS_EXPERT_LAYOUTS_H_
#define INGOT_TESTS_MODELS_EXPERT_LAYOUTS_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "family/experts.h"
#include "tests/models/seeded_checkpoint.h"

namespace ingot::testing {

// One layer's: by projection ("gate_proj", "up_proj", "down_proj") the weights [out, in] of each
// expert, and their biases [out] where there are any. Tensors here have no names.
struct LayerExperts {
  std::map<std::string, std::vector<SeededTensor>> weights;
  std::map<std::string, std::vector<SeededTensor>> biases;
};

struct SplitCheckpoint {
  std::map<std::string, LayerExperts> layers;  // "model.layers.1"
  std::vector<SeededTensor> rest;
};

SplitCheckpoint SplitExperts(const family::ExpertTable& table,
                             const std::vector<SeededTensor>& tensors);

enum class ExpertForm {
  kPerExpert,  // <marker><e>.up_proj
  kStacked,    // <marker>up_proj, [E, out, in]
  kFused,      // <marker>gate_up_proj, and down_proj beside it
};

struct ExpertLayout {
  const family::ExpertMarker* marker = nullptr;
  ExpertForm form = ExpertForm::kStacked;
  bool bare = false;     // stacks without ".weight"
  bool aliases = false;  // projections by the other names that the table knows

  std::string Describe() const;
};

// Every layout that a checkpoint of the family may have.
std::vector<ExpertLayout> LayoutsOf(const family::ExpertTable& table);

struct LaidTensor {
  SeededTensor tensor;
  bool expert_weight = false;    // what a converter would pack
  std::optional<size_t> expert;  // whose; nullopt: a stack of all
};
std::vector<LaidTensor> LayOut(const family::ExpertTable& table, const SplitCheckpoint& checkpoint,
                               const ExpertLayout& layout);

}  // namespace ingot::testing

#endif  // INGOT_TESTS_MODELS_EXPERT_LAYOUTS_H_
