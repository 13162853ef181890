// The kernel texts of ops/gpu/delta.cc; each has its plain form in ops/delta.cc.
#ifndef INGOT_OPS_GPU_DELTA_TEXTS_H_
#define INGOT_OPS_GPU_DELTA_TEXTS_H_

#include "ops/gpu/kernel.h"

namespace ingot::ops::gpu {

// Constants: Hk, Hv, Dk, Dv, Rows (warps in a group), Every (0: no states between), and the types
// T of y and StateT of the state. A warp has one row of a head's state, each lane every 32nd of its
// Dk elements.
extern const KernelText kDeltaRecurrent;
// The same without Every, with Chunk = 16.
extern const KernelText kDeltaChunked;

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_DELTA_TEXTS_H_
