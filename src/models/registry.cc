#include "models/registry.h"

#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "core/strings.h"
#include "model/config_reader.h"
#include "models/bert.h"
#include "models/cohere2_moe.h"
#include "models/gemma3.h"
#include "models/gemma4.h"
#include "models/glm4_moe_lite.h"
#include "models/gpt_oss.h"
#include "models/laguna.h"
#include "models/llama.h"
#include "models/nemotron_h.h"
#include "models/nomic_bert.h"
#include "models/qwen3_5.h"

namespace ingot::models {

std::span<const Architecture<model::LanguageModel>> LanguageModels() {
  static constexpr Architecture<model::LanguageModel> kArchitectures[] = {
      {"LlamaForCausalLM", &BuildLlama},
      {"llama", &BuildLlama},
      {"MistralForCausalLM", &BuildLlama},
      {"mistral", &BuildLlama},
      {"MinistralForCausalLM", &BuildLlama},
      {"ministral", &BuildLlama},
      {"Ministral3ForCausalLM", &BuildLlama},
      {"ministral3", &BuildLlama},
      {"Mistral3ForConditionalGeneration", &BuildLlama},
      {"mistral3", &BuildLlama},
      {"Qwen3ForCausalLM", &BuildQwen3},
      {"qwen3", &BuildQwen3},
      {"Qwen3MoeForCausalLM", &BuildQwen3Moe},
      {"qwen3_moe", &BuildQwen3Moe},
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
      {"Gemma3ForCausalLM", &BuildGemma3},
      {"Gemma3ForConditionalGeneration", &BuildGemma3},
      {"gemma3", &BuildGemma3},
      {"gemma3_text", &BuildGemma3},
      {"Gemma4ForCausalLM", &BuildGemma4},
      {"Gemma4ForConditionalGeneration", &BuildGemma4},
      {"Gemma4UnifiedForCausalLM", &BuildGemma4},
      {"Gemma4UnifiedForConditionalGeneration", &BuildGemma4},
      {"gemma4", &BuildGemma4},
      {"gemma4_text", &BuildGemma4},
      {"gemma4_unified", &BuildGemma4},
      {"gemma4_unified_text", &BuildGemma4},
      {"Glm4MoeLiteForCausalLM", &BuildGlm4MoeLite},
      {"GLM4MoeLite", &BuildGlm4MoeLite},
      {"glm4_moe_lite", &BuildGlm4MoeLite},
      {"LagunaForCausalLM", &BuildLaguna},
      {"laguna", &BuildLaguna},
      {"NemotronHForCausalLM", &BuildNemotronH},
      {"NemotronH_Nano_VL_V2", &BuildNemotronH},
      {"NemotronH_Nano_Omni_Reasoning_V3", &BuildNemotronH},
      {"nemotron_h", &BuildNemotronH},
      {"nemotron_h_moe", &BuildNemotronH},
      {"Cohere2MoeForCausalLM", &BuildCohere2Moe},
      {"cohere2_moe", &BuildCohere2Moe},
      {"GptOssForCausalLM", &BuildGptOss},
      {"gpt_oss", &BuildGptOss},
  };
  return kArchitectures;
}

std::span<const Architecture<model::TextEncoder>> TextEncoders() {
  static constexpr Architecture<model::TextEncoder> kEncoders[] = {
      {"BertModel", &BuildBert},
      {"BertForMaskedLM", &BuildBert},
      {"bert", &BuildBert},
      {"NomicBertModel", &BuildNomicBert},
      {"NomicBertForPreTraining", &BuildNomicBert},
      {"nomic_bert", &BuildNomicBert},
  };
  return kEncoders;
}

namespace {

template <typename Model>
const Architecture<Model>* Find(std::span<const Architecture<Model>> all, std::string_view name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

template <typename Model>
core::Result<std::unique_ptr<Model>> Build(std::span<const Architecture<Model>> all,
                                           const core::Json& config, model::Weights& weights) {
  const std::string wanted = model::ArchitectureOf(config);
  if (wanted.empty()) {
    return core::Corrupt("config.json: no \"architectures\" and no \"model_type\"");
  }
  if (const auto* architecture = Find(all, wanted)) {
    try {
      return architecture->build(config, weights);
    } catch (const std::exception& error) {
      // MLX reports impossible shapes by throwing.
      return core::Corrupt(core::StrCat("the model cannot be put together: ", error.what()));
    }
  }
  std::vector<std::string> known;
  for (const auto& architecture : all) known.emplace_back(architecture.name);
  return core::Unsupported(core::StrCat("architecture ", core::Quoted(wanted, 80),
                                        " cannot be run by this version"))
      .WithHint(core::StrCat("It runs ", core::Join(known, ", "), "."));
}

}  // namespace

bool IsTextEncoder(const core::Json& config) {
  return Find(TextEncoders(), model::ArchitectureOf(config)) != nullptr;
}

core::Result<std::unique_ptr<model::LanguageModel>> BuildLanguageModel(const core::Json& config,
                                                                       model::Weights& weights) {
  if (IsTextEncoder(config)) {
    return core::Unsupported(core::StrCat(core::Quoted(model::ArchitectureOf(config), 80),
                                          " is a text encoder: it cannot continue a text"))
        .WithHint("Run `ingot embed` for its embeddings.");
  }
  return Build(LanguageModels(), config, weights);
}

core::Result<std::unique_ptr<model::TextEncoder>> BuildTextEncoder(const core::Json& config,
                                                                   model::Weights& weights) {
  return Build(TextEncoders(), config, weights);
}

}  // namespace ingot::models
