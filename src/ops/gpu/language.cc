#include "ops/gpu/language.h"

#include <algorithm>
#include <array>

namespace ingot::ops::gpu {
namespace {

struct Spelling {
  std::string_view word;
  std::string_view cuda;
  std::string_view metal;
};

constexpr std::array kSpellings = {
    Spelling{"thread_x", "int(threadIdx.x)", "int(thread_position_in_threadgroup.x)"},
    Spelling{"thread_y", "int(threadIdx.y)", "int(thread_position_in_threadgroup.y)"},
    Spelling{"group_x", "int(blockIdx.x)", "int(threadgroup_position_in_grid.x)"},
    Spelling{"group_y", "int(blockIdx.y)", "int(threadgroup_position_in_grid.y)"},
    Spelling{"group_z", "int(blockIdx.z)", "int(threadgroup_position_in_grid.z)"},
    Spelling{"shared", "__shared__", "threadgroup"},
    Spelling{"barrier", "__syncthreads()", "threadgroup_barrier(mem_flags::mem_threadgroup)"},
    Spelling{"swap(", "__shfl_xor_sync(0xffffffffu, ", "simd_shuffle_xor("},
    Spelling{"from(", "__shfl_sync(0xffffffffu, ", "simd_shuffle("},
    Spelling{"bits(", "__float_as_uint(", "as_type<unsigned int>("},
    Spelling{"function", "__device__ inline", "inline"},
    Spelling{"exp", "expf", "precise::exp"},
    Spelling{"log1p", "log1pf", "ingot_log1p"},
    Spelling{"log", "logf", "precise::log"},
    Spelling{"sqrt", "sqrtf", "precise::sqrt"},
    Spelling{"tanh", "tanhf", "precise::tanh"},
    Spelling{"infinity", "(1.0f / 0.0f)", "INFINITY"},
    // What only one of the languages lacks.
    Spelling{"missing", "", R"(
inline float ingot_log1p(float x) {
  float u = 1.0f + x;
  return u == 1.0f ? x : precise::log(u) * (x / (u - 1.0f));
}
)"},
};

constexpr std::string_view kHelpers = R"($missing
$function float ingot_sum(float x) {
  for (int mask = 16; mask > 0; mask >>= 1) x += $swap(x, mask);
  return x;
}
$function float ingot_largest(float x) {
  for (int mask = 16; mask > 0; mask >>= 1) {
    float other = $swap(x, mask);
    x = other > x ? other : x;
  }
  return x;
}
// Whole numbers in the order of the floats; 0 for what is not a number.
$function unsigned int ingot_key(float x) {
  unsigned int word = $bits(x);
  if (x != x) return 0u;
  return (word >> 31) != 0u ? ~word : word | 0x80000000u;
}
$function float ingot_sigmoid(float x) { return 1.0f / (1.0f + $exp(-x)); }
$function float ingot_softplus(float x) {
  return (x > 0.0f ? x : 0.0f) + $log1p($exp(x > 0.0f ? -x : x));
}
)";

bool IsWordChar(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

std::string Spell(Language language, std::string_view text) {
  std::string out;
  out.reserve(text.size() * 2);
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '$') {
      out += text[at++];
      continue;
    }
    size_t end = at + 1;
    while (end < text.size() && IsWordChar(text[end])) ++end;
    // A word of the table may include the parenthesis that opens its arguments.
    const auto matches = [&](const Spelling& spelling) {
      const std::string_view word = text.substr(at + 1, end - at - 1);
      return spelling.word == word || (spelling.word.ends_with('(') && end < text.size() &&
                                       spelling.word == text.substr(at + 1, end - at));
    };
    const auto* found = std::find_if(kSpellings.begin(), kSpellings.end(), matches);
    if (found == kSpellings.end()) {
      out += text.substr(at, end - at);
      at = end;
      continue;
    }
    out += language == Language::kCuda ? found->cuda : found->metal;
    at += 1 + found->word.size();
  }
  return out;
}

std::string Helpers(Language language) { return Spell(language, kHelpers); }

}  // namespace ingot::ops::gpu
