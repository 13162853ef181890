// The words of CUDA that kernels use, for tests/ops/gpu/emulator.h. Included by the generated file
// alone.
#ifndef INGOT_TESTS_OPS_GPU_CUDA_WORDS_H_
#define INGOT_TESTS_OPS_GPU_CUDA_WORDS_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <mlx/mlx.h>

#include "tests/ops/gpu/emulator.h"

#define __global__ static
#define __device__
#define __shared__ static
#define __grid_constant__
#define threadIdx (::ingot::testing::ThreadPlace())
#define blockIdx (::ingot::testing::GroupPlace())

using __nv_bfloat16 = mlx::core::bfloat16_t;
using __half = mlx::core::float16_t;

namespace mlx::core::cu {
using Shape = std::array<int32_t, 10>;
using Strides = std::array<int64_t, 10>;
}  // namespace mlx::core::cu

inline void __syncthreads() { ingot::testing::WaitForGroup(); }
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return ingot::testing::ExchangeValue(value, ingot::testing::OwnLane() ^ mask);
}
template <typename T>
T __shfl_sync(unsigned, T value, int lane) {
  return ingot::testing::ExchangeValue(value, lane & 31);
}
inline unsigned __float_as_uint(float value) {
  unsigned word = 0;
  std::memcpy(&word, &value, sizeof(word));
  return word;
}

#endif  // INGOT_TESTS_OPS_GPU_CUDA_WORDS_H_
