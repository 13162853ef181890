// Every rule of names and declarations, from blobs to logits: two weights of a small model are
// quantized, laid down as a case says, and the model must compute with just the values that the
// packed weights stand for, or refuse.
#include <fstream>
#include <functional>
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

using core::Json;
using ::ingot::testing::Golden;
using ::ingot::testing::LogitsOf;
using ::ingot::testing::Metadata;
using ::ingot::testing::Named;
using ::ingot::testing::Packed;
using ::ingot::testing::SeededTensor;
using ::ingot::testing::StoredTensor;
using ::testing::AllOf;
using ::testing::HasSubstr;

using ModelResult = core::Result<std::unique_ptr<model::LanguageModel>>;
using quant::Format;
using quant::Mode;

constexpr Format kInt4{Mode::kAffine, 4, 64};
constexpr Format kInt4By32{Mode::kAffine, 4, 32};
constexpr Format kInt8{Mode::kAffine, 8, 64};
constexpr Format kInt2{Mode::kAffine, 2, 64};
constexpr Format kNvfp4{Mode::kNvfp4, 4, 16};

const std::string kQuery = "model.layers.0.self_attn.q_proj";  // has a dense bias, too
const std::string kGate = "model.layers.0.mlp.gate_proj";

struct Blob {
  std::string layer;
  std::vector<StoredTensor> tensors;
  Metadata metadata = {};
};

// The model while a case arranges it.
struct Fixture {
  Golden golden;
  Packed query, gate;
  Json config;
  std::vector<Blob> blobs;

  Fixture(const Format& query_format, const Format& gate_format)
      : golden(testing::ReadGolden("llama_llama3")),
        query(Pack(Find(kQuery + ".weight"), query_format)),
        gate(Pack(Find(kGate + ".weight"), gate_format)),
        config(golden.config) {
    blobs.push_back({"dense", {}});
    for (const SeededTensor& tensor : golden.tensors) {
      if (tensor.name == kQuery + ".weight" || tensor.name == kGate + ".weight") continue;
      blobs.front().tensors.push_back(Dense(tensor));
    }
  }

  const SeededTensor& Find(const std::string& name) const {
    for (const SeededTensor& tensor : golden.tensors) {
      if (tensor.name == name) return tensor;
    }
    throw std::runtime_error("no tensor " + name);
  }

  ModelResult Load() const {
    const testing::TempDir dir;
    std::vector<model::TensorBlob> files;
    for (const Blob& blob : blobs) {
      files.push_back({blob.layer, dir / core::StrCat(files.size())});
      testing::WriteTensors(files.back().path, blob.tensors, blob.metadata);
    }
    INGOT_ASSIGN(const model::StoredTensors tensors,
                 model::StoredTensors::FromBlobs(core::Env::Posix(), files));
    // As it is read from a file.
    INGOT_ASSIGN(const Json read, core::ParseJson(config.dump()));
    return LoadTensors(read, tensors, ops::mx::float32);
  }
};

// Both conventions for a weight's parts.
std::vector<StoredTensor> Singular(const std::string& base, const Packed& packed) {
  std::vector<StoredTensor> tensors = {Named(packed.codes, base + ".weight"),
                                       Named(packed.scales, base + ".weight.scale")};
  if (packed.biases) tensors.push_back(Named(*packed.biases, base + ".weight.bias"));
  return tensors;
}
std::vector<StoredTensor> Plural(const std::string& base, const Packed& packed) {
  std::vector<StoredTensor> tensors = {Named(packed.codes, base + ".weight"),
                                       Named(packed.scales, base + ".scales")};
  if (packed.biases) tensors.push_back(Named(*packed.biases, base + ".biases"));
  return tensors;
}

Json Globals(int bits, int group_size) { return {{"bits", bits}, {"group_size", group_size}}; }

// Zeros of the same kind: what the model would compute with if it took the wrong one.
StoredTensor Wrong(StoredTensor tensor, std::string name) {
  tensor.bytes.assign(tensor.bytes.size(), '\0');
  return Named(std::move(tensor), std::move(name));
}

struct Case {
  std::string what;
  Format query;
  Format gate;
  std::function<void(Fixture&)> arrange;
  std::string error = "";  // a part of it; empty: the model loads
};

void Append(std::vector<StoredTensor>& to, std::vector<StoredTensor> more) {
  to.insert(to.end(), more.begin(), more.end());
}

