#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 takes the deliberately undefined registers of its own intrinsics for mistakes.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/byte_products.h"
#include "kernels/form.h"
#include "quant/float_types.h"
#include "quant/fp8.h"
#include "quant/simd/layout.h"

// What follows is compiled for these instructions; what came before is not, so that no function
// shared with other files can end up using them.
#if defined(__clang__)
#pragma clang attribute push(                                                                           \
        __attribute__((target(                                                                          \
                "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx512vnni"))), \
            apply_to = function)
#else
#pragma GCC target( \
        "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx512vnni")
#endif

#include "kernels/simd/bf16_few.h"
#include "kernels/simd/bf16_many.h"

namespace ingot::kernels {
namespace {

using bf16::WidenBF16;

// Codes that are whole numbers are multiplied as bytes, others as bf16 numbers.
size_t Sums(const Matrix& matrix) {
  return vnni::Serves(matrix) ? vnni::Sums(matrix) : SumsOf(matrix);
}
Order FewOrder(const Matrix& matrix) {
  return vnni::Serves(matrix) ? Order::kPlanes : bf16::OrderOf(matrix);
}
void Few(const ProductRun& run) { vnni::Serves(*run.matrix) ? vnni::Few(run) : bf16::Few(run); }

void Arrange(const ArrangeRun& run) {
  if (run.order == Order::kPlanes) return vnni::Arrange(run);
  const size_t inputs = run.matrix->inputs;
  auto* out = reinterpret_cast<uint16_t*>(run.out);
  for (size_t at = 0; at < inputs; at += kBlock, out += kBlock) {
    uint16_t block[kBlock] = {};
    std::memcpy(block, run.x + 2 * at, 2 * std::min(kBlock, inputs - at));
    bf16::PlaceIn(run.order, block, out);
  }
  if (run.matrix->biases == nullptr) return;
  const size_t groups = run.matrix->groups();
  const size_t size = run.matrix->format.group_size;
  for (size_t g = 0; g < groups; ++g) {
    __m512 sum = _mm512_setzero_ps();
    for (size_t i = 0; i < size; i += kVector) {
      sum = _mm512_add_ps(sum, WidenBF16(run.x + 2 * (g * size + i)));
    }
    run.sums[g] = _mm512_reduce_add_ps(sum);
  }
  std::fill(run.sums + groups, run.sums + RoundUp(groups, kVector), 0.0F);
}

bool IsServed(const Matrix& matrix) { return !matrix.dense() || matrix.type == FloatType::kBF16; }
Order NaturalOrder(const Matrix&) { return Order::kNatural; }

// Keys and values are widened as they are read: there is nothing to gain from pairs.
void AttendAsAvx512(const AttendRun& run) { kAvx512Form.attend(run); }

}  // namespace

const Form kAvx512Bf16Form = {.name = "avx512_bf16",
                              .isa = core::Isa::kAvx512,
                              .bf16 = true,
                              .serves = IsServed,
                              .sums = Sums,
                              .few_order = FewOrder,
                              .many_order = NaturalOrder,
                              .arrange = Arrange,
                              .few = Few,
                              .many = bf16::Many,
                              .many_from = 48,
                              .attend = AttendAsAvx512,
                              .rows = {},
                              .recur = {}};

}  // namespace ingot::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
