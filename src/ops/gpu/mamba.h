// The recurrence of Mamba-2 layers on a GPU; ops/mamba.h asks here first.
//
// One thread builds graphs.
#ifndef INGOT_OPS_GPU_MAMBA_H_
#define INGOT_OPS_GPU_MAMBA_H_

#include "ops/array.h"
#include "ops/gpu/kernel.h"
#include "ops/mamba.h"

namespace ingot::ops::gpu {

ScanResult SelectiveScan(const Launch& launch, const ScanInputs& in, const Array& state);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_MAMBA_H_
