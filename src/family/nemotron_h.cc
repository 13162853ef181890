// Nemotron-H: state spaces, attention, plain and expert MLPs, one of them a layer; also as the text
// part of Nano VL and Omni. Its experts have no gate and keep the name that other readers know.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"NemotronHForCausalLM", "NemotronH_Nano_VL_V2",
                                               "NemotronH_Nano_Omni_Reasoning_V3"};
constexpr std::string_view kModelTypes[] = {"nemotron_h", "nemotron_h_moe"};

constexpr std::string_view kStored = ".mixer.experts.";
constexpr ExpertMarker kMarkers[] = {
    {".mixer.experts.", kStored, ".mixer.experts."},
    {".mixer.switch_mlp.", kStored, ".mixer.experts."},
};
constexpr ProjectionAlias kAliases[] = {{"fc1", kUp}, {"fc2", kDown}};
constexpr ExpertTable kExperts = {.markers = kMarkers, .aliases = kAliases};

constexpr NameTest kOtherModes[] = {Begins("vision_model."), Begins("mlp1."),
                                    Begins("sound_encoder."), Begins("sound_projection.")};
constexpr NameTest kRouterOrConv[] = {Ends(".mixer.gate.weight"), Ends(".mixer.conv1d.weight")};
constexpr NameTest kEmbeddingOrHead[] = {Ends("embeddings.weight"), Ends("lm_head.weight")};
constexpr NameTest kAttention[] = {Ends(".mixer.q_proj.weight"), Ends(".mixer.k_proj.weight"),
                                   Ends(".mixer.v_proj.weight"), Ends(".mixer.o_proj.weight")};
constexpr NameTest kOutputs[] = {Ends(".mixer.out_proj.weight"), Ends(".mixer.down_proj.weight"),
                                 Ends(".mixer.shared_experts.down_proj.weight")};
constexpr NameTest kExpertsPath[] = {Contains(".mixer.experts.")};
constexpr NameTest kDownEnd[] = {Ends(".down_proj.weight")};

constexpr Rule kRules[] = {
    {.id = "nemotron_h: vision and sound", .names = {.any = kOtherModes}},
    {.id = "nemotron_h: router or convolution", .names = {.any = kRouterOrConv}},
    {.id = "nemotron_h: embedding or head",
     .names = {.any = kEmbeddingOrHead},
     .outcome = Outcome::kEightBit},
    {.id = "nemotron_h: attention",
     .requested = kFp4,
     .names = {.any = kAttention},
     .outcome = Outcome::kPromote},
    {.id = "nemotron_h: sensitive layer",
     .requested = kFp4,
     .names = {.any = kOutputs},
     .layer = LayerTest::kSensitiveOrUnnumbered,
     .outcome = Outcome::kPromote},
    {.id = "nemotron_h: sensitive layer",
     .requested = kFp4,
     .names = {.any = kExpertsPath, .also = kDownEnd},
     .layer = LayerTest::kSensitiveOrUnnumbered,
     .outcome = Outcome::kPromote},
    {.id = "nemotron_h: other layer",
     .requested = kFp4,
     .names = {.any = kOutputs},
     .outcome = Outcome::kBase},
    {.id = "nemotron_h: other layer",
     .requested = kFp4,
     .names = {.any = kExpertsPath, .also = kDownEnd},
     .outcome = Outcome::kBase},
};

constexpr TensorRow kTensors[] = {
    {"embeddings.weight", Role::kEmbedding, Need::kModel},
    {"norm_f.weight", Role::kNorm, Need::kModel},
    {"lm_head.weight", Role::kHead},
    {"layers.{}.norm.weight", Role::kNorm, Need::kEveryLayer},
    {"layers.{}.mixer.out_proj.weight", Role::kRecurrent, Need::kEveryLayer, 1},
    {"layers.{}.mixer.o_proj.weight", Role::kAttention, Need::kEveryLayer, 1},
    {"layers.{}.mixer.down_proj.weight", Role::kMlp, Need::kEveryLayer, 1},
    {"layers.{}.mixer.experts.down_proj.weight", Role::kExperts, Need::kEveryLayer, 1},
    {"layers.{}.mixer.in_proj.weight", Role::kRecurrent, Need::kEveryLayer, 2},
    {"layers.{}.mixer.q_proj.weight", Role::kAttention, Need::kEveryLayer, 2},
    {"layers.{}.mixer.up_proj.weight", Role::kMlp, Need::kEveryLayer, 2},
    {"layers.{}.mixer.experts.up_proj.weight", Role::kExperts, Need::kEveryLayer, 2},
    {"layers.{}.mixer.k_proj.weight", Role::kAttention},
    {"layers.{}.mixer.v_proj.weight", Role::kAttention},
    {"layers.{}.mixer.gate.*", Role::kRouter},
    {"layers.{}.mixer.shared_experts.*", Role::kSharedExperts},
    {"layers.{}.mixer.norm.weight", Role::kNorm},
    {"layers.{}.mixer.*", Role::kRecurrent},
    {"mtp.*", Role::kDraftHead},
    {"vision_model.*", Role::kVision},
    {"mlp1.*", Role::kVision},
    {"sound_encoder.*", Role::kAudio},
    {"sound_projection.*", Role::kAudio},
};

}  // namespace

constinit const Family kNemotronH = {
    .id = "nemotron_h",
    .architectures = kArchitectures,
    .model_types = kModelTypes,
    .experts = &kExperts,
    .rules = kRules,
    .tensors = kTensors,
};

}  // namespace ingot::family