// Both weights in one naming, in a blob each.
void Lay(Fixture& f, const Json& quantization, Metadata metadata = {}) {
  f.blobs.push_back({kQuery + ".weight", Singular(kQuery, f.query), metadata});
  f.blobs.push_back({kGate + ".weight", Singular(kGate, f.gate), metadata});
  if (!quantization.is_null()) f.config["quantization"] = quantization;
}

const std::vector<Case>& NamingCases() {
  static const std::vector<Case> cases = {
      {"singular names", kInt4, kInt4, [](Fixture& f) { Lay(f, Globals(4, 64)); }},
      {"plural names", kInt4, kInt4,
       [](Fixture& f) {
         f.blobs.push_back({"a", Plural(kQuery, f.query)});
         f.blobs.push_back({"b", Plural(kGate, f.gate)});
         f.config["quantization"] = Globals(4, 64);
       }},
      {"both within one layer", kInt4, kInt4,
       [](Fixture& f) {
         f.blobs.push_back({"a", Singular(kQuery, f.query)});
         f.blobs.push_back({"b", Plural(kGate, f.gate)});
         f.config["quantization"] = Globals(4, 64);
       }},
      {"both on one weight", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, Globals(4, 64));
         f.blobs[1].tensors[2].name = kQuery + ".biases";
         f.blobs[2].tensors[1].name = kGate + ".scales";
       }},
      {"auxiliaries in other blobs, without metadata", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, nullptr, {{"quant_type", "int4"}, {"group_size", "64"}});
         f.blobs.push_back({"orphans", {f.blobs[1].tensors[1], f.blobs[2].tensors[2]}});
         f.blobs.push_back({"more orphans", {f.blobs[1].tensors[2], f.blobs[2].tensors[1]}});
         f.blobs[1].tensors.resize(1);
         f.blobs[2].tensors.resize(1);
       }},
      {"singular wins when it comes first", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, Globals(4, 64));
         f.blobs.push_back({"later",
                            {Wrong(f.query.scales, kQuery + ".scales"),
                             Wrong(*f.query.biases, kQuery + ".biases")}});
       }},
      {"singular wins when it comes last", kInt4, kInt4,
       [](Fixture& f) {
         f.blobs.insert(f.blobs.begin(), {"earlier",
                                          {Wrong(f.query.scales, kQuery + ".scales"),
                                           Wrong(*f.query.biases, kQuery + ".biases")}});
         Lay(f, Globals(4, 64));
       }},
      {"plural biases without scales are nobody's", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, Globals(4, 64));
         f.blobs.push_back({"x", {Wrong(*f.gate.biases, "model.layers.0.mlp.up_proj.biases")}});
       }},
      {"a single tensor is known by its layer's name", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, Globals(4, 64));
         StoredTensor norm = f.blobs[0].tensors.back();
         f.blobs[0].tensors.pop_back();
         f.blobs.push_back({norm.name, {Named(norm, "data")}});
       }},
      {"a packed weight without scales is no float", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, Globals(4, 64));
         f.blobs[2].tensors.resize(1);
       },
       kGate + ".weight: packed in U32 words, and no scales for it"},
      {"scales of another shape", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, Globals(4, 64));
         f.blobs[2].tensors[1] = Named(f.query.scales, kGate + ".weight.scale");
       },
       "do not belong together"},
      {"the same tensor twice", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, Globals(4, 64));
         f.blobs.push_back({"again", Singular(kGate, f.gate)});
       },
       "lies in two blobs"},
  };
  return cases;
}

