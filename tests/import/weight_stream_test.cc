#include "import/weight_stream.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "quant/decode.h"
#include "quant/fp8.h"
#include "tests/import/source_builder.h"
#include "tests/import/source_folder.h"
#include "tests/testing/temp_dir.h"

namespace ingot::import {
namespace {

using core::StrCat;
using family::Precision;
using quant::FloatType;
using tensor::DType;
using ::testing::HasSubstr;

// A blob in memory; what was placed ahead must be where it is taken up.
class MemoryTarget : public BlobTarget {
 public:
  core::Status Append(std::span<const std::byte> data) override {
    if (bytes_.size() < end_ + data.size()) bytes_.resize(end_ + data.size());
    std::ranges::copy(data, bytes_.begin() + static_cast<ptrdiff_t>(end_));
    end_ += data.size();
    return core::Status::Ok();
  }
  core::Status PlaceAhead(uint64_t offset, std::span<const std::byte> data) override {
    EXPECT_GE(offset, end_);
    placed_ += data.size();
    if (bytes_.size() < offset + data.size()) bytes_.resize(offset + data.size());
    std::ranges::copy(data, bytes_.begin() + static_cast<ptrdiff_t>(offset));
    return core::Status::Ok();
  }
  core::Status AppendPlaced(uint64_t size) override {
    end_ += size;
    EXPECT_LE(end_, bytes_.size());
    return core::Status::Ok();
  }
  Bytes Take() {
    EXPECT_EQ(end_, bytes_.size());
    return std::move(bytes_);
  }
  uint64_t placed() const { return placed_; }

 private:
  Bytes bytes_;
  uint64_t end_ = 0;
  uint64_t placed_ = 0;
};

// Everything that is stored of a planned folder, by name.
struct Streamed {
  std::map<std::string, Bytes> tensors;
  std::map<std::string, WeightFindings> findings;
  uint64_t placed = 0;
  uint64_t progress = 0;
};

core::Result<Streamed> TryStream(const Plan& plan, StreamOptions options = {}) {
  core::ThreadPool pool(1);
  options.pool = &pool;
  SourceBytes bytes(core::Env::Posix(), plan.source);
  Streamed result;
  options.on_progress = [&](uint64_t done) { result.progress += done; };
  for (const PlannedBlob& blob : plan.blobs) {
    for (const PlannedWeight& weight : blob.weights) {
      MemoryTarget target;
      INGOT_ASSIGN(const WeightFindings findings,
                   StreamWeight(plan, weight, bytes, 0, target, options));
      result.findings[weight.name] = findings;
      result.placed += target.placed();
      const Bytes all = target.Take();
      uint64_t at = 0;
      for (const StoredTensor& stored : weight.stored) {
        result.tensors[stored.name].assign(all.begin() + static_cast<ptrdiff_t>(at),
                                           all.begin() + static_cast<ptrdiff_t>(at + stored.size));
        at += stored.size;
      }
      EXPECT_EQ(at, all.size()) << weight.name;
    }
  }
  INGOT_TRY(bytes.CheckUnchanged());
  return result;
}

Plan PlanOf(const SourceFolder& folder, const Recipe& recipe = {}) {
  auto inventory = ReadInventory(core::Env::Posix(), folder.path());
  EXPECT_TRUE(inventory.ok()) << inventory.status().message();
  auto plan = MakePlan(*std::move(inventory), recipe);
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return *std::move(plan);
}

Streamed MustStream(const SourceFolder& folder, const Recipe& recipe = {},
                    const StreamOptions& options = {}) {
  folder.Write(2);
  const Plan plan = PlanOf(folder, recipe);
  auto streamed = TryStream(plan, options);
  EXPECT_TRUE(streamed.ok()) << streamed.status().message();
  EXPECT_EQ(streamed->progress, plan.source_bytes);
  return *std::move(streamed);
}

Recipe Ask(Precision precision) {
  Recipe recipe;
  recipe.requested = precision;
  return recipe;
}

// Rows [first, first + count) of a matrix.
Bytes RowsOf(const Bytes& matrix, uint64_t row_bytes, uint64_t first, uint64_t count) {
  return {matrix.begin() + static_cast<ptrdiff_t>(first * row_bytes),
          matrix.begin() + static_cast<ptrdiff_t>((first + count) * row_bytes)};
}
void AppendTo(Bytes& all, const Bytes& more) { all.insert(all.end(), more.begin(), more.end()); }

constexpr std::string_view kMoe =
    R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 12})";

