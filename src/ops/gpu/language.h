// The two languages that GPUs are programmed in here, and how one kernel text is spelled in each.
// A text is written once, in the part of C++ that both share; what differs is a word that begins
// with $ and is looked up in a table. So a formula cannot be right on one device and wrong on the
// other.
//
// Pure functions.
#ifndef INGOT_OPS_GPU_LANGUAGE_H_
#define INGOT_OPS_GPU_LANGUAGE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace ingot::ops::gpu {

enum class Language : uint8_t { kCuda, kMetal };

// The text with every $word spelled out. A word that the table does not have stays as it is, which
// no compiler takes.
//   $thread_x $thread_y       place of a thread in its group; 32 along x are one warp (SIMD group)
//   $group_x $group_y $group_z  place of the group
//   $shared                   before a variable that the group has in common
//   $barrier                  all threads of the group wait for each other
//   $swap(value, mask)        the value that the thread at lane ^ mask of the warp has
//   $from(value, lane)        the value of that lane
//   $bits(value)              of a float, as a whole number
//   $function                 before a helper
//   $exp $log $log1p $sqrt $tanh  of floats, at full accuracy
//   $infinity                 as a float
std::string Spell(Language language, std::string_view text);

// Functions that every kernel may call: sums and largest values of a warp, functions of floats.
std::string Helpers(Language language);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_LANGUAGE_H_
