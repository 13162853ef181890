// ops/router.h as one operation on the CPU: a row's scores never leave the cache. Of experts that
// are wanted equally the first are taken.
//
// One thread builds graphs.
#ifndef INGOT_OPS_CPU_ROUTER_H_
#define INGOT_OPS_CPU_ROUTER_H_

#include "ops/router.h"

namespace ingot::ops::cpu {

bool ServesRouter(const Array& logits, const RouterSpec& spec);
Routing Route(const Array& logits, const RouterSpec& spec);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_ROUTER_H_