TEST(WeightStream, CopiesAndStacksBitForBit) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kMoe);
  Bytes stacked;
  for (int e = 0; e < 12; ++e) {
    AppendTo(stacked, folder.AddRandom(StrCat("model.layers.0.mlp.experts.", e, ".up_proj.weight"),
                                       DType::kBF16, {32, 64}));
  }
  const Bytes ids = folder.AddRandom("ids", DType::kI64, {3});
  const Bytes scalar = folder.AddRandom("scalar", DType::kF32, {});
  const Bytes nibbles = folder.AddRandom("nibbles", DType::kF4, {2, 5});
  folder.Add("empty", DType::kBF16, {0, 4}, {});
  const Streamed result = MustStream(folder);
  EXPECT_EQ(result.tensors.at("model.layers.0.mlp.switch_mlp.up_proj.weight"), stacked);
  EXPECT_EQ(result.tensors.at("ids"), ids);
  EXPECT_EQ(result.tensors.at("scalar"), scalar);
  EXPECT_EQ(result.tensors.at("nibbles"), nibbles);
  EXPECT_TRUE(result.tensors.at("empty").empty());
}

TEST(WeightStream, SplitsAndJoinsGatesAndUps) {
  testing::TempDir dir;
  SourceFolder fused(dir / "fused",
                     R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 3})");
  const Bytes both =
      fused.AddRandom("model.layers.0.mlp.experts.gate_up_proj", DType::kBF16, {3, 64, 32});
  Bytes gate;
  Bytes up;
  for (uint64_t e = 0; e < 3; ++e) {
    AppendTo(gate, RowsOf(both, 64, 64 * e, 32));
    AppendTo(up, RowsOf(both, 64, 64 * e + 32, 32));
  }
  const Streamed split = MustStream(fused);
  EXPECT_EQ(split.tensors.at("model.layers.0.mlp.switch_mlp.gate_proj.weight"), gate);
  EXPECT_EQ(split.tensors.at("model.layers.0.mlp.switch_mlp.up_proj.weight"), up);

  SourceFolder apart(dir / "apart",
                     R"({"architectures": ["Gemma4ForCausalLM"], "num_experts": 3})");
  apart.Add("model.layers.0.moe.gate_proj", DType::kBF16, {3, 32, 32}, gate);
  apart.Add("model.layers.0.moe.up_proj", DType::kBF16, {3, 32, 32}, up);
  EXPECT_EQ(MustStream(apart).tensors.at("model.layers.0.moe.switch_mlp.gate_up_proj.weight"),
            both);
}

TEST(WeightStream, TransposesAndTakesTurnsApart) {
  testing::TempDir dir;
  constexpr uint64_t kHidden = 70;  // no multiple of a tile
  constexpr uint64_t kInner = 40;
  SourceFolder folder(dir / "m",
                      R"({"architectures": ["GptOssForCausalLM"], "num_local_experts": 2})");
  const Bytes source = folder.AddRandom("model.layers.0.mlp.experts.gate_up_proj", DType::kBF16,
                                        {2, kHidden, 2 * kInner});
  const Bytes down =
      folder.AddRandom("model.layers.0.mlp.experts.down_proj", DType::kBF16, {2, kInner, kHidden});
  const Bytes bias = folder.AddRandom("model.layers.0.mlp.experts.gate_up_proj_bias", DType::kBF16,
                                      {2, 2 * kInner});
  const auto at = [](const Bytes& bytes, uint64_t index) {
    uint16_t value = 0;
    std::memcpy(&value, bytes.data() + 2 * index, 2);
    return value;
  };
  const Streamed result = MustStream(folder);
  const std::string group = "model.layers.0.mlp.switch_mlp.";
  for (uint64_t half = 0; half < 2; ++half) {
    const std::string name = half == 0 ? "gate_proj" : "up_proj";
    const Bytes& weight = result.tensors.at(group + name + ".weight");
    const Bytes& biases = result.tensors.at(group + name + ".bias");
    for (uint64_t e = 0; e < 2; ++e) {
      for (uint64_t i = 0; i < kInner; ++i) {
        ASSERT_EQ(at(biases, e * kInner + i), at(bias, e * 2 * kInner + 2 * i + half));
        for (uint64_t h = 0; h < kHidden; ++h) {
          ASSERT_EQ(at(weight, (e * kInner + i) * kHidden + h),
                    at(source, (e * kHidden + h) * 2 * kInner + 2 * i + half));
        }
      }
    }
  }
  const Bytes& turned = result.tensors.at(group + "down_proj.weight");
  for (uint64_t e = 0; e < 2; ++e) {
    for (uint64_t h = 0; h < kHidden; ++h) {
      for (uint64_t i = 0; i < kInner; ++i) {
        ASSERT_EQ(at(turned, (e * kHidden + h) * kInner + i),
                  at(down, (e * kInner + i) * kHidden + h));
      }
    }
  }
}

