// Matrices of weights of every kind and rows of activations for tests of products, what a product
// should be, summed in double, and by how much it may be off: each of n additions and products
// rounds once, so a result is off by at most
//   n * 2^-24 * sum over k of |x| (|scale * code| + |bias|)
// and by half a step of its own type.
#ifndef INGOT_TESTS_KERNELS_PRODUCT_CASES_H_
#define INGOT_TESTS_KERNELS_PRODUCT_CASES_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/product.h"
#include "quant/fp8.h"

namespace ingot::kernels {

using quant::Mode;

// The same numbers at every run.
inline std::mt19937 Seeded(uint32_t seed) { return std::mt19937(seed); }

struct Kind {
  std::string name;
  Layout layout;
  FloatType type;
  quant::Format format;
};

inline std::vector<Kind> Kinds() {
  std::vector<Kind> kinds;
  constexpr FloatType kTypes[] = {FloatType::kF32, FloatType::kF16, FloatType::kBF16};
  for (const FloatType type : kTypes) {
    kinds.push_back({"dense " + std::string(NameOf(type)), Layout::kDense, type, {}});
  }
  for (const quant::ModeInfo& info : quant::Modes()) {
    for (const uint8_t bits : info.bits) {
      for (const uint16_t size : info.group_sizes) {
        const bool affine = info.mode == Mode::kAffine;
        const FloatType type = affine ? kTypes[(bits + size / 32) % 3] : FloatType::kF32;
        kinds.push_back({std::string(info.name) + " " + std::to_string(bits) + " g" +
                             std::to_string(size) + " " + std::string(NameOf(type)),
                         LayoutOf(info.mode),
                         type,
                         {info.mode, bits, size}});
      }
    }
  }
  return kinds;
}

// Weights with their bytes, each array one byte off any alignment.
class Weights {
 public:
  Weights(const Kind& kind, size_t outputs, size_t inputs, std::mt19937& random) {
    matrix_ = {.layout = kind.layout,
               .type = kind.type,
               .format = kind.format,
               .outputs = outputs,
               .inputs = inputs};
    values_.resize(1 + outputs * matrix_.row_bytes());
    matrix_.values = values_.data() + 1;
    std::normal_distribution<float> normal(0, 1);
    if (matrix_.dense()) {
      for (size_t i = 0; i < outputs * inputs; ++i) {
        quant::StoreFloat(kind.type, normal(random), values_.data() + 1, i);
      }
      return;
    }
    for (std::byte& byte : values_) {
      do {
        byte = static_cast<std::byte>(random());
      } while (kind.layout == Layout::kE4M3 && (static_cast<int>(byte) & 0x7f) == 0x7f);
    }
    const size_t groups = outputs * matrix_.groups();
    const bool affine = kind.layout == Layout::kAffine;
    const size_t size = affine ? quant::SizeOf(kind.type) : 1;
    scales_.resize(1 + groups * size);
    for (size_t g = 0; g < groups; ++g) {
      if (affine) {
        quant::StoreFloat(kind.type, 0.1F + 0.01F * normal(random), scales_.data() + 1, g);
      } else if (kind.format.mode == Mode::kNvfp4) {
        scales_[1 + g] = static_cast<std::byte>(random() % 0x7f);  // E4M3: 0 to 448
      } else {
        scales_[1 + g] = static_cast<std::byte>(120 + random() % 12);  // E8M0: 2^-7 to 2^4
      }
    }
    matrix_.scales = scales_.data() + 1;
    if (!affine) return;
    biases_.resize(1 + groups * size);
    for (size_t g = 0; g < groups; ++g) {
      quant::StoreFloat(kind.type, -0.5F + 0.1F * normal(random), biases_.data() + 1, g);
    }
    matrix_.biases = biases_.data() + 1;
  }

  const Matrix& matrix() const { return matrix_; }
  std::byte* values() { return values_.data() + 1; }
  std::byte* scales() { return scales_.data() + 1; }

  struct Parts {
    double product;  // scale * code
    double bias;
  };
  // Of all weights, row by row.
  std::vector<Parts> All() const {
    std::vector<Parts> parts;
    for (size_t n = 0; n < matrix_.outputs; ++n) {
      for (size_t k = 0; k < matrix_.inputs; ++k) parts.push_back(At(n, k));
    }
    return parts;
  }

