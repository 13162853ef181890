#include "kernels/tiles.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/log.h"
#include "core/strings.h"
#include "kernels/expand.h"
#include "kernels/scratch.h"

namespace ingot::kernels {
namespace {

// Packed activations of one call: half of a second cache of 2 MiB.
constexpr size_t kPackedKept = size_t{1} << 20;

// Of the check: odd numbers of everything, more than one stretch, two blocks of rows and a third.
constexpr size_t kOutputs = 37;
constexpr size_t kRows = 37;
constexpr size_t kInputs = 384;

// Bytes that look like chance, the same ones every time.
class Bytes {
 public:
  uint8_t Next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<uint8_t>(state_ >> 56);
  }

 private:
  uint64_t state_ = 1;
};

// A matrix with its bytes. What they mean is small: no infinity, no NaN.
struct Sample {
  explicit Sample(Layout layout, const quant::Format& format) {
    matrix = {.layout = layout,
              .type = FloatType::kBF16,
              .format = format,
              .outputs = kOutputs,
              .inputs = kInputs};
    Bytes bytes;
    values.resize(kOutputs * matrix.row_bytes());
    for (std::byte& byte : values) {
      // As one half of a bf16 number or as an 8-bit float: below 2.
      const bool narrow = layout == Layout::kDense || layout == Layout::kE4M3;
      byte = static_cast<std::byte>(bytes.Next() & (narrow ? 0xbf : 0xff));
    }
    matrix.values = values.data();
    if (layout == Layout::kDense) return;
    const bool affine = layout == Layout::kAffine;
    const size_t groups = kOutputs * matrix.groups();
    scales.resize(groups * (affine ? 2 : 1));
    biases.resize(affine ? groups * 2 : 0);
    for (size_t g = 0; g < groups; ++g) {
      const float near = static_cast<float>(bytes.Next()) / 1024;
      if (affine) {
        quant::StoreFloat(FloatType::kBF16, 0.125F + near, scales.data(), g);
        quant::StoreFloat(FloatType::kBF16, near - 0.5F, biases.data(), g);
      } else {
        // Moderate, whether an 8-bit float or an exponent.
        const int base = format.mode == quant::Mode::kNvfp4 ? 0x30 : 116;
        scales[g] = static_cast<std::byte>(base + bytes.Next() % 16);
      }
    }
    matrix.scales = scales.data();
    matrix.biases = affine ? biases.data() : nullptr;
  }

  Matrix matrix;
  std::vector<std::byte> values;
  std::vector<std::byte> scales;
  std::vector<std::byte> biases;
};

std::vector<float> ByTiles(const TileForm& form, const Matrix& matrix,
                           const std::vector<std::byte>& x) {
  const size_t x_bytes = PackedBytes(matrix);
  const size_t x_sums = PackedSums(matrix);
  const size_t padded = RoundUp(kRows, kTileSide);
  const Scratch packed(padded * x_bytes);
  std::vector<float> sums(padded * x_sums);
  for (size_t r = 0; r < kRows; r += kTileSide) {
    std::array<const std::byte*, kTileSide> rows{};
    const size_t some = std::min(kTileSide, kRows - r);
    for (size_t i = 0; i < some; ++i) rows[i] = x.data() + 2 * (r + i) * matrix.inputs;
    form.pack({.matrix = &matrix,
               .x = std::span(rows).first(some),
               .out = packed.data() + r * x_bytes,
               .sums = sums.data() + r * x_sums});
  }
  std::vector<float> out(kRows * kOutputs);
  form.many({.matrix = &matrix,
             .first = 0,
             .count = kOutputs,
             .rows = kRows,
             .x = packed.data(),
             .x_stride = x_bytes,
             .sums = sums.data(),
             .sums_stride = x_sums,
             .out = out.data(),
             .out_stride = kOutputs});
  return out;
}

// Whether each sum is as near to the plain one as additions in another order may leave it.
bool IsRight(const TileForm& form, Layout layout, const quant::Format& format) {
  const Sample sample(layout, format);
  const Matrix& matrix = sample.matrix;
  std::vector<std::byte> x(2 * kRows * kInputs);
  Bytes bytes;
  for (size_t i = 0; i < kRows * kInputs; ++i) {
    quant::StoreFloat(FloatType::kBF16, static_cast<float>(bytes.Next() - 128) / 64, x.data(), i);
  }
  const std::vector<float> found = ByTiles(form, matrix, x);
  std::vector<float> weights(kInputs);
  for (size_t n = 0; n < kOutputs; ++n) {
    for (size_t at = 0; at < kInputs; at += kStretch) {
      Expand(core::Isa::kPortable, matrix, n, at, std::min(kStretch, kInputs - at),
             weights.data() + at);
    }
    for (size_t r = 0; r < kRows; ++r) {
      double sum = 0;
      double size = 0;
      for (size_t k = 0; k < kInputs; ++k) {
        const double value = quant::LoadFloat(FloatType::kBF16, x.data(), r * kInputs + k);
        sum += value * weights[k];
        // What is summed before a bias of less than 1 is added may be larger by twice that.
        size += std::abs(value) * (std::abs(weights[k]) + (layout == Layout::kAffine ? 2 : 0));
      }
      const double bound = (kInputs + 8) * 0x1p-24 * size;
      // A NaN is not near anything.
      if (!(std::abs(found[r * kOutputs + n] - sum) <= bound)) return false;
    }
  }
  return true;
}

}  // namespace

size_t TileRows(const Matrix& matrix) {
  const size_t rows = kPackedKept / std::max<size_t>(PackedBytes(matrix), 1);
  return std::clamp(rows / kTileOutputs * kTileOutputs, 2 * kTileOutputs, kTileMostRows);
}

core::Status CheckTiles(const TileForm& form) {
  if (!IsRight(form, Layout::kDense, {})) {
    return core::Internal("products of bf16 weights by tiles are wrong");
  }
  for (const quant::ModeInfo& info : quant::Modes()) {
    for (const uint8_t bits : info.bits) {
      for (const uint16_t size : info.group_sizes) {
        if (IsRight(form, LayoutOf(info.mode), {info.mode, bits, size})) continue;
        return core::Internal(core::StrCat("products of ", info.name, " weights of ", int{bits},
                                           " bits in groups of ", size, " by tiles are wrong"));
      }
    }
  }
  return {};
}

bool IsTrusted(const TileForm& form) {
  const core::Status status = CheckTiles(form);
  if (!status.ok()) {
    core::LogWarning("this processor's tiles (AMX) are not used: a check of them failed",
                     {{"reason", std::string(status.message())}});
  }
  return status.ok();
}

const TileForm* TilesFor(core::Isa isa, const Matrix& matrix, FloatType type) {
#if defined(__x86_64__)
  if (isa != core::Isa::kAmx || type != FloatType::kBF16) return nullptr;
  static const bool trusted =
      core::IsSupported(core::Isa::kAmx) && core::Cpu().avx512_bf16 && IsTrusted(kAmxTiles);
  return trusted && kAmxTiles.serves(matrix) ? &kAmxTiles : nullptr;
#else
  static_cast<void>(isa);
  static_cast<void>(matrix);
  static_cast<void>(type);
  return nullptr;
#endif
}

}  // namespace ingot::kernels
