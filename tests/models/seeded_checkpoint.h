// Checkpoints that need not be stored: every weight is a function of its tensor's name, computed
// here and in tools/reference/model_goldens.py alike, bit for bit. A test may then bring the
// tensors into any of the layouts that real checkpoints have.
#ifndef INGOT_TESTS_MODELS_SEEDED_CHECKPOINT_H_
#define INGOT_TESTS_MODELS_SEEDED_CHECKPOINT_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "tensor/dtype.h"

namespace ingot::testing {

struct SeededTensor {
  std::string name;
  std::vector<uint64_t> shape;
  std::vector<uint16_t> values;  // bf16
};

struct Golden {
  core::Json config;
  std::vector<SeededTensor> tensors;
  std::vector<int> prompt;
  std::vector<int> greedy;
  std::vector<float> gaps;
  std::vector<float> logits;  // [prompt, vocabulary]
};

// tests/models/goldens/<name>; throws when something there cannot be read.
Golden ReadGolden(std::string_view name);

float FromBf16(uint16_t bits);
uint16_t ToBf16(float value);  // to nearest, ties to even

// Per-expert tensors brought together, in numeric order: <group>.experts.<e>.<proj>.weight becomes
// <group>.<stem>.<proj><ending>, [experts, out, in].
std::vector<SeededTensor> StackExperts(const std::vector<SeededTensor>& tensors,
                                       std::string_view stem, std::string_view ending);
// The same with gate over up in one tensor, <group>.experts.gate_up_proj<ending>.
std::vector<SeededTensor> FuseExperts(const std::vector<SeededTensor>& tensors,
                                      std::string_view ending);

// The same language model inside a vision-language one.
void WrapInVision(Golden& golden);

// Writes config.json and one model.safetensors.
void WriteFolder(const std::filesystem::path& folder, const core::Json& config,
                 const std::vector<SeededTensor>& tensors);

}  // namespace ingot::testing

#endif  // INGOT_TESTS_MODELS_SEEDED_CHECKPOINT_H_
