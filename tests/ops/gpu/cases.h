// Every kernel in the shapes and types that it is tested with, beside the plain form that it has to
// agree with. The same list says which instances are built for the emulator, compiled by NVRTC, and
// stored as Metal text.
#ifndef INGOT_TESTS_OPS_GPU_CASES_H_
#define INGOT_TESTS_OPS_GPU_CASES_H_

#include <functional>
#include <string>
#include <vector>

#include "ops/gpu/kernel.h"

namespace ingot::testing {

struct KernelCase {
  std::string kernel;  // which test it belongs to
  std::string name;
  std::function<std::vector<ops::Array>(const ops::gpu::Launch&)> own;
  std::function<std::vector<ops::Array>()> plain;
  // Of the largest value of each result; none: equal to the last bit.
  double tolerance = 0;
};

std::vector<KernelCase> AllKernelCases();

}  // namespace ingot::testing

#endif  // INGOT_TESTS_OPS_GPU_CASES_H_
