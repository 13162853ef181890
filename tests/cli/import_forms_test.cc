// Forms that checkpoints come in besides that of the goldens, imported and run: inside a
// vision-language model, and as mlx-lm converts and quantizes.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "models/load.h"
#include "quant/modes.h"
#include "tests/cli/golden_store.h"
#include "tests/models/golden_check.h"
#include "tests/models/packed_checkpoint.h"
#include "tests/models/seeded_checkpoint.h"

namespace ingot::cli {
namespace {

using ::ingot::testing::Golden;
using ::ingot::testing::LogitsOf;
using ::ingot::testing::Named;
using ::ingot::testing::SeededTensor;
using ::ingot::testing::StoredTensor;

using ModelResult = core::Result<std::unique_ptr<model::LanguageModel>>;

TEST(ImportFormsTest, LanguageModelsOfVisionModelsMatchTheReference) {
  for (const auto& [name, fused] :
       {std::pair{"qwen3_5", false}, {"qwen3_5_moe", false}, {"qwen3_5_moe", true}}) {
    SCOPED_TRACE(name);
    const Golden golden = testing::ReadGolden(name);
    Golden wrapped = golden;
    if (fused) wrapped.tensors = testing::FuseExperts(golden.tensors, "");
    testing::WrapInVision(wrapped);
    testing::GoldenStore store;
    const core::Status imported = store.Import(wrapped, family::Precision::kSource);
    ASSERT_TRUE(imported.ok()) << imported.message();
    const core::Result<testing::Runnable> stored = store.Load();
    ASSERT_TRUE(stored.ok()) << stored.status().message();
    for (const size_t chunk : {512, 16, 7, 1}) {
      SCOPED_TRACE(chunk);
      testing::ExpectMatches(golden, stored->Rows(testing::FedTokens(golden), chunk));
    }
  }
}

// As mlx-lm converts: convolutions turned, and norms that hold their 1.
void ConvertForMlx(std::vector<SeededTensor>& tensors) {
  for (SeededTensor& tensor : tensors) {
    if (tensor.name.ends_with("conv1d.weight")) std::swap(tensor.shape[1], tensor.shape[2]);
    if (!tensor.name.ends_with("norm.weight") ||
        tensor.name.find("linear_attn") != std::string::npos) {
      continue;
    }
    for (uint16_t& value : tensor.values) {
      value = testing::ToBf16(testing::FromBf16(value) + 1.0F);
    }
  }
}

// Mixtures as mlx-lm quantizes them: all in one format, but the routers in 8-bit affine, which
// config.json says for each, with its mode or, as older versions write it, without.
TEST(ImportFormsTest, WhatMlxConvertedRunsFromItsFolderAndFromAnImport) {
  constexpr quant::Format kInt8{quant::Mode::kAffine, 8, 64};
  constexpr quant::Format kInt4{quant::Mode::kAffine, 4, 32};
  constexpr quant::Format kNvfp4{quant::Mode::kNvfp4, 4, 16};
  testing::GoldenStore store;
  const Golden golden = testing::ReadGolden("qwen3_5_moe");
  std::vector<SeededTensor> tensors =
      testing::StackExperts(golden.tensors, "switch_mlp", ".weight");
  ConvertForMlx(tensors);
  const std::vector<int> tokens = testing::FedTokens(golden);
  for (const quant::Format& format : {kInt4, kNvfp4}) {
    SCOPED_TRACE(quant::TypeName(format));
    core::Json block = {{"group_size", format.group_size},
                        {"bits", format.bits},
                        {"mode", format.mode == quant::Mode::kAffine ? "affine" : "nvfp4"}};
    std::vector<StoredTensor> packed_tensors;
    std::vector<StoredTensor> values;
    size_t routers = 0;
    for (const SeededTensor& tensor : tensors) {
      const std::string& name = tensor.name;
      const bool router = name.ends_with("mlp.gate.weight") || name.ends_with("expert_gate.weight");
      const bool matrix = name.ends_with("_proj.weight") || name.ends_with("embed_tokens.weight");
      const std::string base = name.substr(0, name.size() - std::string(".weight").size());
      if (!router && (!matrix || tensor.shape.back() % 32 != 0)) {
        packed_tensors.push_back(Dense(tensor));
        values.push_back(Dense(tensor));
        continue;
      }
      const testing::Packed packed = Pack(tensor, router ? kInt8 : format);
      packed_tensors.push_back(Named(packed.codes, name));
      packed_tensors.push_back(Named(packed.scales, base + ".scales"));
      if (packed.biases) packed_tensors.push_back(Named(*packed.biases, base + ".biases"));
      values.push_back(packed.values);
      if (!router) continue;
      ++routers;
      block[base] = {{"group_size", 64}, {"bits", 8}, {"mode", "affine"}};
    }
    EXPECT_EQ(routers, 8u);

    const auto write = [&](const std::string& place, const core::Json& config,
                           const std::vector<StoredTensor>& all) {
      std::filesystem::create_directories(store.path() / place);
      std::ofstream(store.path() / place / "config.json") << config.dump();
      testing::WriteTensors(store.path() / place / "model.safetensors", all);
    };
    write("values", golden.config, values);
    const ModelResult dense =
        models::LoadFolder(core::Env::Posix(), store.path() / "values", ops::mx::float32);
    ASSERT_TRUE(dense.ok()) << dense.status().message();
    const std::vector<float> expected = LogitsOf(**dense, tokens, 512);
    for (const bool says_mode : {true, false}) {
      SCOPED_TRACE(says_mode ? "with modes" : "without modes");
      core::Json config = golden.config;
      config["quantization"] = block;
      for (auto& [key, value] : config["quantization"].items()) {
        if (value.is_object() && !says_mode) value.erase("mode");
      }
      config["quantization_config"] = config["quantization"];
      write("packed", config, packed_tensors);
      const ModelResult folder =
          models::LoadFolder(core::Env::Posix(), store.path() / "packed", ops::mx::float32);
      ASSERT_TRUE(folder.ok()) << folder.status().message();
      const core::Status imported =
          store.ImportFolder(store.path() / "packed", family::Precision::kSource);
      ASSERT_TRUE(imported.ok()) << imported.message();
      const core::Result<testing::Runnable> stored = store.Load();
      ASSERT_TRUE(stored.ok()) << stored.status().message();
      for (const size_t chunk : {512, 16, 7, 1}) {
        EXPECT_LE(testing::WorstError(LogitsOf(**folder, tokens, chunk), expected), 1e-4) << chunk;
        EXPECT_LE(testing::WorstError(stored->Rows(tokens, chunk), expected), 1e-4) << chunk;
      }
    }
  }
}

}  // namespace
}  // namespace ingot::cli
