// The rules that apply to every model.
#include "family/rules.h"

namespace ingot::family {
namespace {

constexpr NameTest kAudio[] = {Contains("audio_tower"), Contains("embed_audio")};
constexpr NameTest kEmbedding[] = {Contains("embed")};
constexpr NameTest kNorm[] = {Contains("norm"), Contains("ln_"), Contains("layernorm")};
constexpr NameTest kBias[] = {Ends(".bias"), Ends("_bias")};
constexpr NameTest kWeight[] = {Ends(".weight")};
constexpr NameTest kRouter[] = {Ends(".mlp.gate.weight"), Ends(".mixer.gate.weight"),
                                Ends(".shared_expert_gate.weight"), Ends(".router.proj.weight")};
constexpr NameTest kHead[] = {Ends("lm_head.weight")};
constexpr NameTest kTokenHead[] = {Ends("embed_tokens.weight"), Ends("lm_head.weight")};

constexpr Rule kGenericRules[] = {
    {.id = "audio", .names = {.any = kAudio}, .stacking = Stacking::kNotStacked},
    {.id = "embedding", .names = {.any = kEmbedding}, .stacking = Stacking::kNotStacked},
    {.id = "norm", .names = {.any = kNorm}, .stacking = Stacking::kNotStacked},
    {.id = "bias", .names = {.any = kBias}},
    {.id = "not a weight", .names = {.none = kWeight}, .stacking = Stacking::kNotStacked},
    {.id = "not a matrix", .shape = ShapeTest::kNotMatrix},
    {.id = "tiny", .shape = ShapeTest::kTiny},
    {.id = "router", .names = {.any = kRouter}},
    {.id = "output head", .names = {.any = kHead}, .outcome = Outcome::kEightBit},
    {.id = "vision", .names = {.any = kVision}},
    {.id = "rows do not fit groups", .shape = ShapeTest::kMisaligned},
    {.id = "value, key or down",
     .requested = kInt4Only,
     .names = {.any = kValueKeyDown},
     .outcome = Outcome::kPromote},
    {.id = "value, key or down",
     .requested = kFp4,
     .names = {.any = kValueKeyDown},
     .stacking = Stacking::kNotStacked,
     .outcome = Outcome::kPromote},
    {.id = "as requested", .outcome = Outcome::kBase},
};

constexpr Rule kDraftRules[] = {
    {.id = "draft: head",
     .names = {.any = kTokenHead, .none = kPerLayer},
     .outcome = Outcome::kBase},
};

}  // namespace

std::span<const Rule> GenericRules() { return kGenericRules; }
std::span<const Rule> DraftRules() { return kDraftRules; }

}  // namespace ingot::family
