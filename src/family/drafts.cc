// Small models that only ever guess for a large one. Gemma's assistants stand with Gemma.
#include "family/families.h"

namespace ingot::family {
namespace {

constexpr std::string_view kArchitectures[] = {"DFlashDraftModel", "DFlashLagunaForCausalLM",
                                               "MuseGlimmerAssistantModel"};
}  // namespace

constinit const Family kDrafts = {
    .id = "draft",
    .architectures = kArchitectures,
    .draft_only = true,
};

}  // namespace ingot::family