TEST(WeightStream, KeepsPackedBlocksAndTakesTheirRowsApart) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m",
                      R"({"architectures": ["GptOssForCausalLM"], "num_local_experts": 2})");
  const Bytes blocks =
      folder.AddRandom("model.layers.0.mlp.experts.gate_up_proj_blocks", DType::kU8, {2, 8, 3, 16});
  const Bytes scales =
      folder.AddRandom("model.layers.0.mlp.experts.gate_up_proj_scales", DType::kU8, {2, 8, 3});
  Bytes up;
  Bytes up_scales;
  for (uint64_t row = 1; row < 16; row += 2) {
    AppendTo(up, RowsOf(blocks, 48, row, 1));
    AppendTo(up_scales, RowsOf(scales, 3, row, 1));
  }
  const Streamed result = MustStream(folder);
  EXPECT_EQ(result.tensors.at("model.layers.0.mlp.switch_mlp.up_proj.weight"), up);
  EXPECT_EQ(result.tensors.at("model.layers.0.mlp.switch_mlp.up_proj.weight.scale"), up_scales);
}

TEST(WeightStream, KeepsPrequantizedExpertsBitForBit) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m",
                      R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 2,
                          "quantization": {"bits": 4, "group_size": 64}})");
  std::map<std::string, Bytes> expected;
  for (int e = 0; e < 2; ++e) {
    const std::string base = StrCat("model.layers.0.mlp.experts.", e, ".down_proj.");
    AppendTo(expected[""], folder.AddRandom(base + "weight", DType::kU32, {32, 16}));
    AppendTo(expected[".scale"], folder.AddRandom(base + "scales", DType::kBF16, {32, 2}));
    AppendTo(expected[".bias"], folder.AddRandom(base + "biases", DType::kBF16, {32, 2}));
  }
  const Streamed result = MustStream(folder);
  for (const auto& [suffix, bytes] : expected) {
    EXPECT_EQ(result.tensors.at("model.layers.0.mlp.switch_mlp.down_proj.weight" + suffix), bytes);
  }
}

Bytes FloatBytes(std::initializer_list<float> values) {
  Bytes bytes(values.size() * 4);
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

TEST(WeightStream, StoresEveryGlobalScaleAsAFactor) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 2})");
  for (int e = 0; e < 2; ++e) {
    const std::string base = StrCat("model.layers.0.mlp.experts.", e, ".up_proj.");
    folder.AddRandom(base + "weight_packed", DType::kU8, {16, 16});
    folder.AddRandom(base + "weight_scale", DType::kF8E4M3, {16, 2});
    folder.Add(base + "weight_global_scale", DType::kF32, {1}, FloatBytes({e == 0 ? 4.0F : 8.0F}));
  }
  folder.AddRandom("a.weight", DType::kU8, {16, 16});
  folder.AddRandom("a.weight_scale", DType::kF8E4M3, {16, 2});
  folder.Add("a.weight_scale_2", DType::kF32, {}, FloatBytes({0.5F}));
  folder.AddRandom("model.layers.1.mlp.switch_mlp.up_proj.weight", DType::kU32, {2, 16, 4});
  folder.AddRandom("model.layers.1.mlp.switch_mlp.up_proj.scales", DType::kU8, {2, 16, 2});
  folder.Add("model.layers.1.mlp.switch_mlp.up_proj.global_scale", DType::kF32, {2},
             FloatBytes({2688.0F, 1344.0F}));
  folder.AddRandom("model.layers.2.mlp.switch_mlp.up_proj.weight", DType::kU32, {2, 16, 4});
  folder.AddRandom("model.layers.2.mlp.switch_mlp.up_proj.weight_scale", DType::kF8E4M3,
                   {2, 16, 2});
  folder.Add("model.layers.2.mlp.switch_mlp.up_proj.weight_scale_2", DType::kF32, {1},
             FloatBytes({0.75F}));
  const auto tensors = MustStream(folder).tensors;
  EXPECT_EQ(tensors.at("model.layers.0.mlp.switch_mlp.up_proj.weight.global_scale"),
            FloatBytes({0.25F, 0.125F}));
  EXPECT_EQ(tensors.at("a.weight.global_scale"), FloatBytes({0.5F}));
  EXPECT_EQ(tensors.at("model.layers.1.mlp.switch_mlp.up_proj.weight.global_scale"),
            FloatBytes({1.0F, 0.5F}));
  EXPECT_EQ(tensors.at("model.layers.2.mlp.switch_mlp.up_proj.weight.global_scale"),
            FloatBytes({0.75F, 0.75F}));
  EXPECT_EQ(tensors.at("a.weight"), folder.BytesOf("a.weight"));
  EXPECT_EQ(tensors.at("a.weight.scale"), folder.BytesOf("a.weight_scale"));
}

