// The (row, expert) pairs of a mixture in the order of their experts.
//
// A value of one thread.
#ifndef INGOT_KERNELS_EXPERT_GROUPS_H_
#define INGOT_KERNELS_EXPERT_GROUPS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ingot::kernels {

struct ExpertGroup {
  size_t expert;
  size_t first;  // of its places in the order
  size_t count;  // above 0
};

struct ExpertGroups {
  // chosen[row * each + i] are the experts of a row, all below `experts`.
  ExpertGroups(std::span<const uint32_t> chosen, size_t experts);

  std::vector<ExpertGroup> groups;  // of the experts that were chosen, ascending
  std::vector<size_t> pair_at;      // by place: which pair stands there
  std::vector<size_t> place_of;     // by pair
};

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_EXPERT_GROUPS_H_
