// Runs CUDA kernels on the CPU, thread by thread, for tests: the text that a GPU would get is
// compiled as C++ with the words of CUDA defined here. The threads of a group are contexts that
// take turns; one that comes to a barrier or to an exchange within its warp waits for the others,
// and when nobody can go on the process ends with a message.
//
// One OS thread at a time.
#ifndef INGOT_TESTS_OPS_GPU_EMULATOR_H_
#define INGOT_TESTS_OPS_GPU_EMULATOR_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "ops/gpu/kernel.h"

namespace ingot::testing {

struct Place {
  int x = 0;
  int y = 0;
  int z = 0;
};
const Place& ThreadPlace();  // of the thread that runs
const Place& GroupPlace();
void WaitForGroup();
// Gives a word to the warp and takes the one of another lane.
uint32_t Exchange(uint32_t word, int lane);
int OwnLane();

template <typename T>
T ExchangeValue(T value, int lane) {
  static_assert(sizeof(T) == sizeof(uint32_t));
  uint32_t word = 0;
  std::memcpy(&word, &value, sizeof(word));
  word = Exchange(word, lane);
  std::memcpy(&value, &word, sizeof(word));
  return value;
}

struct EmulatedInput {
  const void* data = nullptr;
  std::array<int32_t, 10> shape = {};
  std::array<int64_t, 10> strides = {};
};
struct EmulatedCall {
  std::vector<EmulatedInput> inputs;
  std::vector<void*> outputs;
};
using EmulatedKernel = void (*)(const EmulatedCall&);

// By FullName; the file that tests/ops/gpu/make_kernels.cc writes has them all.
struct NamedKernel {
  const char* name;
  EmulatedKernel kernel;
};
extern const std::vector<NamedKernel> kEmulatedKernels;

// As ops::gpu::LaunchOnDevice.
std::vector<ops::Array> LaunchEmulated(const ops::gpu::KernelCall& call);

}  // namespace ingot::testing

#endif  // INGOT_TESTS_OPS_GPU_EMULATOR_H_
