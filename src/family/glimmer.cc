// Muse Glimmer: gated attention, with a vision tower that stays as it is.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"MuseGlimmerForConditionalGeneration"};
constexpr std::string_view kModelTypes[] = {"muse_glimmer"};

constexpr NameTest kProjections[] = {Contains(".self_attn.q_proj"), Contains(".self_attn.o_proj"),
                                     Contains(".self_attn.k_proj"), Contains(".self_attn.v_proj")};
constexpr NameTest kGateOrDown[] = {Contains(".self_attn.gate_proj"),
                                    Contains(".self_attn.output_gate_proj"),
                                    Contains(".mlp.down_proj")};

constexpr Rule kRules[] = {
    {.id = "glimmer: vision", .names = {.any = kVision}},
    {.id = "glimmer: token embedding",
     .names = {.any = kTokenEmbedding, .none = kPerLayer},
     .outcome = Outcome::kPromote},
    {.id = "glimmer: attention",
     .requested = kFourBit,
     .names = {.any = kProjections},
     .outcome = Outcome::kPromote},
    {.id = "glimmer: sensitive layer",
     .requested = kFourBit,
     .names = {.any = kGateOrDown},
     .layer = LayerTest::kSensitive,
     .outcome = Outcome::kPromote},
    {.id = "glimmer: other layer",
     .requested = kFourBit,
     .names = {.any = kGateOrDown},
     .outcome = Outcome::kBase},
};

constexpr TensorRow kOwn[] = {
    {"vision_tower.*", Role::kVision},
    {"visual.*", Role::kVision},
};
constexpr auto kTensors = Joined(kDecoderFrameRows, kAttentionRows, kGatedMlpRows, kOwn);

}  // namespace

constinit const Family kGlimmer = {
    .id = "glimmer",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .rules = kRules,
    .tensors = kTensors,
};

}  // namespace ingot::family
