#include <algorithm>

#include "family/families.h"

namespace ingot::family {
namespace {

constexpr const Family* kAll[] = {
    &kLlama,     &kQwen3,      &kQwen3Moe, &kQwen35, &kGemma3, &kGemma4,    &kGlm4MoeLite, &kLaguna,
    &kNemotronH, &kCohere2Moe, &kGlimmer,  &kGptOss, &kBert,   &kNomicBert, &kDrafts,
};

constexpr std::string_view kFloat32Endings[] = {"A_log", ".dt_bias", "e_score_correction_bias"};

bool Holds(std::span<const std::string_view> list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

std::span<const Family* const> AllFamilies() { return kAll; }

const Family* FindFamily(std::string_view architecture) {
  for (const Family* family : kAll) {
    if (Holds(family->architectures, architecture)) return family;
  }
  for (const Family* family : kAll) {
    if (Holds(family->model_types, architecture)) return family;
  }
  return nullptr;
}

bool MustStayFloat32(std::string_view name) {
  return std::any_of(std::begin(kFloat32Endings), std::end(kFloat32Endings),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace ingot::family
