// Small models of several architectures for tests, each in every form that its family is found in.
// The same seed gives the same weights in every form. One thread.
#ifndef INGOT_TESTS_IMPORT_MODEL_MAKER_H_
#define INGOT_TESTS_IMPORT_MODEL_MAKER_H_

#include <filesystem>
#include <string_view>
#include <vector>

#include "tests/import/source_folder.h"

namespace ingot::import {

enum class Form {
  kPerExpert,
  kFused,    // gate and up in one tensor
  kStacked,  // three stacks
  kMlx,      // as mlx-lm names them
};

struct ModelShape {
  uint64_t layers = 2;
  uint64_t hidden = 128;
  uint64_t inner = 64;
  uint64_t experts = 4;
  uint64_t vocabulary = 256;
  tensor::DType dtype = tensor::DType::kBF16;
};

// Families with experts: "qwen3_moe", "qwen3_5_moe", "qwen3_5_moe_vl", "gemma4", "glm4_moe_lite",
// "laguna", "cohere2_moe", "nemotron_h". Dense: "llama", "qwen3", "gemma3", "bert".
std::vector<std::string_view> ExpertFamilies();
std::vector<std::string_view> DenseFamilies();

// A folder with config, tokenizer and weights, not yet written.
SourceFolder MakeModel(const std::filesystem::path& directory, std::string_view family, Form form,
                       const ModelShape& shape = {});

}  // namespace ingot::import

#endif  // INGOT_TESTS_IMPORT_MODEL_MAKER_H_
