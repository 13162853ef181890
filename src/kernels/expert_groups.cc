#include "kernels/expert_groups.h"

namespace ingot::kernels {

ExpertGroups::ExpertGroups(std::span<const uint32_t> chosen, size_t experts)
    : pair_at(chosen.size()), place_of(chosen.size()) {
  std::vector<size_t> next(experts + 1, 0);
  for (const uint32_t expert : chosen) ++next[expert + 1];
  for (size_t expert = 0; expert < experts; ++expert) {
    if (next[expert + 1] > 0) groups.push_back({expert, next[expert], next[expert + 1]});
    next[expert + 1] += next[expert];
  }
  for (size_t pair = 0; pair < chosen.size(); ++pair) {
    const size_t place = next[chosen[pair]]++;
    pair_at[place] = pair;
    place_of[pair] = place;
  }
}

}  // namespace ingot::kernels
