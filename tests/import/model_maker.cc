#include "tests/import/model_maker.h"

#include <stdexcept>

#include "core/strings.h"

namespace ingot::import {
namespace {

using core::StrCat;
using tensor::DType;

// How a family calls its experts, and what stands around them.
struct Recipe {
  std::string_view family;
  std::string_view architecture;
  std::string_view layer;       // "model.layers."
  std::string_view per_expert;  // ".mlp.experts."
  std::string_view fused;       // ".mlp.experts."; empty: there is no such form
  std::string_view stacked;
  std::string_view mlx;
  bool has_gate = true;
  std::string_view experts_key = "num_experts";
  std::vector<std::string_view> dense;  // other matrices of a layer, [hidden, hidden]
  std::vector<std::string_view> vectors;
};

const std::vector<Recipe>& Recipes() {
  static const std::vector<Recipe> kRecipes = {
      {"qwen3_moe",
       "Qwen3MoeForCausalLM",
       "model.layers.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.switch_mlp.",
       true,
       "num_experts",
       {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"},
       {"input_layernorm", "post_attention_layernorm", "self_attn.q_norm", "self_attn.k_norm"}},
      {"qwen3_5_moe",
       "Qwen3_5MoeForCausalLM",
       "model.layers.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.switch_mlp.",
       true,
       "num_experts",
       {"linear_attn.in_proj_qkv", "linear_attn.out_proj", "linear_attn.in_proj_a",
        "mlp.shared_expert.down_proj", "mlp.shared_expert_gate"},
       {"input_layernorm", "post_attention_layernorm", "linear_attn.norm"}},
      {"qwen3_5_moe_vl",
       "Qwen3_5MoeForConditionalGeneration",
       "model.language_model.layers.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.switch_mlp.",
       true,
       "num_experts",
       {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"},
       {"input_layernorm", "post_attention_layernorm"}},
      {"gemma4",
       "Gemma4ForCausalLM",
       "model.layers.",
       ".moe.experts.",
       ".experts.",
       ".moe.",
       ".experts.switch_glu.",
       true,
       "num_experts",
       {"self_attn.q_proj", "self_attn.k_proj", "self_attn.o_proj", "router.proj", "mlp.down_proj"},
       {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
        "post_feedforward_layernorm"}},
      {"glm4_moe_lite",
       "Glm4MoeLiteForCausalLM",
       "model.layers.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.switch_mlp.",
       true,
       "n_routed_experts",
       {"self_attn.q_b_proj", "self_attn.kv_b_proj", "self_attn.o_proj",
        "mlp.shared_experts.down_proj"},
       {"input_layernorm", "post_attention_layernorm"}},
      {"laguna",
       "LagunaForCausalLM",
       "model.layers.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.switch_mlp.",
       true,
       "num_experts",
       {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
        "mlp.shared_expert.down_proj"},
       {"input_layernorm", "post_attention_layernorm"}},
      {"cohere2_moe",
       "Cohere2MoeForCausalLM",
       "model.layers.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.experts.",
       ".mlp.switch_mlp.",
       true,
       "num_experts",
       {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"},
       {"input_layernorm"}},
      {"nemotron_h",
       "NemotronHForCausalLM",
       "backbone.layers.",
       ".mixer.experts.",
       "",
       ".mixer.experts.",
       ".mixer.switch_mlp.",
       false,
       "n_routed_experts",
       {"mixer.shared_experts.down_proj", "mixer.gate"},
       {"norm"}},
      {"llama",
       "LlamaForCausalLM",
       "model.layers.",
       "",
       "",
       "",
       "",
       true,
       "",
       {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
        "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"},
       {"input_layernorm", "post_attention_layernorm"}},
      {"qwen3",
       "Qwen3ForCausalLM",
       "model.layers.",
       "",
       "",
       "",
       "",
       true,
       "",
       {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
        "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"},
       {"input_layernorm", "post_attention_layernorm", "self_attn.q_norm", "self_attn.k_norm"}},
      {"gemma3",
       "Gemma3ForCausalLM",
       "model.layers.",
       "",
       "",
       "",
       "",
       true,
       "",
       {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
        "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"},
       {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
        "post_feedforward_layernorm", "self_attn.q_norm", "self_attn.k_norm"}},
      {"bert",
       "BertModel",
       "encoder.layer.",
       "",
       "",
       "",
       "",
       true,
       "",
       {"attention.self.query", "attention.self.key", "attention.self.value",
        "attention.output.dense", "intermediate.dense", "output.dense"},
       {"output.LayerNorm"}},
  };
  return kRecipes;
}

const Recipe& RecipeOf(std::string_view family) {
  for (const Recipe& recipe : Recipes()) {
    if (recipe.family == family) return recipe;
  }
  throw std::invalid_argument(std::string(family));
}

// Stacks of one layer, made first; the other forms are cut from them.
struct Experts {
  Bytes gate, up, down;
};

Bytes Slab(const Bytes& stack, uint64_t experts, uint64_t e) {
  const size_t size = stack.size() / experts;
  return {stack.begin() + static_cast<ptrdiff_t>(e * size),
          stack.begin() + static_cast<ptrdiff_t>((e + 1) * size)};
}

void AddExperts(SourceFolder& folder, const Recipe& recipe, const std::string& layer, Form form,
                const ModelShape& s, uint64_t seed) {
  const uint64_t in = s.experts * s.inner * s.hidden;
  const Experts x{RandomBytes(s.dtype, in, seed), RandomBytes(s.dtype, in, seed + 1),
                  RandomBytes(s.dtype, in, seed + 2)};
  const auto add = [&](std::string_view marker, std::string_view projection, std::string_view tail,
                       std::vector<uint64_t> dims, const Bytes& bytes) {
    folder.Add(StrCat(layer, marker, projection, tail), s.dtype, std::move(dims), bytes);
  };
  const bool mlx = form == Form::kMlx;
  const std::string_view up = mlx && !recipe.has_gate ? "fc1" : "up_proj";
  const std::string_view down = mlx && !recipe.has_gate ? "fc2" : "down_proj";
  if (form == Form::kPerExpert) {
    for (uint64_t e = 0; e < s.experts; ++e) {
      const std::string marker = StrCat(recipe.per_expert, e, ".");
      if (recipe.has_gate) {
        add(marker, "gate_proj", ".weight", {s.inner, s.hidden}, Slab(x.gate, s.experts, e));
      }
      add(marker, up, ".weight", {s.inner, s.hidden}, Slab(x.up, s.experts, e));
      add(marker, down, ".weight", {s.hidden, s.inner}, Slab(x.down, s.experts, e));
    }
    return;
  }
  if (form == Form::kFused) {
    Bytes both;
    for (uint64_t e = 0; e < s.experts; ++e) {
      for (const Bytes* half : {&x.gate, &x.up}) {
        const Bytes slab = Slab(*half, s.experts, e);
        both.insert(both.end(), slab.begin(), slab.end());
      }
    }
    add(recipe.fused, "gate_up_proj", "", {s.experts, 2 * s.inner, s.hidden}, both);
    add(recipe.fused, down, "", {s.experts, s.hidden, s.inner}, x.down);
    return;
  }
  const std::string_view marker = mlx ? recipe.mlx : recipe.stacked;
  // gemma4's own stacks have no ".weight".
  const std::string_view tail = !mlx && recipe.family == "gemma4" ? "" : ".weight";
  if (recipe.has_gate) add(marker, "gate_proj", tail, {s.experts, s.inner, s.hidden}, x.gate);
  add(marker, up, tail, {s.experts, s.inner, s.hidden}, x.up);
  add(marker, down, tail, {s.experts, s.hidden, s.inner}, x.down);
}

}  // namespace

std::vector<std::string_view> ExpertFamilies() {
  std::vector<std::string_view> families;
  for (const Recipe& recipe : Recipes()) {
    if (!recipe.per_expert.empty()) families.push_back(recipe.family);
  }
  return families;
}
std::vector<std::string_view> DenseFamilies() {
  std::vector<std::string_view> families;
  for (const Recipe& recipe : Recipes()) {
    if (recipe.per_expert.empty()) families.push_back(recipe.family);
  }
  return families;
}

SourceFolder MakeModel(const std::filesystem::path& directory, std::string_view family, Form form,
                       const ModelShape& shape) {
  const Recipe& recipe = RecipeOf(family);
  if (form == Form::kFused && recipe.fused.empty()) form = Form::kStacked;
  SourceFolder folder(directory,
                      StrCat("{\n  \"architectures\": [\"", recipe.architecture,
                             "\"],\n  \"num_hidden_layers\": ", shape.layers,
                             ",\n  \"hidden_size\": ", shape.hidden,
                             recipe.experts_key.empty()
                                 ? std::string()
                                 : StrCat(",\n  \"", recipe.experts_key, "\": ", shape.experts),
                             "\n}\n"));
  folder.AddFile("tokenizer.json", "{\"version\": \"1.0\"}");
  folder.AddFile("tokenizer_config.json", R"({"chat_template": "{{ messages }}"})");
  folder.AddFile("generation_config.json", "{}");
  const bool bert = family == "bert";
  folder.AddRandom(bert                         ? "embeddings.word_embeddings.weight"
                   : family == "nemotron_h"     ? "backbone.embeddings.weight"
                   : family == "qwen3_5_moe_vl" ? "model.language_model.embed_tokens.weight"
                                                : "model.embed_tokens.weight",
                   shape.dtype, {shape.vocabulary, shape.hidden});
  if (!bert) folder.AddRandom("lm_head.weight", shape.dtype, {shape.vocabulary, shape.hidden});
  for (uint64_t i = 0; i < shape.layers; ++i) {
    const std::string layer = StrCat(recipe.layer, i);
    for (std::string_view name : recipe.dense) {
      folder.AddRandom(StrCat(layer, ".", name, ".weight"), shape.dtype,
                       {shape.hidden, shape.hidden});
    }
    for (std::string_view name : recipe.vectors) {
      folder.AddRandom(StrCat(layer, ".", name, ".weight"), shape.dtype, {shape.hidden});
    }
    if (recipe.per_expert.empty()) continue;
    if (recipe.has_gate) {
      folder.AddRandom(StrCat(layer, ".mlp.gate.weight"), shape.dtype,
                       {shape.experts, shape.hidden});
    }
    AddExperts(folder, recipe, layer, form, shape, 1000 * (i + 1));
  }
  return folder;
}

}  // namespace ingot::import
