// What MLX makes of rows of every class, from data/mlx_goldens.txt: the core of the comparison with
// MLX without Python, on every machine and in every form. tools/reference/quant_goldens.py says how
// the file is made and what its lines hold.
#include <bit>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/quant/test_rows.h"

namespace ingot::quant {
namespace {

constexpr uint64_t kColumns = 128;
constexpr const char* kClasses[] = {"usual",    "large",        "small",        "magnitudes",
                                    "equal",    "zero",         "signed_zeros", "nan",
                                    "negative", "outlier",      "ties",         "float_ties",
                                    "eighths",  "next_to_ties", "subnormal",    "infinite"};

std::vector<std::byte> FromHex(std::string_view text) {
  std::vector<std::byte> bytes(text == "-" ? 0 : text.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    uint8_t value = 0;
    const char* at = text.data() + 2 * i;
    if (std::from_chars(at, at + 2, value, 16).ptr != at + 2) throw std::runtime_error("not hex");
    bytes[i] = std::byte{value};
  }
  return bytes;
}

FloatType TypeNamed(std::string_view name) {
  for (FloatType type : kFloatTypes) {
    if (NameOf(type) == name) return type;
  }
  throw std::runtime_error("no such type");
}

struct Golden {
  Format format;
  FloatType type = FloatType::kF32;
  std::string type_name, row;
  std::optional<float> global_scale;
  std::vector<std::byte> codes, scales, biases;
  uint64_t decoded = 0;

  std::string Name() const {
    return Describe(format) + (global_scale ? " with a global scale" : "") + " from " + type_name +
           ", " + row;
  }
};

struct Goldens {
  std::map<std::pair<std::string, std::string>, std::vector<std::byte>> rows;  // by type, class
  std::vector<Golden> all;
};

Goldens ReadGoldens() {
  Goldens goldens;
  std::ifstream file(INGOT_SOURCE_DIR "/tests/quant/data/mlx_goldens.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string mode, type, row;
    fields >> mode;
    if (mode == "source") {
      std::string values;
      fields >> type >> row >> values;
      goldens.rows[{type, row}] = FromHex(values);
      continue;
    }
    Golden golden;
    uint64_t bits = 0, group = 0;
    std::string global_scale, codes, scales, biases, decoded;
    fields >> bits >> group >> golden.type_name >> golden.row >> global_scale >> codes >> scales >>
        biases >> decoded;
    golden.format = *MakeFormat(*ParseMode(mode), bits, group);
    golden.type = TypeNamed(golden.type_name);
    if (global_scale != "-") {
      golden.global_scale = LoadFloat(FloatType::kF32, FromHex(global_scale).data(), 0);
    }
    golden.codes = FromHex(codes);
    golden.scales = FromHex(scales);
    golden.biases = FromHex(biases);
    golden.decoded = std::stoull(decoded, nullptr, 16);
    goldens.all.push_back(std::move(golden));
  }
  return goldens;
}

uint64_t Fnv1a(const std::vector<std::byte>& bytes) {
  uint64_t state = 0xcbf29ce484222325;
  for (std::byte byte : bytes) state = (state ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  return state;
}

// NaN has one spelling in the file.
void MakeNansEqual(FloatType type, std::vector<std::byte>& values) {
  for (uint64_t i = 0; i < kColumns; ++i) {
    if (!std::isnan(LoadFloat(type, values.data(), i))) continue;
    const uint32_t bits = type == FloatType::kF32   ? 0x7fc00000
                          : type == FloatType::kF16 ? 0x7e00
                                                    : 0x7fc0;
    std::memcpy(values.data() + i * SizeOf(type), &bits, SizeOf(type));
  }
}

bool Same(std::span<const std::byte> found, const std::vector<std::byte>& expected) {
  return std::ranges::equal(found, expected);
}

TEST(MlxGoldens, HoldEveryClassInEveryTypeAndWidth) {
  const Goldens goldens = ReadGoldens();
  std::set<std::string> held;
  for (const Golden& golden : goldens.all) {
    held.insert(std::string(InfoOf(golden.format.mode).name) + std::to_string(golden.format.bits) +
                golden.type_name + golden.row);
  }
  for (const ModeInfo& info : Modes()) {
    for (uint8_t bits : info.bits) {
      for (FloatType type : kFloatTypes) {
        for (const char* row : kClasses) {
          EXPECT_TRUE(held.contains(std::string(info.name) + std::to_string(bits) +
                                    std::string(NameOf(type)) + row))
              << info.name << " " << int{bits} << " " << NameOf(type) << " " << row;
        }
      }
    }
  }
}

TEST(MlxGoldens, AreEncodedAsMlxDoesInEveryForm) {
  const Goldens goldens = ReadGoldens();
  for (const Golden& golden : goldens.all) {
    const auto& bytes = goldens.rows.at({golden.type_name, golden.row});
    for (core::Isa isa : core::SupportedIsas()) {
      const FloatRows row{golden.type, 1, kColumns, bytes};
      Encoded encoded =
          EncodeAll(golden.format, row, {.global_scale = golden.global_scale, .isa = isa});
      const QuantizedBytes out = encoded.bytes();
      EXPECT_TRUE(Same(out.codes, golden.codes)) << golden.Name() << " on " << core::IsaName(isa);
      EXPECT_TRUE(Same(out.scales, golden.scales)) << golden.Name() << " on " << core::IsaName(isa);
      EXPECT_TRUE(Same(out.biases, golden.biases)) << golden.Name() << " on " << core::IsaName(isa);
    }
  }
}

TEST(MlxGoldens, AreDecodedAsMlxDoesInEveryForm) {
  const Goldens goldens = ReadGoldens();
  for (const Golden& golden : goldens.all) {
    for (core::Isa isa : core::SupportedIsas()) {
      std::vector<std::byte> values(kColumns * SizeOf(golden.type));
      const core::Status status = Decode({.format = golden.format,
                                          .scale_type = golden.type,
                                          .rows = 1,
                                          .columns = kColumns,
                                          .codes = golden.codes,
                                          .scales = golden.scales,
                                          .biases = golden.biases,
                                          .global_scale = golden.global_scale},
                                         golden.type, values, {.isa = isa});
      ASSERT_TRUE(status.ok()) << status.message();
      MakeNansEqual(golden.type, values);
      EXPECT_EQ(Fnv1a(values), golden.decoded) << golden.Name() << " on " << core::IsaName(isa);
    }
  }
}

}  // namespace
}  // namespace ingot::quant
