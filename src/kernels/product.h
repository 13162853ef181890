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
#include "kernels/tiles.h"

namespace ingot::kernels {

// A matrix, and what its results are multiplied with and added to.
struct Factors {
  Matrix matrix;
  const float* factor = nullptr;    // or null
  const std::byte* bias = nullptr;  // of outputs numbers, or null
};

// Consecutive rows that meet the same matrix: all of them in a plain product, those that chose the
// same expert in a mixture.
struct Segment {
  Matrix matrix;  // all segments of a product have the same shape and format
  const float* factor = nullptr;
  const std::byte* bias = nullptr;
  size_t first_row = 0;
  size_t rows = 0;
  Factors gate = {};  // of the same shape and format as matrix; without outputs where there is none
};

// Makes of some outputs' results and those of their gates, which are fp32, what is stored: in `up`.
// `gate` is empty where there is none.
using Gating = core::FunctionRef<void(std::span<const float> gate, std::span<float> up)>;

struct Product {
  std::span<const Segment> segments;
  FloatType type;         // of activations
  FloatType result_type;  // that results are rounded to, once
  FloatType bias_type;
  std::span<const std::byte* const> x;  // where each row begins
  std::span<std::byte* const> y;        // and where its results go
  const Gating* gating = nullptr;       // or null: results are stored as they are
  // Rows of result_type that results are added to before they are rounded, or none. A row of y may
  // be the same memory.
  std::span<const std::byte* const> addends = {};
};

// Of one product. A segment of many rows has its weights expanded once for all of them; one of few
// reads them as they lie. The two add in different orders, so fp32 has the second alone: there,
// what a row gives does not depend on how many come with it.
struct ProductPlan {
  const Form* form;
  Order few_order;  // that rows are arranged in
  Order many_order;
  size_t x_bytes;         // of an arranged row
  size_t sums;            // floats beside it; 0 without zero points
  size_t few_outputs;     // of a block
  size_t many_from;       // rows of a segment
  const TileForm* tiles;  // for many rows, instead of `form`; or null

  bool IsMany(const Segment& segment) const;
  bool UsesTiles(const Segment& segment) const { return tiles != nullptr && IsMany(segment); }
};

ProductPlan PlanProduct(const Matrix& matrix, FloatType type, core::Isa isa);
// For a form given by name, in tests and benchmarks; few and many as rows have it.
ProductPlan PlanWithForm(const Form& form, const Matrix& matrix);
// The same, where many rows are multiplied by tiles.
ProductPlan PlanWithTiles(const TileForm& tiles, const Form& form, const Matrix& matrix);

// A segment without rows costs nothing and is not read.
void Compute(const ProductPlan& plan, const Product& product, core::ThreadPool& pool);

// Several products at once that do not wait for each other: one loop for the threads instead of one
// each.
struct PlannedProduct {
  ProductPlan plan;
  Product product;
};
void ComputeAll(std::span<const PlannedProduct> products, core::ThreadPool& pool);

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_PRODUCT_H_
