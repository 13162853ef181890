// Rows of tensor tables that several families share, and their joining into one table while
// compiling. The first row that fits a name wins, so a family's own rows stand before a block that
// ends in "*".
#ifndef INGOT_FAMILY_BLOCKS_H_
#define INGOT_FAMILY_BLOCKS_H_

#include <algorithm>
#include <array>
#include <cstddef>

#include "family/tensors.h"

namespace ingot::family {

template <size_t... kCounts>
consteval std::array<TensorRow, (kCounts + ...)> Joined(const TensorRow (&... blocks)[kCounts]) {
  std::array<TensorRow, (kCounts + ...)> rows;
  auto at = rows.begin();
  ((at = std::copy(std::begin(blocks), std::end(blocks), at)), ...);
  return rows;
}

inline constexpr TensorRow kDecoderFrameRows[] = {
    {"embed_tokens.weight", Role::kEmbedding, Need::kModel},
    {"norm.weight", Role::kNorm, Need::kModel},
    {"lm_head.weight", Role::kHead},
};

inline constexpr TensorRow kInputNormRows[] = {
    {"layers.{}.input_layernorm.weight", Role::kNorm, Need::kEveryLayer},
};

inline constexpr TensorRow kTwoNormsRows[] = {
    {"layers.{}.input_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.post_attention_layernorm.weight", Role::kNorm, Need::kEveryLayer},
};

// Gemma's: before and after attention, before and after the gated part.
inline constexpr TensorRow kFourNormsRows[] = {
    {"layers.{}.input_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.post_attention_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.pre_feedforward_layernorm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.post_feedforward_layernorm.weight", Role::kNorm, Need::kEveryLayer},
};

inline constexpr TensorRow kHeadNormsRows[] = {
    {"layers.{}.self_attn.q_norm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.self_attn.k_norm.weight", Role::kNorm, Need::kEveryLayer},
};

// The same where only some layers, or some models, have them.
inline constexpr TensorRow kMaybeHeadNormsRows[] = {
    {"layers.{}.self_attn.q_norm.weight", Role::kNorm},
    {"layers.{}.self_attn.k_norm.weight", Role::kNorm},
};

inline constexpr TensorRow kAttentionRows[] = {
    {"layers.{}.self_attn.q_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.k_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.v_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.o_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.*", Role::kAttention},
};

inline constexpr TensorRow kGatedMlpRows[] = {
    {"layers.{}.mlp.gate_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.up_proj.weight", Role::kMlp, Need::kEveryLayer},
    {"layers.{}.mlp.down_proj.weight", Role::kMlp, Need::kEveryLayer},
};

// A layer has experts or is dense. The numbers of what stands for each other are out of the way of
// those that families count from one.
inline constexpr TensorRow kExpertsOrMlpRows[] = {
    {"layers.{}.mlp.switch_mlp.gate_proj.weight", Role::kExperts, Need::kEveryLayer, 201},
    {"layers.{}.mlp.gate_proj.weight", Role::kMlp, Need::kEveryLayer, 201},
    {"layers.{}.mlp.switch_mlp.up_proj.weight", Role::kExperts, Need::kEveryLayer, 202},
    {"layers.{}.mlp.up_proj.weight", Role::kMlp, Need::kEveryLayer, 202},
    {"layers.{}.mlp.switch_mlp.down_proj.weight", Role::kExperts, Need::kEveryLayer, 203},
    {"layers.{}.mlp.down_proj.weight", Role::kMlp, Need::kEveryLayer, 203},
};

}  // namespace ingot::family

#endif  // INGOT_FAMILY_BLOCKS_H_
