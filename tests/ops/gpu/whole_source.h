// A kernel as MLX hands it to a compiler: its text with what MLX 0.32.4 writes around it. For
// compiling every kernel where no GPU is, and for running it on the CPU.
#ifndef INGOT_TESTS_OPS_GPU_WHOLE_SOURCE_H_
#define INGOT_TESTS_OPS_GPU_WHOLE_SOURCE_H_

#include <string>
#include <vector>

#include "ops/gpu/kernel.h"

namespace ingot::testing {

using ops::gpu::Constants;
using ops::gpu::KernelCall;

// What MLX knows the compiled kernel by: the name with the constants' values.
std::string FullName(const KernelCall& call);

// The parameters that follow an input's pointer, as its text asks for them.
struct Extras {
  bool shape = false;
  bool strides = false;
};
Extras ExtrasOf(const KernelCall& call, size_t input);

const char* CudaType(ops::mx::Dtype type);

// What MLX puts first, with our helpers; and the function in its namespace.
std::string CudaHeader();
std::string CudaFunction(const KernelCall& call);
// As Metal's compiler gets it, less the attributes of parameters, for tests/ops/gpu/metal_words.h;
// helpers come before.
std::string MetalFunction(const KernelCall& call);
// As far as it is ours: helpers, and the function with its template parameters.
std::string MetalSource(const KernelCall& call);

}  // namespace ingot::testing

#endif  // INGOT_TESTS_OPS_GPU_WHOLE_SOURCE_H_
