// The product for few rows of bf16 activations with codes that are whole numbers, by dot products
// of bytes of AVX-512 VNNI: simd/vnni_few.h says how and how exactly. Apart from the form that uses
// it, as it takes longest of all sources to compile.
#ifndef INGOT_KERNELS_BYTE_PRODUCTS_H_
#define INGOT_KERNELS_BYTE_PRODUCTS_H_

#include "kernels/form.h"

namespace ingot::kernels::vnni {

// Affine codes and 4-bit floats.
inline bool Serves(const Matrix& matrix) {
  return matrix.layout == Layout::kE2M1 || matrix.layout == Layout::kAffine;
}
// Floats beside an arranged row: each group's sum and step.
inline size_t Sums(const Matrix& matrix) { return 2 * RoundUp(matrix.groups(), kVector); }

// As Form's; rows are in Order::kPlanes.
void Arrange(const ArrangeRun& run);
void Few(const ProductRun& run);

}  // namespace ingot::kernels::vnni

#endif  // INGOT_KERNELS_BYTE_PRODUCTS_H_