const std::vector<Case>& DeclarationCases() {
  const auto with = [](Json quantization, std::string key, Json value) {
    quantization[key] = std::move(value);
    return quantization;
  };
  static const std::vector<Case> cases = {
      {"no block, shapes that say enough", kNvfp4, kInt4By32, [](Fixture& f) { Lay(f, nullptr); }},
      {"no block, ambiguous shapes", kNvfp4, kInt4, [](Fixture& f) { Lay(f, nullptr); },
       "neither config.json nor the blob says which"},
      {"no block, the blob says it", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, nullptr, {{"quant_type", "int4"}, {"group_size", "64"}});
       }},
      {"a flat block", kInt8, kInt8, [](Fixture& f) { Lay(f, Globals(8, 64)); }},
      {"an explicit mode", kNvfp4, kNvfp4,
       [](Fixture& f) {
         Lay(f, {{"mode", "nvfp4"}});
       }},
      {"an override without a mode is affine", kNvfp4, kInt8,
       [&](Fixture& f) {
         Lay(f, with({{"mode", "nvfp4"}, {"bits", 4}, {"group_size", 16}}, kGate, Globals(8, 64)));
       }},
      {"an override with a mode", kInt4, kNvfp4,
       [&](Fixture& f) {
         Lay(f, with(Globals(4, 64), kGate, {{"mode", "nvfp4"}, {"bits", 4}, {"group_size", 16}}));
       }},
      {"the other key", kInt8, kInt8,
       [](Fixture& f) {
         Lay(f, nullptr);
         f.config["quantization_config"] = Globals(8, 64);
       }},
      {"quantization wins over quantization_config", kInt8, kInt8,
       [](Fixture& f) {
         Lay(f, Globals(8, 64));
         f.config["quantization_config"] = Globals(4, 128);
       }},
      {"another tool's block is not ours", kInt8, kInt8,
       [](Fixture& f) {
         Lay(f, nullptr, {{"quant_type", "int8"}, {"group_size", "64"}});
         f.config["quantization_config"] = {{"quant_method", "gptq"}, {"bits", 4}};
       }},
      {"nested objects", kInt4, kInt8,
       [&](Fixture& f) {
         const Json layer = {{"mlp", {{"gate_proj", Globals(8, 64)}}}};
         Lay(f, with(Globals(4, 64), "model", {{"layers", {{"0", layer}}}}));
       }},
      {"several overrides", kInt8, kInt4By32,
       [&](Fixture& f) {
         Json block = {{"mode", "mxfp8"}, {"bits", 8}, {"group_size", 32}};
         block[kQuery] = Globals(8, 64);
         block[kGate] = Globals(4, 32);
         block["lm_head"] = false;
         Lay(f, block);
       }},
      {"an override beats the blob's metadata", kInt8, kInt8,
       [&](Fixture& f) {
         Json block = {{"mode", "nvfp4"}, {"bits", 4}, {"group_size", 16}};
         block[kQuery] = Globals(8, 64);
         block[kGate] = Globals(8, 64);
         Lay(f, block, {{"quant_type", "nvfp4"}, {"group_size", "16"}});
       }},
      {"the blob's metadata beats the globals", kInt8, kInt8,
       [](Fixture& f) {
         Lay(f, Globals(4, 128), {{"quant_type", "int8"}, {"group_size", "64"}});
       }},
      {"a tensor's own metadata beats its blob's", kInt8, kInt4,
       [](Fixture& f) {
         std::vector<StoredTensor> both = Singular(kQuery, f.query);
         Append(both, Singular(kGate, f.gate));
         f.blobs.push_back({"group",
                            both,
                            {{"quant_type", "int8"},
                             {"group_size", "64"},
                             {kGate + ".weight.quant_type", "int4"},
                             {kGate + ".weight.group_size", "64"}}});
       }},
      {"explicit bits and mode beat what shapes suggest", kInt2, kInt2,
       [](Fixture& f) {
         Lay(f, {{"mode", "affine"}, {"bits", 2}, {"group_size", 64}});
       }},
      {"a malformed block is as good as none", kInt4By32, kNvfp4,
       [](Fixture& f) {
         Lay(f, nullptr);
         f.config["quantization"] = "int4";
       }},
      {"a malformed entry falls back to the globals", kInt4, kInt4,
       [&](Fixture& f) {
         Lay(f, with(Globals(4, 64), kGate, {{"bits", "eight"}}));
       }},
      {"an override that contradicts the shapes", kInt4, kNvfp4,
       [&](Fixture& f) { Lay(f, with(Globals(4, 64), kGate, Globals(8, 64))); },
       kGate + ".weight: config.json's entry for it says affine 8-bit, groups of 64"},
      {"globals that contradict the shapes", kInt4, kInt4,
       [](Fixture& f) {
         Lay(f, {{"mode", "mxfp8"}});
       },
       "says mxfp8"},
      {"declared not to be quantized, and it is", kInt4, kInt4,
       [&](Fixture& f) { Lay(f, with(Globals(4, 64), kGate, false)); },
       kGate + ".weight: config.json says that it is not quantized"},
      {"shapes that suggest what the model's width refutes", kNvfp4, kInt2,
       [](Fixture& f) { Lay(f, nullptr); }, kGate + ".weight: expected [96, 64], found [96, 32]"},
  };
  return cases;
}