TEST(WeightStream, RefusesAGlobalScaleOfNothing) {
  for (const float scale : {0.0F, INFINITY, NAN}) {
    testing::TempDir dir;
    SourceFolder folder(dir / "m", R"({"architectures": ["LlamaForCausalLM"]})");
    folder.AddRandom("a.weight_packed", DType::kU8, {16, 16});
    folder.AddRandom("a.weight_scale", DType::kF8E4M3, {16, 2});
    folder.Add("a.weight_global_scale", DType::kF32, {1}, FloatBytes({scale}));
    folder.Write();
    const auto result = TryStream(PlanOf(folder));
    ASSERT_FALSE(result.ok());
    EXPECT_THAT(std::string(result.status().message()),
                HasSubstr("the global scale \"a.weight_global_scale\" is "));
  }
}

// --- quantizing -----------------------------------------------------------------------------

struct Encoded {
  Bytes codes, scales, biases;
};
Encoded Encode(std::string_view type, DType dtype, const Bytes& bytes, uint64_t columns) {
  const quant::Format format = *quant::ParseType(type);
  const FloatType from = dtype == DType::kF32   ? FloatType::kF32
                         : dtype == DType::kF16 ? FloatType::kF16
                                                : FloatType::kBF16;
  const uint64_t rows = bytes.size() / SizeOf(from) / columns;
  const auto sizes = SizesFor(format, from, rows, columns);
  Encoded out{Bytes(sizes->codes), Bytes(sizes->scales), Bytes(sizes->biases)};
  quant::EncodeSummary summary;
  const auto status =
      quant::Encode(format, {.type = from, .rows = rows, .columns = columns, .bytes = bytes},
                    {.codes = out.codes, .scales = out.scales, .biases = out.biases}, &summary);
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

class Quantized : public ::testing::TestWithParam<Precision> {};

TEST_P(Quantized, EqualsTheQuantizerOverTheStackedSource) {
  const std::string type(family::NameOf(GetParam()));
  for (DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
    testing::TempDir dir;
    SourceFolder folder(dir / "m", kMoe);
    Bytes stacked;
    for (int e = 0; e < 12; ++e) {
      AppendTo(stacked,
               folder.AddRandom(StrCat("model.layers.0.mlp.experts.", e, ".up_proj.weight"), dtype,
                                {32, 128}));
    }
    // More than one chunk.
    const Bytes wide =
        folder.AddRandom("model.layers.0.self_attn.q_proj.weight", dtype, {1024, 1024});
    const Streamed result = MustStream(folder, Ask(GetParam()));
    using Case = std::tuple<std::string, const Bytes*, uint64_t>;
    for (const auto& [name, bytes, columns] :
         {Case("model.layers.0.mlp.switch_mlp.up_proj.weight", &stacked, 128),
          Case("model.layers.0.self_attn.q_proj.weight", &wide, 1024)}) {
      const Encoded expected = Encode(type, dtype, *bytes, columns);
      EXPECT_EQ(result.tensors.at(name), expected.codes) << name;
      EXPECT_EQ(result.tensors.at(StrCat(name, ".scale")), expected.scales) << name;
      if (!expected.biases.empty()) {
        EXPECT_EQ(result.tensors.at(StrCat(name, ".bias")), expected.biases) << name;
      }
    }
  }
}

TEST_P(Quantized, IsTheSameWhenScalesAreTooManyToHold) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kMoe);
  folder.AddRandom("model.layers.0.self_attn.q_proj.weight", DType::kBF16, {1024, 1024});
  const Streamed held = MustStream(folder, Ask(GetParam()));
  const Streamed placed = MustStream(folder, Ask(GetParam()), {.companion_bytes = 1000});
  EXPECT_EQ(held.tensors, placed.tensors);
  EXPECT_EQ(held.placed, 0U);
  EXPECT_GT(placed.placed, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Types, Quantized,
                         ::testing::Values(Precision::kInt4, Precision::kInt8, Precision::kNvfp4,
                                           Precision::kMxfp4, Precision::kMxfp8),
                         [](const auto& info) { return std::string(family::NameOf(info.param)); });