 private:
  Parts At(size_t output, size_t input) const {
    const std::byte* row = matrix_.row(output);
    if (matrix_.dense()) return {quant::LoadFloat(matrix_.type, row, input), 0};
    const size_t bits = matrix_.format.bits;
    uint32_t code = 0;
    for (size_t i = 0; i < bits; ++i) {
      const size_t at = input * bits + i;
      code |= ((static_cast<uint32_t>(row[at / 8]) >> (at % 8)) & 1U) << i;
    }
    const size_t group = output * matrix_.groups() + input / matrix_.format.group_size;
    if (matrix_.layout == Layout::kAffine) {
      return {double{quant::LoadFloat(matrix_.type, matrix_.scales, group)} * code,
              quant::LoadFloat(matrix_.type, matrix_.biases, group)};
    }
    const auto scale = static_cast<uint8_t>(matrix_.scales[group]);
    const double value = matrix_.layout == Layout::kE4M3
                             ? quant::F32FromE4M3(static_cast<uint8_t>(code))
                             : quant::kE2M1Values[code];
    return {value * (matrix_.format.mode == Mode::kNvfp4 ? quant::F32FromE4M3(scale)
                                                         : quant::F32FromE8M0(scale)),
            0};
  }

  Matrix matrix_;
  std::vector<std::byte> values_;
  std::vector<std::byte> scales_;
  std::vector<std::byte> biases_;
};

// Rows of numbers of one type, off any alignment.
struct Rows {
  Rows(FloatType row_type, size_t rows, size_t row_columns)
      : type(row_type), columns(row_columns), bytes(1 + rows * columns * quant::SizeOf(type)) {
    for (size_t r = 0; r < rows; ++r) {
      begins.push_back(bytes.data() + 1 + r * columns * quant::SizeOf(type));
    }
  }
  float At(size_t row, size_t column) const { return quant::LoadFloat(type, begins[row], column); }
  void Set(size_t row, size_t column, float value) const {
    quant::StoreFloat(type, value, begins[row], column);
  }
  std::vector<const std::byte*> inputs() const { return {begins.begin(), begins.end()}; }

  FloatType type;
  size_t columns;
  std::vector<std::byte> bytes;
  std::vector<std::byte*> begins;
};

inline Rows RandomRows(FloatType type, size_t rows, size_t columns, std::mt19937& random) {
  std::normal_distribution<float> normal(0, 1);
  Rows made(type, rows, columns);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t k = 0; k < columns; ++k) made.Set(r, k, normal(random));
  }
  return made;
}

inline Rows Multiply(const ProductPlan& plan, const Matrix& matrix, const Rows& x,
                     core::ThreadPool& pool) {
  Rows y(x.type, x.begins.size(), matrix.outputs);
  const Segment segment{.matrix = matrix, .rows = x.begins.size()};
  const std::vector<const std::byte*> inputs = x.inputs();
  Compute(plan,
          {.segments = {&segment, 1},
           .type = x.type,
           .result_type = x.type,
           .bias_type = x.type,
           .x = inputs,
           .y = y.begins},
          pool);
  return y;
}

// Segments of this many rows have their weights expanded, whatever pays.
inline constexpr size_t kManyFrom = 16;

inline Rows Multiply(const Form& form, const Matrix& matrix, const Rows& x, core::ThreadPool& pool,
                     size_t many_from = kManyFrom) {
  ProductPlan plan = PlanWithForm(form, matrix);
  plan.many_from = many_from;
  return Multiply(plan, matrix, x, pool);
}

inline bool Takes(const Form& form, const Matrix& matrix, FloatType type) {
  return form.serves(matrix) && (!form.bf16 || type == FloatType::kBF16);
}

// What a product should be, and by how much it may be off.
struct Expected {
  Expected(const std::vector<Weights::Parts>& weights, const Rows& x, size_t outputs) {
    const double step = x.type == FloatType::kF32   ? 0x1p-24
                        : x.type == FloatType::kF16 ? 0x1p-11
                                                    : 0x1p-8;
    const double additions = static_cast<double>(x.columns) + 8;
    for (size_t r = 0; r < x.begins.size(); ++r) {
      for (size_t n = 0; n < outputs; ++n) {
        double sum = 0;
        double size = 0;
        for (size_t k = 0; k < x.columns; ++k) {
          const double value = x.At(r, k);
          const Weights::Parts& weight = weights[n * x.columns + k];
          sum += value * (weight.product + weight.bias);
          size += std::abs(value) * (std::abs(weight.product) + std::abs(weight.bias));
        }
        sums.push_back(sum);
        bounds.push_back(additions * 0x1p-24 * size + step * std::abs(sum) + 0x1p-24);
      }
    }
  }
  void Check(const Rows& y) const {
    for (size_t i = 0; i < sums.size(); ++i) {
      const size_t row = i / y.columns;
      const size_t output = i % y.columns;
      ASSERT_NEAR(y.At(row, output), sums[i], bounds[i]) << "row " << row << " output " << output;
    }
  }

  std::vector<double> sums;
  std::vector<double> bounds;
};

}  // namespace ingot::kernels

#endif  // INGOT_TESTS_KERNELS_PRODUCT_CASES_H_
