// A kernel of ours as an MLX operation on the GPU: its text, the constants that it is compiled for,
// and how it is launched.
//
// One thread builds graphs; MLX compiles a kernel when it is first evaluated.
#ifndef INGOT_OPS_GPU_KERNEL_H_
#define INGOT_OPS_GPU_KERNEL_H_

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ops/array.h"
#include "ops/gpu/language.h"

namespace ingot::ops::gpu {

// The text sees each input and output as a pointer of its name, an input's dimensions as
// <name>_shape[i] and, where `strided`, its distances in elements as <name>_strides[i]; inputs are
// otherwise in one piece. Constants appear by name.
struct KernelText {
  const char* name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  const char* body;
  bool strided = false;
};

using Constants = std::vector<std::pair<std::string, mx::fast::TemplateArg>>;

struct KernelCall {
  const KernelText* text;  // lives as long as the program
  Constants constants;
  std::vector<Array> inputs;  // none of them a scalar without dimensions
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> types;
  std::array<int, 3> groups;   // how many groups of threads,
  std::array<int, 2> threads;  // and how many threads in each, along x and y
};

// What makes operations of calls: MLX in the program, an emulator in tests.
using Launch = std::function<std::vector<Array>(const KernelCall&)>;

// Through MLX, in the language of this program's back end.
std::vector<Array> LaunchOnDevice(const KernelCall& call);

// The name by which MLX knows the compiled kernel, less its constants. It tells types and text
// apart: MLX keeps compiled kernels by name, some of them on disk.
std::string KernelName(const KernelCall& call, Language language);

// The element types as a suffix, such as f32 and bf16.
const char* TypeSuffix(mx::Dtype type);

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_KERNEL_H_
