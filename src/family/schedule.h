// Which layers of a model keep more bits: errors made near the input and the output, and at a
// steady cadence between, cost the most. Pure functions.
#ifndef INGOT_FAMILY_SCHEDULE_H_
#define INGOT_FAMILY_SCHEDULE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace ingot::family {

// The number of the first ".layers.<number>." in a tensor's name (with the leading dot), or
// nullopt.
std::optional<uint32_t> LayerIndex(std::string_view name);

// Layer i of n (0-based; integer division): the first eighth, the last eighth, and every third
// layer in between as long as i < cadence_end. False for n = 0.
bool IsSensitiveLayer(uint32_t i, uint32_t n, int64_t cadence_end);
inline bool IsSensitiveLayer(uint32_t i, uint32_t n) {
  return IsSensitiveLayer(i, n, int64_t{7} * n / 8);
}

}  // namespace ingot::family

#endif  // INGOT_FAMILY_SCHEDULE_H_