class NamingRulesTest : public ::testing::Test {
 protected:
  void Check(const Case& c) {
    SCOPED_TRACE(c.what);
    Fixture fixture(c.query, c.gate);
    c.arrange(fixture);
    const ModelResult model = fixture.Load();
    if (!c.error.empty()) {
      ASSERT_FALSE(model.ok());
      EXPECT_THAT(std::string(model.status().message()), HasSubstr(c.error));
      return;
    }
    ASSERT_TRUE(model.ok()) << model.status().message();
    const std::vector<int> tokens = {3, 1, 4, 1, 5, 9, 2, 6};
    EXPECT_LE(testing::WorstError(LogitsOf(**model, tokens, 8), Expected(c, tokens)), 1e-4);
  }

 private:
  // The same model with the two weights dense, as what they stand for.
  const std::vector<float>& Expected(const Case& c, const std::vector<int>& tokens) {
    std::vector<float>& expected =
        expected_[quant::Describe(c.query) + "/" + quant::Describe(c.gate)];
    if (!expected.empty()) return expected;
    Fixture dense(c.query, c.gate);
    dense.blobs.push_back({"values", {dense.query.values, dense.gate.values}});
    const ModelResult model = dense.Load();
    EXPECT_TRUE(model.ok()) << model.status().message();
    if (model.ok()) expected = LogitsOf(**model, tokens, 8);
    return expected;
  }

  std::map<std::string, std::vector<float>> expected_;
};

TEST_F(NamingRulesTest, EveryNaming) {
  for (const Case& c : NamingCases()) Check(c);
}

TEST_F(NamingRulesTest, EveryDeclaration) {
  for (const Case& c : DeclarationCases()) Check(c);
}

TEST_F(NamingRulesTest, TheDenseBiasOfAQuantizedLayerIsAdded) {
  Fixture with(kInt4, kInt4);
  Lay(with, Globals(4, 64));
  Fixture without(kInt4, kInt4);
  Lay(without, Globals(4, 64));
  std::erase_if(without.blobs[0].tensors,
                [](const StoredTensor& tensor) { return tensor.name == kQuery + ".bias"; });
  const ModelResult a = with.Load();
  const ModelResult b = without.Load();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_GT(testing::WorstError(LogitsOf(**a, {1, 2, 3}, 3), LogitsOf(**b, {1, 2, 3}, 3)), 1e-2);
}

TEST_F(NamingRulesTest, AGlobalScaleInAnyNameMultiplies) {
  for (const std::string name : {".weight.global_scale", ".global_scale", ".weight_scale_2"}) {
    Fixture scaled(kNvfp4, kNvfp4);
    Lay(scaled, {{"mode", "nvfp4"}});
    const float half = 0.5F;
    scaled.blobs[2].tensors.push_back(
        {kGate + name, tensor::DType::kF32, {1}, {reinterpret_cast<const char*>(&half), 4}});
    Fixture dense(kNvfp4, kNvfp4);
    for (size_t i = 0; i < dense.gate.values.bytes.size(); i += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, dense.gate.values.bytes.data() + i, sizeof value);
      value *= half;
      std::memcpy(dense.gate.values.bytes.data() + i, &value, sizeof value);
    }
    dense.blobs.push_back({"values", {dense.query.values, dense.gate.values}});
    const ModelResult a = scaled.Load();
    const ModelResult b = dense.Load();
    ASSERT_TRUE(a.ok()) << a.status().message();
    ASSERT_TRUE(b.ok()) << b.status().message();
    EXPECT_LE(testing::WorstError(LogitsOf(**a, {1, 2, 3}, 3), LogitsOf(**b, {1, 2, 3}, 3)), 1e-4)
        << name;
  }
}

TEST_F(NamingRulesTest, AMissingOrMalformedConfigFileIsAnErrorThatNamesIt) {
  const testing::TempDir dir;
  const Golden golden = testing::ReadGolden("llama");
  testing::WriteFolder(dir / "m", golden.config, golden.tensors);
  std::ofstream(dir / "m/config.json") << "{\"architectures\": [";
  const ModelResult torn = LoadFolder(core::Env::Posix(), dir / "m", ops::mx::float32);
  ASSERT_FALSE(torn.ok());
  EXPECT_THAT(std::string(torn.status().message()),
              AllOf(HasSubstr("config.json"), HasSubstr("byte")));
  std::filesystem::remove(dir / "m/config.json");
  const ModelResult missing = LoadFolder(core::Env::Posix(), dir / "m", ops::mx::float32);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("config.json"));
}

}  // namespace
}  // namespace ingot::models
