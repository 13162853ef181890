// The forms of the product's kernels, as a table with one row an instruction set. What they give is
// not bit by bit the same from form to form: each adds in an order of its own, in fp32. Within one
// form a result depends on the numbers and on whether the rows are few or many, and on nothing
// else.
//
// Kernels are pure: they touch what their arguments point to, and any thread may call them.
#ifndef INGOT_KERNELS_FORM_H_
#define INGOT_KERNELS_FORM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/cpu.h"
#include "kernels/attend.h"
#include "kernels/matrix.h"
#include "kernels/recur.h"
#include "kernels/rows.h"

namespace ingot::kernels {

// The order that a row of activations is brought into, so that it meets the codes as they fall out
// of their bytes. Rows are padded with zeros to whole blocks of kBlock.
enum class Order : uint8_t {
  kNatural,
  kSplit32,  // of each 32 the even ones, then the odd ones
  kSplit64,  // of each 64 the even ones, then the odd ones
  kBytes64,  // of each 64 eights 0 2 4 6, then eights 1 3 5 7
  kPlanes,   // whole numbers of 16 bits in two planes of bytes: simd/vnni_few.h
};
inline constexpr size_t kBlock = 64;
// What rows' memory is rounded up to.
inline constexpr size_t kWidest = 128;
// Sums and the like are padded to whole vectors of this many floats.
inline constexpr size_t kVector = 16;

constexpr size_t RoundUp(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

// Room for the sums of all groups, where zero points want them.
inline size_t SumsOf(const Matrix& matrix) {
  return matrix.biases == nullptr ? 0 : RoundUp(matrix.groups(), kVector);
}

// Where element i of a block of 64 goes.
constexpr size_t PlaceOf(Order order, size_t i) {
  switch (order) {
    case Order::kNatural:
    case Order::kPlanes:
      return i;
    case Order::kSplit32:
      return i / 32 * 32 + i % 2 * 16 + i % 32 / 2;
    case Order::kSplit64:
      return i % 2 * 32 + i / 2;
    case Order::kBytes64:
      return i / 8 % 2 * 32 + i / 16 * 8 + i % 8;
  }
  return i;
}

// One row of activations into a form's type and order.
struct ArrangeRun {
  const Matrix* matrix;  // for its layout and groups
  Order order;
  FloatType type;
  const std::byte* x;
  std::byte* out;
  float* sums;  // of each group, padded with zeros, and what else the form keeps; may be null
};

// out[r][n - first] = the sum over k of x[r][k] * weight[n][k], for count outputs from first on.
struct ProductRun {
  const Matrix* matrix;
  size_t first;
  size_t count;
  size_t rows;
  const std::byte* x;  // arranged rows
  size_t x_stride;     // bytes
  const float* sums;
  size_t sums_stride;  // floats
  float* out;
  size_t out_stride;  // floats
};

struct Form {
  std::string_view name;
  core::Isa isa;
  bool bf16;  // whether it takes activations of bf16, and keeps them so, instead of fp32
  bool (*serves)(const Matrix& matrix);
  size_t (*sums)(const Matrix& matrix);  // floats beside an arranged row
  Order (*few_order)(const Matrix& matrix);
  Order (*many_order)(const Matrix& matrix);
  void (*arrange)(const ArrangeRun& run);
  void (*few)(const ProductRun& run);   // 1 row or some
  void (*many)(const ProductRun& run);  // weights expanded once, for all rows
  size_t many_from;                     // from how many rows on expanding them pays
  void (*attend)(const AttendRun& run);
  // Empty in forms for bf16: what a form for fp32 has serves all types.
  RowForm rows;
  RecurForm recur;
};

// Every form that this machine runs, plainest first.
std::span<const Form* const> SupportedForms();
// The best one for this matrix and activations of `type` that needs no more than `isa`.
const Form& FormFor(core::Isa isa, const Matrix& matrix, FloatType type);

extern const Form kPortableForm;
extern const Form kNeonForm;
extern const Form kAvx2Form;
extern const Form kAvx512Form;
extern const Form kAvx512Bf16Form;

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_FORM_H_
