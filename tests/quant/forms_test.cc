// Every form of the kernels (portable, neon, avx2, avx512), forced by name, gives the bits of the
// plain code, reads and writes nothing else, and reports the same marks.
#include <cstring>

#include <gtest/gtest.h>

#include "quant/exact_tile.h"
#include "quant/fp8.h"
#include "quant/kernels.h"
#include "tests/quant/test_rows.h"
#include "tests/testing/share.h"

namespace ingot::quant {
namespace {

struct Case {
  Format format;
  FloatType type;
  Kind kind;
  std::optional<float> global_scale;
};

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (Format format : AllFormats()) {
    for (FloatType type : kFloatTypes) {
      for (Kind kind : {Kind::kNormal, Kind::kWild, Kind::kHostile}) {
        cases.push_back({format, type, kind, std::nullopt});
        if (InfoOf(format.mode).takes_global_scale) {
          for (float g : {0.5f, 3000.0f, 1e-30f, -1.0f, 0.0f}) {
            cases.push_back({format, type, kind, g});
          }
        }
      }
    }
  }
  return cases;
}

std::string Name(const Case& c, core::Isa isa) {
  return Describe(c.format) + " from " + std::string(NameOf(c.type)) + " on " +
         std::string(core::IsaName(isa));
}

// A run with its results in buffers that are exactly as long as they must be.
struct RunBuffers {
  std::vector<std::byte> codes, scales, biases;
  std::vector<TileMarks> marks;
  float encode_scale = 1;
  EncodeRun run;

