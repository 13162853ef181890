// Every architecture with experts, its experts in every form that its family's table accepts: the
// logits are the reference's; packed with a global scale an expert, they are those of the values
// that the codes and both scales stand for.
#include "tests/models/expert_layouts.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "family/family.h"
#include "model/config_reader.h"
#include "models/load.h"
#include "tests/models/golden_check.h"
#include "tests/models/packed_checkpoint.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/temp_dir.h"

namespace ingot::models {
namespace {

using ::ingot::testing::ExpertForm;
using ::ingot::testing::ExpertLayout;
using ::ingot::testing::Golden;
using ::ingot::testing::LaidTensor;
using ::ingot::testing::LogitsOf;
using ::ingot::testing::Named;
using ::ingot::testing::Packed;
using ::ingot::testing::StoredTensor;

using ModelPtr = std::unique_ptr<model::LanguageModel>;

constexpr quant::Format kNvfp4{quant::Mode::kNvfp4, 4, 16};
constexpr quant::Format kMxfp4{quant::Mode::kMxfp4, 4, 32};
constexpr quant::Format kMxfp8{quant::Mode::kMxfp8, 8, 32};

class ExpertLayoutsTest : public ::testing::TestWithParam<const char*> {
 protected:
  ExpertLayoutsTest()
      : golden_(testing::ReadGolden(GetParam())),
        table_(*family::FindFamily(model::ArchitectureOf(golden_.config))->experts),
        checkpoint_(testing::SplitExperts(table_, golden_.tensors)) {}

  core::Result<ModelPtr> Load(const std::vector<StoredTensor>& tensors,
                              const testing::Metadata& metadata = {}) const {
    const testing::TempDir dir(testing::TempPlace::kMemory);
    testing::WriteTensors(dir / "blob", tensors, metadata);
    INGOT_ASSIGN(const model::StoredTensors stored,
                 model::StoredTensors::FromBlobs(core::Env::Posix(), {{"all", dir / "blob"}}));
    return LoadTensors(golden_.config, stored, ops::mx::float32);
  }

  Golden golden_;
  const family::ExpertTable& table_;
  testing::SplitCheckpoint checkpoint_;
};

TEST_P(ExpertLayoutsTest, EachGivesTheReferencesLogits) {
  ASSERT_FALSE(checkpoint_.layers.empty());
  for (const ExpertLayout& layout : testing::LayoutsOf(table_)) {
    SCOPED_TRACE(layout.Describe());
    std::vector<StoredTensor> tensors;
    for (const LaidTensor& laid : testing::LayOut(table_, checkpoint_, layout)) {
      tensors.push_back(Dense(laid.tensor));
    }
    const core::Result<ModelPtr> model = Load(tensors);
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_LE(testing::WorstError(LogitsOf(**model, golden_.prompt, 40), golden_.logits), 2e-3);
  }
}

// Another for each expert, so that one that is lost or taken for another shows.
float GlobalScale(size_t expert) { return 0.5F + 0.375F * static_cast<float>(expert); }

StoredTensor Floats(std::string name, const std::vector<float>& values) {
  return {std::move(name),
          tensor::DType::kF32,
          {values.size()},
          {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}};
}

void Multiply(StoredTensor& values, float factor) {
  for (size_t at = 0; at < values.bytes.size(); at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, values.bytes.data() + at, sizeof value);
    value *= factor;
    std::memcpy(values.bytes.data() + at, &value, sizeof value);
  }
}

TEST_P(ExpertLayoutsTest, PackedWithGlobalScalesEachComputesWithItsValues) {
  std::vector<quant::Format> formats = {kNvfp4};
  if (std::getenv("INGOT_SOAK") != nullptr) formats.insert(formats.end(), {kMxfp4, kMxfp8});
  for (const quant::Format& format : formats) {
    SCOPED_TRACE(quant::Describe(format));
    const bool scaled = quant::InfoOf(format.mode).takes_global_scale;
    const auto factor = [&](size_t expert) { return scaled ? GlobalScale(expert) : 1.0F; };
    std::vector<StoredTensor> values;
    const ExpertLayout apart{&table_.markers.front(), ExpertForm::kPerExpert};
    for (const LaidTensor& laid : testing::LayOut(table_, checkpoint_, apart)) {
      values.push_back(laid.expert_weight ? Pack(laid.tensor, format).values : Dense(laid.tensor));
      if (laid.expert_weight) Multiply(values.back(), factor(*laid.expert));
    }
    const core::Result<ModelPtr> meant = Load(values);
    ASSERT_TRUE(meant.ok()) << meant.status().message();
    const std::vector<float> expected = LogitsOf(**meant, golden_.prompt, 40);

    for (const ExpertLayout& layout : testing::LayoutsOf(table_)) {
      // Packed stacks cannot be turned, so nobody packs those that would have to be.
      if (layout.bare && table_.fused == family::FusedForm::kInterleaved) continue;
      SCOPED_TRACE(layout.Describe());
      std::vector<StoredTensor> tensors;
      testing::Metadata metadata;
      for (const LaidTensor& laid : testing::LayOut(table_, checkpoint_, layout)) {
        const std::string& name = laid.tensor.name;
        if (!laid.expert_weight) {
          tensors.push_back(Dense(laid.tensor));
          continue;
        }
        const Packed packed = Pack(laid.tensor, format);
        tensors.push_back(Named(packed.codes, name));
        tensors.push_back(Named(packed.scales, name + ".scale"));
        metadata[name + ".quant_type"] = quant::TypeName(format);
        metadata[name + ".group_size"] = core::StrCat(format.group_size);
        if (!scaled) continue;
        std::vector<float> scales;
        if (laid.expert) {
          scales = {GlobalScale(*laid.expert)};
        } else {
          for (size_t e = 0; e < laid.tensor.shape[0]; ++e) scales.push_back(GlobalScale(e));
        }
        tensors.push_back(Floats(name + ".global_scale", scales));
      }
      const core::Result<ModelPtr> model = Load(tensors, metadata);
      ASSERT_TRUE(model.ok()) << model.status().message();
      // At once, which brings rows into the order of their experts, and few at a time.
      for (const size_t chunk : {40, 8}) {
        EXPECT_LE(testing::WorstError(LogitsOf(**model, golden_.prompt, chunk), expected), 1e-3);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, ExpertLayoutsTest,
                         ::testing::Values("qwen3_moe", "qwen3_5_moe", "qwen3_next", "gemma4_moe",
                                           "glm4_moe_lite", "laguna", "nemotron_h", "cohere2_moe",
                                           "gpt_oss"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace ingot::models