TEST(WeightStream, CastsBeforeItQuantizes) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kMoe);
  const Bytes source =
      folder.AddRandom("model.layers.0.self_attn.q_proj.weight", DType::kF32, {64, 128});
  const Bytes norm = folder.AddRandom("model.norm.weight", DType::kF64, {9});
  Recipe recipe = Ask(Precision::kInt4);
  recipe.to_bfloat16 = true;
  const Streamed result = MustStream(folder, recipe);
  Bytes cast(source.size() / 2);
  for (size_t i = 0; i < cast.size() / 2; ++i) {
    StoreFloat(FloatType::kBF16, LoadFloat(FloatType::kF32, source.data(), i), cast.data(), i);
  }
  EXPECT_EQ(result.tensors.at("model.layers.0.self_attn.q_proj.weight"),
            Encode("int4", DType::kBF16, cast, 128).codes);
  for (size_t i = 0; i < 9; ++i) {
    double value = 0;
    std::memcpy(&value, norm.data() + 8 * i, 8);
    EXPECT_EQ(LoadFloat(FloatType::kBF16, result.tensors.at("model.norm.weight").data(), i),
              RoundTo(FloatType::kBF16, static_cast<float>(value)));
  }
}

// --- decoding -------------------------------------------------------------------------------

// The formula, one value at a time.
Bytes DecodeFp8(const Bytes& codes, uint64_t rows, uint64_t columns,
                const std::function<float(uint64_t row, uint64_t column)>& scale) {
  Bytes out(codes.size() * 2);
  for (uint64_t r = 0; r < rows; ++r) {
    for (uint64_t c = 0; c < columns; ++c) {
      const float value = quant::F32FromE4M3(static_cast<uint8_t>(codes[r * columns + c]));
      StoreFloat(FloatType::kBF16, value * scale(r, c), out.data(), r * columns + c);
    }
  }
  return out;
}

constexpr std::string_view kFp8 = R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 2,
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})";