  RunBuffers(const Case& c, const TestRows& rows) {
    const QuantizedSizes sizes = *SizesFor(c.format, c.type, rows.rows, rows.columns);
    codes.resize(sizes.codes);
    scales.resize(sizes.scales);
    biases.resize(sizes.biases);
    const uint64_t groups = rows.rows * GroupsInRow(c.format, rows.columns);
    marks.resize(TilesFor(groups));
    if (c.global_scale) encode_scale = (448.0f * 6.0f) / *c.global_scale;
    run = {.format = c.format,
           .type = c.type,
           .groups = groups,
           .source = rows.bytes.data(),
           .encode_scale = c.global_scale ? &encode_scale : nullptr,
           .codes = codes.data(),
           .scales = scales.data(),
           .biases = biases.data(),
           .marks = marks.data()};
  }
  bool SameAs(const RunBuffers& other) const {
    return codes == other.codes && scales == other.scales && biases == other.biases &&
           std::memcmp(marks.data(), other.marks.data(), marks.size() * sizeof(TileMarks)) == 0;
  }
};

TEST(Forms, EncodeAsThePlainCodeDoes) {
  uint64_t seed = 0;
  for (const Case& c : AllCases()) {
    // Whole tiles and a rest.
    const uint64_t columns = uint64_t{c.format.group_size} * 7;
    const TestRows rows = MakeRows(c.type, testing::ShareOf(23, 5), columns, c.kind, ++seed);
    RunBuffers plain(c, rows);
    for (size_t first = 0; first < plain.run.groups; first += kTileGroups) {
      EncodeTileExactly(plain.run, first, std::min(kTileGroups, plain.run.groups - first));
    }
    for (core::Isa isa : core::SupportedIsas()) {
      RunBuffers vector(c, rows);
      KernelsFor(isa).encode(vector.run);
      ASSERT_TRUE(vector.SameAs(plain)) << Name(c, isa);
    }
  }
}

bool SameValues(FloatType type, const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  for (size_t i = 0; i < a.size() / SizeOf(type); ++i) {
    const float x = LoadFloat(type, a.data(), i);
    const float y = LoadFloat(type, b.data(), i);
    const bool same = std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
    if (!same && !(std::isnan(x) && std::isnan(y))) return false;
  }
  return true;
}

TEST(Forms, DecodeAsThePlainCodeDoes) {
  std::mt19937_64 random(7);
  for (const Case& c : AllCases()) {
    for (FloatType out : kFloatTypes) {
      const uint64_t groups = testing::ShareOf(16 * 3 + 5, 16 + 5);
      const uint64_t values = groups * c.format.group_size;
      const TestRows rows = MakeRows(c.type, 1, values, c.kind, random());
      RunBuffers stored(c, rows);
      KernelsFor(core::Isa::kPortable).encode(stored.run);
      if (c.kind == Kind::kHostile) {  // what a broken file may hold
        for (std::byte& byte : stored.codes) byte = static_cast<std::byte>(random());
        for (std::byte& byte : stored.scales) byte = static_cast<std::byte>(random());
      }
      DecodeRun run{.format = c.format,
                    .scale_type = c.type,
                    .type = out,
                    .groups = groups,
                    .codes = stored.codes.data(),
                    .scales = stored.scales.data(),
                    .biases = stored.biases.data(),
                    .global_scale = c.global_scale ? &*c.global_scale : nullptr,
                    .out = nullptr,
                    .stream = false};
      std::vector<std::byte> plain(values * SizeOf(out));
      run.out = plain.data();
      for (size_t first = 0; first < groups; first += kTileGroups) {
        DecodeTileExactly(run, first, std::min(kTileGroups, groups - first));
      }
      for (core::Isa isa : core::SupportedIsas()) {
        for (bool stream : {false, true}) {
          std::vector<std::byte> vector(values * SizeOf(out));
          run.out = vector.data();
          run.stream = stream;
          KernelsFor(isa).decode(run);
          ASSERT_TRUE(SameValues(out, vector, plain)) << Name(c, isa) << " to " << NameOf(out);
        }
      }
    }
  }
}

TEST(Forms, DecodeEveryFp8CodeAtAnyLength) {
  std::vector<std::byte> codes(256 + 37);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::byte>(i);
  for (Fp8 kind : {Fp8::kE4M3, Fp8::kE5M2}) {
    for (FloatType type : kFloatTypes) {
      for (float scale : {1.0f, 0.0123f, -3e38f, 1e-40f}) {
        std::vector<std::byte> plain(codes.size() * SizeOf(type));
        for (size_t i = 0; i < codes.size(); ++i) {
          const auto code = static_cast<uint8_t>(codes[i]);
          const float value = kind == Fp8::kE4M3 ? F32FromE4M3(code) : F32FromE5M2(code);
          StoreFloat(type, value * scale, plain.data(), i);
        }
        for (core::Isa isa : core::SupportedIsas()) {
          for (size_t count = 0; count <= codes.size(); count += count < 40 ? 1 : 51) {
            std::vector<std::byte> out(count * SizeOf(type));
            KernelsFor(isa).decode_fp8({.kind = kind,
                                        .type = type,
                                        .count = count,
                                        .codes = codes.data(),
                                        .scales = &scale,
                                        .block = std::max<size_t>(count, 1),
                                        .out = out.data()});
            plain.resize(std::max(plain.size(), out.size()));
            const std::vector<std::byte> want(plain.begin(), plain.begin() + out.size());
            ASSERT_TRUE(SameValues(type, out, want))
                << core::IsaName(isa) << " " << NameOf(type) << " times " << scale;
          }
        }
      }
    }
  }
}

TEST(Forms, MeasureTheSameSums) {
  for (FloatType type : kFloatTypes) {
    const TestRows rows = MakeRows(type, 1, 4096 + 48, Kind::kHostile, 3);
    std::vector<float> decoded(rows.columns);
    for (size_t i = 0; i < decoded.size(); ++i) {
      decoded[i] = std::isfinite(rows.at(i)) ? rows.at(i) * 1.01f : 0;
    }
    std::vector<QuantError> all;
    for (core::Isa isa : core::SupportedIsas()) {
      QuantError sums;
      KernelsFor(isa).measure({.type = type,
                               .count = rows.columns,
                               .source = rows.bytes.data(),
                               .decoded = decoded.data(),
                               .sums = &sums});
      all.push_back(sums);
      EXPECT_EQ(sums.squared_error, all.front().squared_error) << core::IsaName(isa);
      EXPECT_EQ(sums.squared_source, all.front().squared_source);
      EXPECT_EQ(sums.squared_decoded, all.front().squared_decoded);
      EXPECT_EQ(sums.product, all.front().product);
      EXPECT_EQ(sums.max_error, all.front().max_error);
    }
  }
}

TEST(Forms, AreFoundByName) {
  EXPECT_EQ(KernelsFor(core::Isa::kPortable).isa, core::Isa::kPortable);
  for (core::Isa isa : core::SupportedIsas()) {
    const core::Isa form = KernelsFor(isa).isa;
    EXPECT_EQ(form, isa == core::Isa::kAmx ? core::Isa::kAvx512 : isa);
  }
}

}  // namespace
}  // namespace ingot::quant
