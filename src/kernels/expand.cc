#include "kernels/expand.h"

#include <array>

#include "quant/kernels.h"

namespace ingot::kernels {

void Expand(core::Isa isa, const Matrix& matrix, size_t output, size_t at, size_t count,
            float* out) {
  if (matrix.dense()) {
    const std::byte* row = matrix.row(output);
    for (size_t k = 0; k < count; ++k) out[k] = quant::LoadFloat(matrix.type, row, at + k);
    return;
  }
  const size_t groups = count / matrix.format.group_size;
  const size_t group = output * matrix.groups() + at / matrix.format.group_size;
  // As fp32, so that nothing is rounded to the type that scales are kept in.
  std::array<float, kStretch / 16> scales{};
  std::array<float, kStretch / 16> biases{};
  quant::DecodeRun run{.format = matrix.format,
                       .scale_type = FloatType::kF32,
                       .type = FloatType::kF32,
                       .groups = groups,
                       .codes = matrix.row(output) + at * matrix.format.bits / 8,
                       .scales = matrix.scales + group,
                       .biases = nullptr,
                       .global_scale = nullptr,
                       .out = reinterpret_cast<std::byte*>(out),
                       .stream = false};
  if (matrix.layout == Layout::kAffine) {
    for (size_t g = 0; g < groups; ++g) {
      scales[g] = quant::LoadFloat(matrix.type, matrix.scales, group + g);
      biases[g] = quant::LoadFloat(matrix.type, matrix.biases, group + g);
    }
    run.scales = reinterpret_cast<const std::byte*>(scales.data());
    run.biases = reinterpret_cast<const std::byte*>(biases.data());
  }
  quant::KernelsFor(isa).decode(run);
}

}  // namespace ingot::kernels