TEST(WeightStream, DecodesEveryKindOfScaledEightBitFloats) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kFp8);
  const auto f32 = [](const Bytes& bytes, uint64_t i) {
    return LoadFloat(FloatType::kF32, bytes.data(), i);
  };
  std::map<std::string, Bytes> expected;
  const Bytes blocks = folder.AddRandom("a.weight", DType::kF8E4M3, {200, 320});
  const Bytes block_scales = folder.AddRandom("a.weight_scale_inv", DType::kF32, {2, 3});
  expected["a.weight"] = DecodeFp8(blocks, 200, 320, [&](uint64_t r, uint64_t c) {
    return f32(block_scales, r / 128 * 3 + c / 128);
  });
  const Bytes rows = folder.AddRandom("b.weight", DType::kF8E4M3, {200, 320});
  const Bytes row_scales = folder.AddRandom("b.weight_scale", DType::kF32, {200, 1});
  expected["b.weight"] =
      DecodeFp8(rows, 200, 320, [&](uint64_t r, uint64_t) { return f32(row_scales, r); });
  const Bytes whole = folder.AddRandom("c.weight", DType::kF8E4M3, {200, 320});
  folder.Add("c.weight_scale", DType::kF32, {}, FloatBytes({0.3F}));
  expected["c.weight"] = DecodeFp8(whole, 200, 320, [](uint64_t, uint64_t) { return 0.3F; });
  const Bytes powers = folder.AddRandom("d.weight", DType::kF8E4M3, {130, 130});
  folder.Add("d.weight_scale", DType::kF8E8M0, {2, 2},
             {std::byte{127}, std::byte{120}, std::byte{130}, std::byte{126}});
  expected["d.weight"] = DecodeFp8(powers, 130, 130, [](uint64_t r, uint64_t c) {
    return std::ldexp(1.0F, r < 128 ? (c < 128 ? 0 : -7) : (c < 128 ? 3 : -1));
  });
  // Fused experts: the up's rows begin in the middle of a block.
  const Bytes fused =
      folder.AddRandom("model.layers.0.mlp.experts.gate_up_proj", DType::kF8E4M3, {2, 128, 128});
  const Bytes fused_scales =
      folder.AddRandom("model.layers.0.mlp.experts.gate_up_proj_scale_inv", DType::kF32, {2, 1, 1});
  const Bytes all =
      DecodeFp8(fused, 256, 128, [&](uint64_t r, uint64_t) { return f32(fused_scales, r / 128); });
  Bytes& up = expected["model.layers.0.mlp.switch_mlp.up_proj.weight"];
  up = RowsOf(all, 256, 64, 64);
  AppendTo(up, RowsOf(all, 256, 192, 64));
  Recipe recipe;
  recipe.to_bfloat16 = true;
  const Streamed result = MustStream(folder, recipe);
  for (const auto& [name, bytes] : expected) EXPECT_EQ(result.tensors.at(name), bytes) << name;
  // And quantized by default.
  EXPECT_EQ(MustStream(folder).tensors.at("b.weight"),
            Encode("mxfp8", DType::kBF16, expected["b.weight"], 320).codes);
}

TEST(WeightStream, QuantizesAgainWhatItIsAllowedTo) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", R"({"architectures": ["LlamaForCausalLM"],
      "quantization": {"bits": 8, "group_size": 64}})");
  const Bytes codes = folder.AddRandom("model.layers.0.up.weight", DType::kU32, {600, 256});
  const Bytes scales = folder.AddRandom("model.layers.0.up.scales", DType::kBF16, {600, 16});
  const Bytes biases = folder.AddRandom("model.layers.0.up.biases", DType::kBF16, {600, 16});
  Recipe recipe = Ask(Precision::kInt4);
  recipe.allow_requantize = true;
  const Streamed result = MustStream(folder, recipe);
  Bytes decoded(size_t{600} * 1024 * 2);
  ASSERT_TRUE(quant::Decode({.format = {quant::Mode::kAffine, 8, 64},
                             .scale_type = FloatType::kBF16,
                             .rows = 600,
                             .columns = 1024,
                             .codes = codes,
                             .scales = scales,
                             .biases = biases},
                            FloatType::kBF16, decoded)
                  .ok());
  const Encoded expected = Encode("int4", DType::kBF16, decoded, 1024);
  EXPECT_EQ(result.tensors.at("model.layers.0.up.weight"), expected.codes);
  EXPECT_EQ(result.tensors.at("model.layers.0.up.weight.scale"), expected.scales);
}

TEST(WeightStream, AppliesGlobalScalesWhenItQuantizesAgain) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", R"({"architectures": ["LlamaForCausalLM"]})");
  const Bytes codes = folder.AddRandom("model.layers.0.up.weight", DType::kU8, {64, 64});
  const Bytes scales = folder.AddRandom("model.layers.0.up.weight_scale", DType::kF8E4M3, {64, 8});
  folder.Add("model.layers.0.up.weight_scale_2", DType::kF32, {}, FloatBytes({0.37F}));
  Bytes decoded(size_t{64} * 128 * 2);
  for (uint64_t i = 0; i < uint64_t{64} * 128; ++i) {
    const auto byte = static_cast<uint8_t>(codes[i / 2]);
    const float value = quant::kE2M1Values[i % 2 == 0 ? byte & 15 : byte >> 4];
    const float scale = quant::F32FromE4M3(static_cast<uint8_t>(scales[i / 16]));
    StoreFloat(FloatType::kBF16, value * scale * 0.37F, decoded.data(), i);
  }
  Recipe recipe = Ask(Precision::kMxfp8);
  recipe.allow_requantize = true;
  EXPECT_EQ(MustStream(folder, recipe).tensors.at("model.layers.0.up.weight"),
            Encode("mxfp8", DType::kBF16, decoded, 128).codes);
}

