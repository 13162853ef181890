#include "models/registry.h"

#include <array>
#include <exception>
#include <string>
#include <vector>

#include "core/strings.h"
#include "model/config_reader.h"
#include "models/llama.h"
#include "models/qwen3_5.h"

namespace ingot::models {

std::span<const Architecture> Architectures() {
  static constexpr std::array<Architecture, 17> kArchitectures = {{
      {"LlamaForCausalLM", &BuildLlama},
      {"llama", &BuildLlama},
      {"MistralForCausalLM", &BuildLlama},
      {"mistral", &BuildLlama},
      {"Qwen3ForCausalLM", &BuildQwen3},
      {"qwen3", &BuildQwen3},
      {"Qwen3_5ForCausalLM", &BuildQwen35},
      {"Qwen3_5ForConditionalGeneration", &BuildQwen35},
      {"Qwen3_5MoeForCausalLM", &BuildQwen35},
      {"Qwen3_5MoeForConditionalGeneration", &BuildQwen35},
      {"Qwen3NextForCausalLM", &BuildQwen35},
      {"qwen3_5", &BuildQwen35},
      {"qwen3_5_text", &BuildQwen35},
      {"qwen3_5_moe", &BuildQwen35},
      {"qwen3_5_moe_text", &BuildQwen35},
      {"qwen3_next", &BuildQwen35},
      {"Qwen3NextMoeForCausalLM", &BuildQwen35},
  }};
  return kArchitectures;
}

core::Result<std::unique_ptr<model::LanguageModel>> Build(const core::Json& config,
                                                          model::Weights& weights) {
  const std::string wanted = model::ArchitectureOf(config);
  std::vector<std::string> known;
  for (const Architecture& architecture : Architectures()) {
    known.emplace_back(architecture.name);
    if (architecture.name != wanted) continue;
    try {
      return architecture.build(config, weights);
    } catch (const std::exception& error) {
      // MLX reports impossible shapes by throwing.
      return core::Corrupt(core::StrCat("the model cannot be put together: ", error.what()));
    }
  }
  if (wanted.empty())
    return core::Corrupt("config.json: no \"architectures\" and no \"model_type\"");
  return core::Unsupported(core::StrCat("architecture ", core::Quoted(wanted, 80),
                                        " cannot be run by this version"))
      .WithHint(core::StrCat("It runs ", core::Join(known, ", "), "."));
}

}  // namespace ingot::models
