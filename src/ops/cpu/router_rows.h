// Which experts rows of logits choose, for the operations that a choice is part of. Of experts that
// are wanted equally the first are taken; NaN comes last.
//
// Pure: any thread.
#ifndef INGOT_OPS_CPU_ROUTER_ROWS_H_
#define INGOT_OPS_CPU_ROUTER_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/router.h"
#include "quant/float_types.h"

namespace ingot::ops::cpu {

// A RouterSpec without its correction.
struct RouterRules {
  explicit RouterRules(const RouterSpec& spec)
      : score(spec.score),
        chosen(static_cast<size_t>(spec.chosen)),
        normalise(spec.normalise),
        floor(spec.floor),
        scale(spec.scale),
        softcap(spec.softcap),
        groups(static_cast<size_t>(spec.groups)),
        kept_groups(static_cast<size_t>(spec.kept_groups)) {}

  RouterScore score;
  size_t chosen;
  bool normalise;
  float floor;
  float scale;
  float softcap;
  size_t groups;
  size_t kept_groups;
};

// Whether the rules can be followed among so many experts.
bool AreSound(const RouterSpec& spec, int experts);

struct RouterRun {
  RouterRules rules;
  size_t all;                 // experts
  quant::FloatType type;      // of logits
  const float* correction;    // [all], or null
  const float* expert_scale;  // [all], or null
  uint32_t* experts;          // [rows, chosen]
  float* weights;             // [rows, chosen]

  // On the shared pool.
  void operator()(const std::vector<const std::byte*>& logits) const;
};

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_ROUTER_ROWS_H_
