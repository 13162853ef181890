#include "quant/block_fp8.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::quant {
namespace {

using ::testing::HasSubstr;

constexpr FloatType kTypes[] = {FloatType::kF32, FloatType::kF16, FloatType::kBF16};

struct Weight {
  std::vector<uint64_t> shape, scale_shape;
  std::vector<std::byte> codes, scales;
  FloatType scale_type = FloatType::kF32;

  uint64_t columns() const { return shape.back(); }
  uint64_t rows() const { return codes.size() / columns(); }
  Fp8Weight view(Fp8 kind = Fp8::kE4M3) const {
    return {kind, *Fp8LayoutOf(shape, scale_shape), codes, scale_type, scales};
  }
};

uint64_t Product(const std::vector<uint64_t>& shape) {
  uint64_t product = 1;
  for (uint64_t size : shape) product *= size;
  return product;
}

Weight MakeWeight(std::vector<uint64_t> shape, std::vector<uint64_t> scale_shape,
                  FloatType scale_type = FloatType::kF32) {
  Weight weight{shape, scale_shape, {}, {}, scale_type};
  std::mt19937 random(5);
  weight.codes.resize(Product(shape));
  for (std::byte& code : weight.codes) code = static_cast<std::byte>(random());
  const uint64_t scales = Product(scale_shape);
  weight.scales.resize(scales * SizeOf(scale_type));
  std::uniform_real_distribution<float> uniform(1e-4f, 2e-3f);
  for (uint64_t i = 0; i < scales; ++i) {
    StoreFloat(scale_type, uniform(random), weight.scales.data(), i);
  }
  return weight;
}

// The scale's index in each dimension is the value's, divided by how many values share it.
uint64_t StepOf(uint64_t values, uint64_t scales) {
  if (scales == 1) return std::max<uint64_t>(values, 1);
  return scales == values ? 1 : 128;
}

// Every value by the definition, not yet rounded to the type asked for.
std::vector<float> Expected(const Weight& w, Fp8 kind) {
  const bool stacked = w.shape.size() == 3;
  const uint64_t members = stacked ? w.shape[0] : 1;
  const uint64_t rows = w.shape[w.shape.size() - 2];
  std::vector<uint64_t> scales = w.scale_shape;
  if (!stacked) scales.insert(scales.begin(), 1);
  scales.resize(3, 1);
  const uint64_t steps[] = {StepOf(members, scales[0]), StepOf(rows, scales[1]),
                            StepOf(w.columns(), scales[2])};
  std::vector<float> values;
  values.reserve(w.codes.size());
  for (uint64_t member = 0; member < members; ++member) {
    for (uint64_t row = 0; row < rows; ++row) {
      const uint64_t line = (member / steps[0] * scales[1] + row / steps[1]) * scales[2];
      for (uint64_t column = 0; column < w.columns(); ++column) {
        const auto code = static_cast<uint8_t>(w.codes[values.size()]);
        const float value = kind == Fp8::kE4M3 ? F32FromE4M3(code) : F32FromE5M2(code);
        const uint64_t at = line + column / steps[2];
        values.push_back(value * LoadFloat(w.scale_type, w.scales.data(), at));
      }
    }
  }
  return values;
}

void CheckDecoding(const Weight& w) {
  for (Fp8 kind : {Fp8::kE4M3, Fp8::kE5M2}) {
    const std::vector<float> expected = Expected(w, kind);
    for (FloatType type : kTypes) {
      for (core::Isa isa : core::SupportedIsas()) {
        std::vector<std::byte> out(w.codes.size() * SizeOf(type));
        const core::Status status =
            DecodeFp8Rows(w.view(kind), 0, w.rows(), type, out, {.isa = isa});
        ASSERT_TRUE(status.ok()) << status.message();
        for (uint64_t i = 0; i < w.codes.size(); ++i) {
          const float want = RoundTo(type, expected[i]);
          const float got = LoadFloat(type, out.data(), i);
          ASSERT_TRUE(got == want || (std::isnan(got) && std::isnan(want)))
              << core::IsaName(isa) << " row " << i / w.columns() << " column " << i % w.columns();
        }
      }
    }
  }
}

TEST(BlockFp8, BlocksOf128AreScaledAndCutAtTheEdges) {
  CheckDecoding(MakeWeight({256, 384}, {2, 3}));
  CheckDecoding(MakeWeight({130, 257}, {2, 3}));
  CheckDecoding(MakeWeight({5, 19}, {1, 1}));
  CheckDecoding(MakeWeight({129, 128}, {2, 1}, FloatType::kBF16));
}

TEST(BlockFp8, StackedWeightsHaveTheirOwnBlocks) {
  CheckDecoding(MakeWeight({3, 256, 130}, {3, 2, 2}));
  CheckDecoding(MakeWeight({4, 100, 40}, {4, 1, 1}));
}

TEST(BlockFp8, OneScaleARowOrATensorIsUnderstood) {
  CheckDecoding(MakeWeight({141, 40}, {141, 1}));
  CheckDecoding(MakeWeight({141, 40}, {141}, FloatType::kF16));
  CheckDecoding(MakeWeight({3, 141, 40}, {3, 141, 1}));
  CheckDecoding(MakeWeight({3, 141, 40}, {3, 141}));
  CheckDecoding(MakeWeight({141, 40}, {1}));
  CheckDecoding(MakeWeight({141, 40}, {}));
  CheckDecoding(MakeWeight({3, 141, 40}, {1}));
  CheckDecoding(MakeWeight({3, 141, 40}, {3}));
  CheckDecoding(MakeWeight({3, 141, 40}, {3, 1}));
}

TEST(BlockFp8, AnySpanOfRowsDecodesAsTheWholeDoes) {
  const Weight w = MakeWeight({3, 150, 200}, {3, 2, 2});
  std::vector<std::byte> whole(w.codes.size() * 2);
  ASSERT_TRUE(DecodeFp8Rows(w.view(), 0, 450, FloatType::kBF16, whole).ok());
  for (uint64_t first = 0; first < 450; first += 37) {
    const uint64_t count = std::min<uint64_t>(90, 450 - first);
    std::vector<std::byte> part(count * 200 * 2);
    ASSERT_TRUE(DecodeFp8Rows(w.view(), first, count, FloatType::kBF16, part).ok());
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first * 400)) << first;
  }
}

