// Who takes which row in a mixture of experts, as one operation on a GPU; ops/router.h asks here
// first.
//
// One thread builds graphs.
#ifndef INGOT_OPS_GPU_ROUTER_H_
#define INGOT_OPS_GPU_ROUTER_H_

#include "ops/array.h"
#include "ops/gpu/kernel.h"
#include "ops/router.h"

namespace ingot::ops::gpu {

// Up to so many experts, in so many groups, and as many chosen: what a warp holds.
constexpr int kMostExperts = 1024;
constexpr int kMostGroups = 32;
constexpr int kMostChosen = 32;
bool FitsRouter(const Array& logits, const RouterSpec& spec);

// As ops::Route, the chosen in falling order. Of equals the one of the lower number is chosen, and
// NaN last.
Routing Route(const Launch& launch, const Array& logits, const RouterSpec& spec);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_ROUTER_H_
