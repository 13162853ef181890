// Arrays over bytes that lie in a mapped file. On the CPU and on Metal no byte is copied where the
// data is aligned to its type; where it is not, and on CUDA, the array has a copy of its own, in
// the device's memory.
#ifndef INGOT_OPS_BIND_H_
#define INGOT_OPS_BIND_H_

#include <memory>

#include "core/status.h"
#include "ops/array.h"
#include "ops/gpu/upload.h"
#include "tensor/file.h"

namespace ingot::ops {

// owner keeps view.bytes readable; the array holds it for as long as it needs them. forget is
// called with parts of them as they are copied to a GPU.
core::Result<Array> Bind(const tensor::TensorView& view, std::shared_ptr<const void> owner,
                         const gpu::Forget& forget = {});

// Whether Bind can share memory in this process: MLX is probed once, since how it lays out a
// buffer is not part of its contract.
bool CanShareMemory();

}  // namespace ingot::ops

#endif  // INGOT_OPS_BIND_H_
