#include "model/resolve.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::model {
namespace {

using tensor::DType;
using tensor::Shape;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Case {
  std::string what;
  Shape codes;
  Shape scales;
  DType scale_type;
  bool biases;
  std::string config;
  BlobMetadata metadata;
  std::string expected;  // the format, or a part of the error
};

std::string Resolve(const Case& c) {
  std::vector<std::string> warnings;
  const auto json = core::ParseJson(c.config.empty() ? "{}" : c.config);
  EXPECT_TRUE(json.ok());
  const QuantConfig config = QuantConfig::FromConfig(*json, warnings);
  const auto format = ResolveFormat({.name = "model.layers.0.mlp.gate.weight",
                                     .codes = c.codes,
                                     .scales = c.scales,
                                     .scale_type = c.scale_type,
                                     .has_biases = c.biases},
                                    config, c.metadata);
  return format.ok() ? quant::Describe(*format) : std::string(format.status().message());
}

constexpr DType kBf16 = DType::kBF16;
constexpr DType kByte = DType::kU8;
const BlobMetadata kNone;

BlobMetadata Blob(std::string type, std::optional<std::string> group = std::nullopt) {
  return {{}, {}, std::move(type), std::move(group)};
}
// A blob of int4 in which this tensor is something else.
BlobMetadata Own(std::string type, std::optional<std::string> group = std::nullopt) {
  return {std::move(type), std::move(group), "int4", "64"};
}
const std::string kGate8 =
    R"({"quantization": {"bits": 4, "group_size": 16, "mode": "nvfp4",
        "model.layers.0.mlp.gate": {"bits": 8, "group_size": 64}}})";

TEST(ResolveTest, EveryRule) {
  const std::string affine4_64 = quant::Describe({quant::Mode::kAffine, 4, 64});
  const std::string affine4_32 = quant::Describe({quant::Mode::kAffine, 4, 32});
  const std::string affine8_32 = quant::Describe({quant::Mode::kAffine, 8, 32});
  const std::string affine8_64 = quant::Describe({quant::Mode::kAffine, 8, 64});
  const std::string nvfp4 = quant::Describe({quant::Mode::kNvfp4, 4, 16});
  const std::string mxfp4 = quant::Describe({quant::Mode::kMxfp4, 4, 32});
  // 128 columns are 16 words of 4 bits or 32 words of 8 bits; 16 words are also 64 columns of 8.
  const std::vector<Case> cases = {
      {"shapes alone, nvfp4", {8, 16}, {8, 8}, kByte, false, "", kNone, nvfp4},
      {"shapes alone, mxfp4", {8, 16}, {8, 4}, kByte, false, "", kNone, mxfp4},
      {"ambiguous: 4-bit of 64 or 8-bit of 32",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       "",
       kNone,
       "neither config.json nor the blob says which"},
      {"blob metadata decides", {8, 16}, {8, 2}, kBf16, true, "", Blob("int4"), affine4_64},
      {"blob metadata decides the other way",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       "",
       Blob("int8", "32"),
       affine8_32},
      {"old int4 blobs have groups of 32",
       {8, 16},
       {8, 4},
       kBf16,
       true,
       "",
       Blob("int4", "32"),
       affine4_32},
      {"the tensor's own metadata beats the blob's",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       "",
       Own("int8", "32"),
       affine8_32},
      {"an override beats metadata: the router that was labelled nvfp4",
       {8, 32},
       {8, 2},
       kBf16,
       true,
       kGate8,
       Blob("nvfp4", "16"),
       affine8_64},
      {"an override beats the tensor's own metadata",
       {8, 32},
       {8, 2},
       kBf16,
       true,
       kGate8,
       Own("nvfp4", "16"),
       affine8_64},
      {"config's globals when nothing else speaks",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       R"({"quantization": {"bits": 8, "group_size": 32}})",
       kNone,
       affine8_32},
      {"metadata beats config's globals",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       R"({"quantization": {"bits": 8, "group_size": 32}})",
       Blob("int4", "64"),
       affine4_64},
      {"affine 4 is not affine 8",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       R"({"quantization": {"bits": 4, "group_size": 64, "mode": "affine"}})",
       kNone,
       affine4_64},
      {"bits alone are enough where they decide",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       R"({"quantization": {"bits": 4}})",
       kNone,
       affine4_64},
      {"explicit values beat inference",
       {8, 16},
       {8, 4},
       kBf16,
       true,
       R"({"quantization": {"bits": 8, "group_size": 16}})",
       kNone,
       "says affine 8-bit"},
      {"an override that contradicts the shapes",
       {8, 16},
       {8, 8},
       kByte,
       false,
       kGate8,
       kNone,
       "config.json's entry for it says affine 8-bit, groups of 64"},
      {"metadata that contradicts the shapes",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       "",
       Blob("nvfp4"),
       "its blob's metadata says nvfp4"},
      {"globals that contradict the shapes",
       {8, 16},
       {8, 8},
       kByte,
       false,
       R"({"quantization": {"mode": "mxfp8"}})",
       kNone,
       "model-wide quantization says mxfp8"},
      {"declared unquantized",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       R"({"quantization": {"bits": 4, "model.layers.0.mlp.gate": false}})",
       kNone,
       "says that it is not quantized"},
      {"true means as the model",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       R"({"quantization": {"bits": 4, "group_size": 64, "model.layers.0.mlp.gate": true}})",
       kNone,
       affine4_64},
      {"a type that does not exist",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       "",
       Blob("int5x"),
       "no type that exists"},
      {"a group size that is no number",
       {8, 16},
       {8, 2},
       kBf16,
       true,
       "",
       Blob("int4", "many"),
       "which is no number"},
      {"rows that do not match", {8, 16}, {9, 2}, kBf16, true, "", kNone, "do not belong together"},
      {"stacks that do not match",
       {4, 8, 16},
       {3, 8, 2},
       kBf16,
       true,
       "",
       kNone,
       "do not belong together"},
      {"no format fits", {8, 16}, {8, 5}, kBf16, true, "", kNone, "no quantization format has"},
      {"affine without zero points",
       {8, 16},
       {8, 2},
       kBf16,
       false,
       "",
       Blob("int4", "64"),
       "no quantization format has"},
      {"a stack of experts",
       {4, 8, 16},
       {4, 8, 2},
       kBf16,
       true,
       "",
       Blob("int4", "64"),
       affine4_64},
  };
  for (const Case& c : cases) EXPECT_THAT(Resolve(c), HasSubstr(c.expected)) << c.what;
}

TEST(ResolveTest, AContradictionNamesBothSides) {
  const Case c{"", {8, 16}, {8, 8}, kByte, false, kGate8, kNone, ""};
  EXPECT_THAT(Resolve(c),
              AllOf(HasSubstr("model.layers.0.mlp.gate.weight"), HasSubstr("[8, 16]"),
                    HasSubstr("[8, 8]"), HasSubstr("affine 8-bit"), HasSubstr("can only be ")));
}

}  // namespace
}  // namespace ingot::model
