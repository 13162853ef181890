// Stores of other writers, older and newer: the same experts in every form and packing that was
// ever published have to give the logits of the values that they stand for.
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "models/load.h"
#include "tests/models/golden_check.h"
#include "tests/models/packed_checkpoint.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/temp_dir.h"

namespace ingot::models {
namespace {

using ::ingot::testing::Golden;
using ::ingot::testing::LogitsOf;
using ::ingot::testing::Metadata;
using ::ingot::testing::Named;
using ::ingot::testing::Packed;
using ::ingot::testing::SeededTensor;
using ::ingot::testing::StoredTensor;
using quant::Format;
using quant::Mode;

using ModelResult = core::Result<std::unique_ptr<model::LanguageModel>>;

constexpr Format kInt4By32{Mode::kAffine, 4, 32};
constexpr Format kInt4{Mode::kAffine, 4, 64};
constexpr Format kInt8{Mode::kAffine, 8, 64};
constexpr Format kNvfp4{Mode::kNvfp4, 4, 16};
constexpr Format kMxfp4{Mode::kMxfp4, 4, 32};

enum class Form { kPerExpert, kStacked, kFused };
enum class Words { kNone, kUniform, kPerTensor };  // what the metadata says

struct Dialect {
  std::string what;
  Form form = Form::kStacked;
  std::string stem;    // "switch_mlp" or "experts"
  std::string ending;  // ".weight" or nothing
  Format gate_up;
  Format down;
  Words words = Words::kUniform;
  bool plural = false;
  bool global_scales = false;
  std::string prefix = "model.";
  bool blob_a_layer = true;  // else one a tensor
};

const std::vector<Dialect>& Dialects() {
  static const std::vector<Dialect> dialects = {
      {"int4 in groups of 32", Form::kStacked, "switch_mlp", ".weight", kInt4By32, kInt4By32},
      {"mixed types, metadata a tensor", Form::kStacked, "experts", ".weight", kInt4, kInt8,
       Words::kPerTensor},
      {"mixed types, no metadata", Form::kStacked, "switch_mlp", ".weight", kNvfp4, kInt8,
       Words::kNone},
      {"mixed 4-bit floats, no metadata, no .weight", Form::kStacked, "experts", "", kNvfp4, kMxfp4,
       Words::kNone},
      {"stacked below experts", Form::kStacked, "experts", ".weight", kInt4, kInt4},
      {"stacked below experts, plural names", Form::kStacked, "experts", ".weight", kInt8, kInt8,
       Words::kUniform, true},
      {"gate over up in one", Form::kFused, "experts", "", kInt4, kInt4},
      {"gate over up in one, nvfp4 and int8, a blob a tensor", Form::kFused, "experts", ".weight",
       kNvfp4, kInt8, Words::kUniform, false, false, "model.", false},
      {"an expert a tensor", Form::kPerExpert, "experts", ".weight", kInt4, kInt4},
      {"an expert a tensor, nvfp4 with global scales", Form::kPerExpert, "experts", ".weight",
       kNvfp4, kNvfp4, Words::kNone, false, true},
      {"a container around the language model", Form::kStacked, "switch_mlp", ".weight", kInt4,
       kInt4, Words::kUniform, false, false, "language_model.model."},
      {"another container", Form::kStacked, "switch_mlp", ".weight", kInt4, kInt8,
       Words::kPerTensor, false, false, "model.language_model."},
  };
  return dialects;
}

bool IsExpert(const std::string& name) {
  return name.find(".experts.") != std::string::npos ||
         name.find(".switch_mlp.") != std::string::npos;
}

std::vector<SeededTensor> InForm(const Dialect& dialect, const std::vector<SeededTensor>& tensors) {
  switch (dialect.form) {
    case Form::kPerExpert:
      return tensors;
    case Form::kStacked:
      return testing::StackExperts(tensors, dialect.stem, dialect.ending);
    case Form::kFused:
      break;
  }
  return testing::FuseExperts(tensors, dialect.ending);
}

// The scales of a checkpoint are half of what they should be, and the global scale two.
void MoveIntoGlobalScale(const std::string& name, Packed& packed,
                         std::vector<StoredTensor>& tensors) {
  const float two = 2.0F;
  for (size_t i = 0; i < packed.values.bytes.size(); i += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, packed.values.bytes.data() + i, sizeof value);
    value *= two;
    std::memcpy(packed.values.bytes.data() + i, &value, sizeof value);
  }
  const std::string bytes(reinterpret_cast<const char*>(&two), sizeof two);
  tensors.push_back({name + ".global_scale", tensor::DType::kF32, {1}, bytes});
  // For activations, which are not quantized here.
  tensors.push_back({name + ".input_global_scale", tensor::DType::kF32, {1}, bytes});
}

struct Blob {
  std::vector<StoredTensor> tensors;
  Metadata metadata;
};

// Blobs by layer name, and the dense values behind them.
struct Store {
  std::map<std::string, Blob> blobs;
  std::map<std::string, Blob> values;
};

std::string Prefixed(const Dialect& dialect, const std::string& name) {
  return name.starts_with("model.") ? dialect.prefix + name.substr(6) : name;
}

Store Lay(const Dialect& dialect, const Golden& golden) {
  Store store;
  for (const SeededTensor& tensor : InForm(dialect, golden.tensors)) {
    const std::string name = Prefixed(dialect, tensor.name);
    if (!IsExpert(tensor.name)) {
      store.blobs[name].tensors.push_back(Named(Dense(tensor), name));
      store.values[name].tensors.push_back(Named(Dense(tensor), name));
      continue;
    }
    const bool down = name.find("down_proj") != std::string::npos;
    const Format& format = down ? dialect.down : dialect.gate_up;
    Packed packed = Pack(tensor, format);
    const std::string layer = name.substr(0, name.find(".mlp.")) + ".mlp." + dialect.stem;
    Blob& blob = store.blobs[dialect.blob_a_layer ? layer : name];
    if (dialect.global_scales) MoveIntoGlobalScale(name, packed, blob.tensors);
    const std::string base = name.ends_with(".weight") ? name.substr(0, name.size() - 7) : name;
    const std::string scale = dialect.plural ? base + ".scales" : name + ".scale";
    const std::string bias = dialect.plural ? base + ".biases" : name + ".bias";
    if (packed.biases) blob.tensors.push_back(Named(*packed.biases, bias));
    blob.tensors.push_back(Named(packed.scales, scale));
    blob.tensors.push_back(Named(packed.codes, name));
    const std::string type(quant::TypeName(format));
    const std::string group = core::StrCat(format.group_size);
    if (dialect.words == Words::kUniform) {
      blob.metadata = {{"quant_type", type}, {"group_size", group}};
    } else if (dialect.words == Words::kPerTensor) {
      blob.metadata[name + ".quant_type"] = type;
      blob.metadata[name + ".group_size"] = group;
    }
    store.values[name].tensors.push_back(Named(packed.values, name));
  }
  return store;
}

ModelResult Load(const core::Json& config, const std::map<std::string, Blob>& blobs) {
  const testing::TempDir dir;
  std::vector<model::TensorBlob> files;
  for (const auto& [layer, blob] : blobs) {
    files.push_back({layer, dir / core::StrCat(files.size())});
    std::ofstream(files.back().path, std::ios::binary)
        << testing::LooseFile(blob.tensors, blob.metadata);
  }
  INGOT_ASSIGN(const model::StoredTensors tensors,
               model::StoredTensors::FromBlobs(core::Env::Posix(), files));
  return LoadTensors(config, tensors, ops::mx::float32);
}

TEST(DialectsTest, EveryPublishedFormOfExpertsComputesWithItsValues) {
  const Golden golden = testing::ReadGolden("qwen3_5_moe");
  const std::vector<int> tokens(golden.prompt.begin(), golden.prompt.begin() + 12);
  for (const Dialect& dialect : Dialects()) {
    SCOPED_TRACE(dialect.what);
    const Store store = Lay(dialect, golden);
    const ModelResult packed = Load(golden.config, store.blobs);
    const ModelResult dense = Load(golden.config, store.values);
    ASSERT_TRUE(packed.ok()) << packed.status().message();
    ASSERT_TRUE(dense.ok()) << dense.status().message();
    const std::vector<float> expected = LogitsOf(**dense, tokens, 12);
    EXPECT_LE(testing::WorstError(LogitsOf(**packed, tokens, 12), expected), 1e-4);
    EXPECT_LE(testing::WorstError(LogitsOf(**packed, tokens, 1), expected), 1e-4);
  }
}

TEST(DialectsTest, WithoutAWordTwoFormatsOfTheSameShapesAreRefused) {
  const Golden golden = testing::ReadGolden("qwen3_5_moe");
  Dialect dialect = Dialects()[0];
  dialect.gate_up = dialect.down = kInt4;
  dialect.words = Words::kNone;
  const ModelResult model = Load(golden.config, Lay(dialect, golden).blobs);
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(std::string(model.status().message()),
              ::testing::HasSubstr("neither config.json nor the blob says which"));
}

TEST(DialectsTest, AnExpertStoredUnlikeTheOthersIsNamed) {
  const Golden golden = testing::ReadGolden("qwen3_5_moe");
  Dialect dialect = Dialects()[8];
  ASSERT_EQ(dialect.form, Form::kPerExpert);
  Store store = Lay(dialect, golden);
  const std::string name = "model.layers.1.mlp.experts.3.up_proj.weight";
  std::vector<StoredTensor>& tensors = store.blobs["model.layers.1.mlp.experts"].tensors;
  std::erase_if(tensors, [&](const StoredTensor& t) { return t.name.starts_with(name); });
  for (const SeededTensor& tensor : golden.tensors) {
    if (tensor.name == name) tensors.push_back(Dense(tensor));
  }
  const ModelResult model = Load(golden.config, store.blobs);
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(std::string(model.status().message()),
              ::testing::HasSubstr("model.layers.1.mlp.experts.3.up_proj: stored unlike expert 0"));
}

}  // namespace
}  // namespace ingot::models