TEST(BlockFp8, ScalesThatDoNotFitAreRefusedNamingBothShapes) {
  const auto message = [](std::vector<uint64_t> shape, std::vector<uint64_t> scales) {
    const auto layout = Fp8LayoutOf(shape, scales);
    EXPECT_FALSE(layout.ok());
    EXPECT_EQ(layout.status().code(), core::Code::kInvalidArgument);
    return std::string(layout.status().message());
  };
  EXPECT_THAT(message({256, 384}, {2, 2}), HasSubstr("weight of [256, 384] has scales of [2, 2]"));
  EXPECT_THAT(message({256, 384}, {2, 2}), HasSubstr("expected [2, 3] (blocks of 128 by 128)"));
  EXPECT_THAT(message({256, 384}, {3, 2}), HasSubstr("[256, 1] (one a row) or [1] (one)"));
  EXPECT_THAT(message({4, 256, 384}, {2, 3}), HasSubstr("expected [4, 2, 3]"));
  EXPECT_THAT(message({4, 256, 384}, {256}), HasSubstr("or [4] (one)"));
  EXPECT_THAT(message({256}, {2}), HasSubstr("this one is [256]"));
  EXPECT_THAT(message({1, 2, 3, 4}, {1}), HasSubstr("[1, 2, 3, 4]"));
  EXPECT_THAT(message({uint64_t{1} << 40, uint64_t{1} << 40}, {1}), HasSubstr("does not fit"));
}