// --- what is noticed --------------------------------------------------------------------------

TEST(WeightStream, FindsValuesThatNoModelCanWorkWith) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kMoe);
  Bytes dense = RandomBytes(DType::kBF16, uint64_t{64} * 128, 1);
  Bytes norm = RandomBytes(DType::kF32, 64, 2);
  const uint16_t nan = 0x7fc0;
  std::memcpy(dense.data() + size_t{2} * (128 * 7 + 3), &nan, 2);
  std::memcpy(dense.data() + size_t{2} * (128 * 9 + 4), &nan, 2);
  const float infinity = INFINITY;
  std::memcpy(norm.data() + size_t{4} * 5, &infinity, 4);
  folder.Add("model.layers.0.self_attn.q_proj.weight", DType::kBF16, {64, 128}, dense);
  folder.Add("model.norm.weight", DType::kF32, {64}, norm);
  const Streamed result = MustStream(folder, Ask(Precision::kInt8));
  const WeightFindings& q = result.findings.at("model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(q.nonfinite, 2U);
  EXPECT_EQ(q.first_nonfinite_row, 7U);
  EXPECT_EQ(result.findings.at("model.norm.weight").nonfinite, 1U);
}

TEST(WeightStream, FindsRowsThatBecameZero) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kMoe);
  Bytes dense = RandomBytes(DType::kF32, uint64_t{64} * 128, 1);
  for (uint64_t i = 0; i < 128; ++i) {  // far below the smallest nvfp4 group
    const float tiny = 1e-7F;
    std::memcpy(dense.data() + size_t{4} * (size_t{128} * 11 + i), &tiny, 4);
  }
  folder.Add("model.layers.0.self_attn.q_proj.weight", DType::kF32, {64, 128}, dense);
  const Streamed result = MustStream(folder, Ask(Precision::kNvfp4));
  const WeightFindings& q = result.findings.at("model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(q.zeroed_rows, 1U);
  EXPECT_EQ(q.first_zeroed_row, 11U);
  EXPECT_FALSE(q.error);
}

TEST(WeightStream, MeasuresWhatWasLostWhenAsked) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kMoe);
  folder.AddRandom("model.layers.0.self_attn.q_proj.weight", DType::kBF16, {64, 128});
  const Streamed result = MustStream(folder, Ask(Precision::kInt4), {.measure = true});
  const auto& error = result.findings.at("model.layers.0.self_attn.q_proj.weight").error;
  ASSERT_TRUE(error);
  EXPECT_EQ(error->values, 64U * 128);
  EXPECT_GT(error->Cosine(), 0.95);
  EXPECT_GT(error->RmsError(), 0);
}

TEST(WeightStream, StopsWhenItIsCancelled) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kMoe);
  folder.AddRandom("model.layers.0.self_attn.q_proj.weight", DType::kBF16, {64, 128});
  folder.Write();
  const std::atomic<bool> cancelled = true;
  const auto result = TryStream(PlanOf(folder), {.cancelled = &cancelled});
  EXPECT_EQ(result.status().code(), core::Code::kCancelled);
}

TEST(SourceBytes, NoticesAFileThatChanges) {
  testing::TempDir dir;
  SourceFolder folder(dir / "m", kMoe);
  folder.AddRandom("model.norm.weight", DType::kBF16, {64});
  folder.Write();
  const Plan plan = PlanOf(folder);
  SourceBytes before(core::Env::Posix(), plan.source);
  ASSERT_TRUE(before.Bytes(0).ok());
  EXPECT_TRUE(before.CheckUnchanged().ok());
  EXPECT_TRUE(before.CheckUnchanged(std::vector<uint32_t>{0, 0}).ok());
  folder.Write();  // the same bytes at another time
  EXPECT_FALSE(before.CheckUnchanged().ok());
  EXPECT_FALSE(before.CheckUnchanged(std::vector<uint32_t>{0}).ok());
  EXPECT_TRUE(before.CheckUnchanged(std::vector<uint32_t>{}).ok());
  SourceBytes after(core::Env::Posix(), plan.source);
  const auto bytes = after.Bytes(0);
  ASSERT_FALSE(bytes.ok());
  EXPECT_THAT(std::string(bytes.status().message()), HasSubstr("model.safetensors"));
}

}  // namespace
}  // namespace ingot::import
