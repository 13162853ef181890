// Laguna. For the floating-point types it says itself which weights take 8 bits; the affine types
// follow the generic rules.
#include "family/blocks.h"
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"LagunaForCausalLM"};
constexpr std::string_view kModelTypes[] = {"laguna"};

constexpr NameTest kEmbeddingOrHead[] = {Ends("embed_tokens.weight"), Ends("lm_head.weight")};
constexpr NameTest kAttention[] = {
    Contains(".self_attn.q_proj.weight"), Contains(".self_attn.k_proj.weight"),
    Contains(".self_attn.v_proj.weight"), Contains(".self_attn.o_proj.weight"),
    Contains(".self_attn.g_proj.weight")};
constexpr NameTest kDenseMlp[] = {Contains(".mlp.gate_proj.weight"),
                                  Contains(".mlp.up_proj.weight"),
                                  Contains(".mlp.down_proj.weight")};
constexpr NameTest kExpertsPath[] = {Contains(".mlp.experts.")};
constexpr NameTest kSharedPath[] = {Contains(".mlp.shared_expert.")};
constexpr NameTest kDown[] = {Ends(".down_proj.weight")};
constexpr NameTest kAnyProjection[] = {Ends(".gate_proj.weight"), Ends(".up_proj.weight"),
                                       Ends(".down_proj.weight")};

constexpr Rule kRules[] = {
    {.id = "laguna: embedding or head",
     .requested = kFp,
     .names = {.any = kEmbeddingOrHead, .none = kPerLayer},
     .outcome = Outcome::kEightBit},
    {.id = "laguna: router", .requested = kFp, .names = {.any = kMlpGate}},
    {.id = "laguna: attention beside mxfp8", .requested = kMxfp8Only, .names = {.any = kAttention}},
    {.id = "laguna: attention",
     .requested = kFp4,
     .names = {.any = kAttention},
     .outcome = Outcome::kPlain},
    {.id = "laguna: dense layer",
     .requested = kFp,
     .names = {.any = kDenseMlp},
     .layer = LayerTest::kDenseLayer,
     .outcome = Outcome::kPlain},
    {.id = "laguna: experts' down in an early sensitive layer",
     .requested = kMxfp8Only,
     .names = {.any = kExpertsPath, .also = kDown},
     .layer = LayerTest::kEarlySensitive},
    {.id = "laguna: shared expert's down beside mxfp8",
     .requested = kMxfp8Only,
     .names = {.any = kSharedPath, .also = kDown}},
    {.id = "laguna: shared expert's down in an early sensitive layer",
     .requested = kFp4,
     .names = {.any = kSharedPath, .also = kDown},
     .layer = LayerTest::kEarlySensitive,
     .outcome = Outcome::kGeneric},
    {.id = "laguna: shared expert",
     .requested = kFp,
     .names = {.any = kSharedPath, .also = kAnyProjection},
     .outcome = Outcome::kPlain},
    {.id = "laguna: experts",
     .requested = kFp,
     .names = {.any = kExpertsPath, .also = kAnyProjection},
     .outcome = Outcome::kPlain},
    {.id = "laguna: everything else", .requested = kFp},
};

constexpr TensorRow kOwn[] = {
    {"layers.{}.mlp.gate.*", Role::kRouter},
    {"layers.{}.mlp.experts.e_score_correction_bias", Role::kRouter},
    {"layers.{}.mlp.shared_expert.*", Role::kSharedExperts},
};
constexpr auto kTensors = Joined(kDecoderFrameRows, kTwoNormsRows, kMaybeHeadNormsRows,
                                 kAttentionRows, kExpertsOrMlpRows, kOwn);

}  // namespace

constinit const Family kLaguna = {
    .id = "laguna",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .rules = kRules,
    .tensors = kTensors,
    .default_layers = 40,
    .first_layer_dense = true,
};

}  // namespace ingot::family
