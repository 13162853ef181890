// Gemma 4: dense, with experts, with per-layer embeddings, and its draft assistants. Experts lie
// below ".moe.switch_mlp.", gate over up in one tensor, because the clients of published models
// read just that.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {
    "Gemma4ForCausalLM",          "Gemma4ForConditionalGeneration",
    "Gemma4UnifiedForCausalLM",   "Gemma4UnifiedForConditionalGeneration",
    "Gemma4AssistantForCausalLM", "Gemma4UnifiedAssistantForCausalLM",
};
constexpr std::string_view kModelTypes[] = {"gemma4",           "gemma4_text",
                                            "gemma4_unified",   "gemma4_unified_text",
                                            "gemma4_assistant", "gemma4_unified_assistant"};

constexpr std::string_view kStored = ".moe.switch_mlp.";
constexpr std::string_view kAsked = ".moe.experts.";
constexpr ExpertMarker kMarkers[] = {
    {".moe.switch_mlp.", kStored, kAsked},
    {".moe.experts.", kStored, kAsked},
    {".experts.switch_glu.", kStored, kAsked},
    {".experts.", kStored, kAsked},
    {".moe.", kStored, kAsked},
};
constexpr ExpertTable kExperts = {.markers = kMarkers, .fused = FusedForm::kRows, .joined = true};

constexpr NameTest kOtherModes[] = {Contains("vision"), Contains("visual"), Contains("audio_tower"),
                                    Contains("embed_audio")};
constexpr NameTest kKeyValue[] = {Contains(".k_proj"), Contains(".v_proj")};
constexpr NameTest kValueDownOnly[] = {Contains(".v_proj"), Contains("down_proj")};
constexpr NameTest kKeyOrOtherModes[] = {Contains(".k_proj"), Contains("vision"),
                                         Contains("visual"), Contains("audio_tower"),
                                         Contains("embed_audio")};

constexpr Rule kRules[] = {
    {.id = "gemma4: token embedding",
     .names = {.any = kTokenEmbedding, .none = kPerLayer},
     .outcome = Outcome::kPromote},
    {.id = "gemma4: key or value among eight experts",
     .requested = kFourBit,
     .names = {.any = kKeyValue, .none = kOtherModes},
     .layer = LayerTest::kEightExperts,
     .outcome = Outcome::kPromote},
    {.id = "gemma4: sensitive layer",
     .requested = kFourBit,
     .names = {.any = kValueDownOnly, .none = kKeyOrOtherModes},
     .layer = LayerTest::kSensitive,
     .outcome = Outcome::kPromote},
    {.id = "gemma4: other layer",
     .requested = kFourBit,
     .names = {.any = kValueKeyDown, .none = kOtherModes},
     .outcome = Outcome::kBase},
};

constexpr TensorRow kOwn[] = {
    {"embed_tokens_per_layer.weight", Role::kEmbedding},
    {"layers.{}.pre_feedforward_layernorm_2.weight", Role::kNorm},
    {"layers.{}.post_feedforward_layernorm_1.weight", Role::kNorm},
    {"layers.{}.post_feedforward_layernorm_2.weight", Role::kNorm},
    {"layers.{}.post_per_layer_input_norm.weight", Role::kNorm},
    {"layers.{}.layer_scalar", Role::kLayerScalar},
    {"layers.{}.self_attn.q_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.o_proj.weight", Role::kAttention, Need::kEveryLayer},
    {"layers.{}.self_attn.*", Role::kAttention},
    {"layers.{}.router.*", Role::kRouter},
    {"layers.{}.moe.per_expert_scale", Role::kRouter},
    {"layers.{}.moe.switch_mlp.*", Role::kExperts},
    {"layers.{}.per_layer_input_gate.weight", Role::kMlp},
    {"layers.{}.per_layer_projection.weight", Role::kMlp},
    {"per_layer_model_projection.weight", Role::kMlp},
    {"per_layer_projection_norm.weight", Role::kNorm},
    {"vision_tower.*", Role::kVision},
    {"vision_embedder.*", Role::kVision},
    {"embed_vision.*", Role::kVision},
    {"multi_modal_projector.*", Role::kVision},
    {"audio_tower.*", Role::kAudio},
    {"embed_audio.*", Role::kAudio},
};
constexpr auto kTensors = Joined(kDecoderFrameRows, kFourNormsRows, kGatedMlpRows, kOwn);

}  // namespace

constinit const Family kGemma4 = {
    .id = "gemma4",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .experts = &kExperts,
    .rules = kRules,
    .tensors = kTensors,
};

}  // namespace ingot::family
