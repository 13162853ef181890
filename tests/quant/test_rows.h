// Rows of floats for tests: reproducible, ordinary and hostile.
#ifndef INGOT_TESTS_QUANT_TEST_ROWS_H_
#define INGOT_TESTS_QUANT_TEST_ROWS_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "quant/decode.h"
#include "quant/encode.h"

namespace ingot::quant {

inline constexpr FloatType kFloatTypes[] = {FloatType::kF32, FloatType::kF16, FloatType::kBF16};

// Every combination in the table.
inline std::vector<Format> AllFormats() {
  std::vector<Format> formats;
  for (const ModeInfo& info : Modes()) {
    for (uint8_t bits : info.bits) {
      for (uint16_t group : info.group_sizes) formats.push_back({info.mode, bits, group});
    }
  }
  return formats;
}

enum class Kind {
  kNormal,   // weights as models have them
  kWild,     // any magnitude, signs, zeros, constants, ties
  kHostile,  // and infinities, NaN, subnormals, any bits
};

struct TestRows {
  FloatType type = FloatType::kF32;
  uint64_t rows = 0;
  uint64_t columns = 0;
  std::vector<std::byte> bytes;

  FloatRows view() const { return {type, rows, columns, bytes}; }
  float at(uint64_t i) const { return LoadFloat(type, bytes.data(), i); }
  void set(uint64_t i, float value) { StoreFloat(type, value, bytes.data(), i); }
};

inline TestRows MakeRows(FloatType type, uint64_t rows, uint64_t columns, Kind kind,
                         uint64_t seed = 1) {
  TestRows made{type, rows, columns, {}};
  made.bytes.resize(rows * columns * SizeOf(type));
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  const auto draw = [&](uint64_t n) { return random() % n; };
  for (uint64_t i = 0; i < rows * columns;) {
    // A stretch of values of one sort; stretches and groups overlap at random.
    const uint64_t sort = kind == Kind::kNormal ? 0 : draw(kind == Kind::kWild ? 7 : 9);
    const float scale = std::ldexp(1.0f, static_cast<int>(draw(24)) - 14);
    const float constant = normal(random) * scale;
    for (uint64_t end = i + 16 + draw(200); i < end && i < rows * columns; ++i) {
      float value = 0;
      switch (sort) {
        case 0:
          value = normal(random) * 0.02f;
          break;
        case 1:
          value = normal(random) * scale;
          break;
        case 2:
          value = std::fabs(normal(random)) * -scale;
          break;
        case 3:
          value = constant;
          break;
        case 4:
          value = draw(10) == 0 ? normal(random) : (draw(2) == 0 ? 0.0f : -0.0f);
          break;
        case 5:  // ties
          value = scale * (static_cast<float>(draw(61)) / 4 - 7.5f);
          break;
        case 6:
          value = normal(random) * 1e-7f;
          break;
        case 7:
          value = draw(8) == 0 ? INFINITY : normal(random);
          break;
        default:
          value = std::bit_cast<float>(static_cast<uint32_t>(random()));
          break;
      }
      made.set(i, value);
    }
  }
  return made;
}

// A whole tensor encoded at once, with bytes around each buffer that must stay.
struct Encoded {
  static constexpr size_t kGuard = 67;
  std::vector<std::byte> codes, scales, biases;
  EncodeSummary summary;

  Encoded(Format format, const FloatRows& rows) {
    const QuantizedSizes sizes = *SizesFor(format, rows.type, rows.rows, rows.columns);
    codes.assign(sizes.codes + 2 * kGuard, std::byte{0xa5});
    scales.assign(sizes.scales + 2 * kGuard, std::byte{0xa5});
    biases.assign(sizes.biases + 2 * kGuard, std::byte{0xa5});
  }
  static std::span<std::byte> Inside(std::vector<std::byte>& buffer) {
    return std::span(buffer).subspan(kGuard, buffer.size() - 2 * kGuard);
  }
  static std::span<const std::byte> Inside(const std::vector<std::byte>& buffer) {
    return std::span(buffer).subspan(kGuard, buffer.size() - 2 * kGuard);
  }
  QuantizedBytes bytes() { return {Inside(codes), Inside(scales), Inside(biases)}; }
  // The results and the bytes around them.
  bool SameAs(const Encoded& other) const {
    return codes == other.codes && scales == other.scales && biases == other.biases;
  }
};

inline Encoded EncodeAll(Format format, const FloatRows& rows, const EncodeOptions& options = {}) {
  Encoded encoded(format, rows);
  const core::Status status = Encode(format, rows, encoded.bytes(), &encoded.summary, options);
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  return encoded;
}

inline std::vector<float> DecodeAll(Format format, const FloatRows& rows, const Encoded& encoded,
                                    std::optional<float> global_scale = {}) {
  std::vector<float> values(rows.rows * rows.columns);
  const core::Status status = Decode({.format = format,
                                      .scale_type = rows.type,
                                      .rows = rows.rows,
                                      .columns = rows.columns,
                                      .codes = Encoded::Inside(encoded.codes),
                                      .scales = Encoded::Inside(encoded.scales),
                                      .biases = Encoded::Inside(encoded.biases),
                                      .global_scale = global_scale},
                                     FloatType::kF32, std::as_writable_bytes(std::span(values)));
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  return values;
}

}  // namespace ingot::quant

#endif  // INGOT_TESTS_QUANT_TEST_ROWS_H_