TEST(BlockFp8, BuffersThatDoNotFitAreRefused) {
  Weight w = MakeWeight({200, 160}, {2, 2});
  std::vector<std::byte> out(200 * 160 * 2);
  const auto message = [&](const Fp8Weight& weight, uint64_t first, uint64_t count,
                           std::span<std::byte> to) {
    const core::Status status = DecodeFp8Rows(weight, first, count, FloatType::kBF16, to);
    EXPECT_EQ(status.code(), core::Code::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(message(w.view(), 0, 199, out), HasSubstr("64000 bytes, expected 63680"));
  EXPECT_THAT(message(w.view(), 150, 51, out), HasSubstr("rows 150"));
  EXPECT_THAT(message(w.view(), UINT64_MAX, 2, out), HasSubstr("of 200"));
  Fp8Weight cut = w.view();
  cut.codes = cut.codes.first(10);
  EXPECT_THAT(message(cut, 0, 200, out), HasSubstr("codes have 10 bytes, expected 32000"));
  cut = w.view();
  cut.scales = cut.scales.first(8);
  EXPECT_THAT(message(cut, 0, 200, out), HasSubstr("scales have 8 bytes, expected 16"));
}

TEST(BlockFp8, EmptyWeightsDecodeToNothing) {
  const Weight w = MakeWeight({0, 160}, {0, 2});
  EXPECT_TRUE(DecodeFp8Rows(w.view(), 0, 0, FloatType::kF32, {}).ok());
}

// Floats next to, on and half way between the values of the 8-bit types, and the special ones.
std::vector<float> FloatsAroundFp8() {
  std::vector<float> values;
  for (int code = 0; code < 256; ++code) {
    for (float x :
         {F32FromE4M3(static_cast<uint8_t>(code)), F32FromE5M2(static_cast<uint8_t>(code))}) {
      for (float factor : {1.0f, 1.0625f, 1.03125f, 0.5f, 1.125f}) {
        const float y = x * factor;
        values.insert(values.end(), {y, std::nextafter(y, 0.0f), std::nextafter(y, 1e30f)});
      }
    }
  }
  for (float x : {0.0f, 448.0f, 61440.0f, 1e38f, 1e-40f, std::numeric_limits<float>::infinity()}) {
    values.insert(values.end(), {x, -x});
  }
  values.push_back(std::numeric_limits<float>::quiet_NaN());
  values.push_back(-std::numeric_limits<float>::quiet_NaN());
  return values;
}

TEST(Fp8Spans, EncodeAsTheScalarsDoInEveryForm) {
  const std::vector<float> values = FloatsAroundFp8();
  for (FloatType type : kTypes) {
    std::vector<std::byte> source(values.size() * SizeOf(type));
    for (size_t i = 0; i < values.size(); ++i) StoreFloat(type, values[i], source.data(), i);
    for (Fp8 kind : {Fp8::kE4M3, Fp8::kE5M2}) {
      for (core::Isa isa : core::SupportedIsas()) {
        std::vector<std::byte> codes(values.size());
        ASSERT_TRUE(EncodeFp8(kind, type, source, codes, {.isa = isa}).ok());
        for (size_t i = 0; i < values.size(); ++i) {
          const float x = LoadFloat(type, source.data(), i);
          const uint8_t want = kind == Fp8::kE4M3 ? E4M3FromF32(x) : E5M2FromF32(x);
          ASSERT_EQ(static_cast<uint8_t>(codes[i]), want) << x << " " << core::IsaName(isa);
        }
      }
    }
  }
}

TEST(Fp8Spans, EveryCodeComesBackFromItsValue) {
  std::vector<std::byte> codes(256);
  for (size_t i = 0; i < 256; ++i) codes[i] = static_cast<std::byte>(i);
  for (FloatType type : kTypes) {
    for (Fp8 kind : {Fp8::kE4M3, Fp8::kE5M2}) {
      std::vector<std::byte> values(256 * SizeOf(type));
      std::vector<std::byte> again(256);
      ASSERT_TRUE(DecodeFp8(kind, codes, type, values).ok());
      ASSERT_TRUE(EncodeFp8(kind, type, values, again).ok());
      for (size_t i = 0; i < 256; ++i) {
        const bool is_nan = std::isnan(LoadFloat(type, values.data(), i));
        EXPECT_TRUE(is_nan || again[i] == codes[i]) << i;
      }
    }
  }
  std::vector<std::byte> small(3);
  EXPECT_FALSE(DecodeFp8(Fp8::kE4M3, codes, FloatType::kF32, small).ok());
  EXPECT_FALSE(EncodeFp8(Fp8::kE4M3, FloatType::kF32, codes, small).ok());
}

}  // namespace
}  // namespace ingot::quant
