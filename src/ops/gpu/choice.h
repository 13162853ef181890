// Whether operations go to a GPU, and which kind: what the front functions of ops ask before they
// choose a form.
//
// Any thread.
#ifndef INGOT_OPS_GPU_CHOICE_H_
#define INGOT_OPS_GPU_CHOICE_H_

#include <cstdint>

namespace ingot::ops::gpu {

enum class BackEnd : uint8_t { kCpu, kCuda, kMetal };

// Of the device that arrays go to unless told otherwise.
BackEnd BackEndInUse();
// Whether there is such a GPU: MLX's CUDA build chooses one whether or not it finds any, and fails
// at the first array.
bool HasDevice();
// Whether our GPU kernels are in use: on a GPU, unless INGOT_KERNELS asks for plain forms.
bool KernelsInUse();

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_CHOICE_H_
