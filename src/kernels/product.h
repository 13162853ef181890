// Rows of activations times matrices of weights, on the shared pool of threads: the plan, and what
// carries it out.
//
// The planner looks at shapes and types alone and leaves nothing to decide; the executor arranges
// the rows, then computes blocks of outputs in whatever order threads take them. How outputs are
// cut into blocks does not depend on the number of threads, and each is computed by one thread, so
// results do not either.
//
// Any thread; several may run products at once.
#ifndef INGOT_KERNELS_PRODUCT_H_
#define INGOT_KERNELS_PRODUCT_H_

#include <cstddef>
#include <span>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/form.h"
#include "kernels/matrix.h"

namespace ingot::kernels {

// Consecutive rows that meet the same matrix: all of them in a plain product, those that chose the
// same expert in a mixture.
struct Segment {
  Matrix matrix;                    // all segments of a product have the same shape and format
  const float* factor = nullptr;    // what each result is multiplied with, or null
  const std::byte* bias = nullptr;  // of outputs numbers, or null
  size_t first_row = 0;
  size_t rows = 0;
};

struct Product {
  std::span<const Segment> segments;
  FloatType type;         // of activations
  FloatType result_type;  // that results are rounded to, once
  FloatType bias_type;
  std::span<const std::byte* const> x;  // where each row begins
  std::span<std::byte* const> y;        // and where its results go
};

// Of one product. A segment of many rows has its weights expanded once for all of them; one of few
// reads them as they lie. The two add in different orders, so fp32 has the second alone: there,
// what a row gives does not depend on how many come with it.
struct ProductPlan {
  const Form* form;
  Order few_order;  // that rows are arranged in
  Order many_order;
  size_t x_bytes;      // of an arranged row
  size_t sums;         // floats beside it; 0 without zero points
  size_t few_outputs;  // of a block
  bool always_few;

  bool IsMany(const Segment& segment) const;
};

ProductPlan PlanProduct(const Matrix& matrix, FloatType type, core::Isa isa);
// For a form given by name, in tests and benchmarks; few and many as rows have it.
ProductPlan PlanWithForm(const Form& form, const Matrix& matrix);

// A segment without rows costs nothing and is not read.
void Compute(const ProductPlan& plan, const Product& product, core::ThreadPool& pool);

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_PRODUCT_H_
