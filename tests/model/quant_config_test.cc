#include "model/quant_config.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Read {
  QuantConfig config;
  std::vector<std::string> warnings;
};
Read From(std::string_view json) {
  Read read;
  const auto parsed = core::ParseJson(json);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  if (parsed.ok()) read.config = QuantConfig::FromConfig(*parsed, read.warnings);
  return read;
}
std::string GlobalOf(std::string_view json) {
  const Read read = From(json);
  return read.config.global() ? Describe(*read.config.global()) : "none";
}
std::string EntryOf(const Read& read, std::string_view name) {
  const Override* entry = read.config.Find(name);
  if (entry == nullptr) return "none";
  if (!entry->quantized) return "not quantized";
  return entry->declaration ? Describe(*entry->declaration) : "as the model";
}

TEST(QuantConfigTest, Globals) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({})", "none"},
      {R"({"quantization": null})", "none"},
      {R"({"quantization": {"bits": 4, "group_size": 64}})", "affine 4-bit, groups of 64"},
      {R"({"quantization": {"bits": 8, "group_size": 64}})", "affine 8-bit, groups of 64"},
      {R"({"quantization": {"bits": 4, "group_size": 64, "mode": "affine"}})",
       "affine 4-bit, groups of 64"},
      {R"({"quantization": {"mode": "nvfp4"}})", "nvfp4 4-bit, groups of 16"},
      {R"({"quantization": {"mode": "mxfp8", "bits": 8, "group_size": 32}})",
       "mxfp8 8-bit, groups of 32"},
      {R"({"quantization_config": {"bits": 4, "group_size": 32}})", "affine 4-bit, groups of 32"},
      {R"({"quantization": {"bits": 8, "group_size": 64},
           "quantization_config": {"bits": 4, "group_size": 32}})",
       "affine 8-bit, groups of 64"},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}})",
       "none"},
      {R"({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})",
       "none"},
      {R"({"text_config": {"quantization": {"bits": 4, "group_size": 64}}})",
       "affine 4-bit, groups of 64"},
  };
  for (const auto& [json, expected] : cases) {
    EXPECT_EQ(GlobalOf(json), expected) << json;
    EXPECT_THAT(From(json).warnings, IsEmpty()) << json;
  }
}

TEST(QuantConfigTest, OverridesInEveryForm) {
  const Read read = From(R"({"quantization": {
      "bits": 4, "group_size": 16, "mode": "nvfp4",
      "model.layers.0.mlp.gate": {"bits": 8, "group_size": 64},
      "language_model.model.layers.1.mlp.gate": {"bits": 8, "group_size": 64, "mode": "affine"},
      "model.layers.2.mlp.gate.weight": {"mode": "mxfp8"},
      "lm_head": false,
      "model.embed_tokens": true,
      "model": {"layers": {"3": {"mlp": {"gate": {"bits": 6, "group_size": 32}}}}}
    }})");
  EXPECT_THAT(read.warnings, IsEmpty());
  EXPECT_EQ(EntryOf(read, "model.layers.0.mlp.gate.weight"), "affine 8-bit, groups of 64")
      << "a missing mode means affine, whatever the model's";
  EXPECT_EQ(EntryOf(read, "language_model.model.layers.1.mlp.gate.weight"),
            "affine 8-bit, groups of 64");
  EXPECT_EQ(EntryOf(read, "model.language_model.layers.1.mlp.gate.weight"),
            "affine 8-bit, groups of 64")
      << "container prefixes are immaterial";
  EXPECT_EQ(EntryOf(read, "model.layers.2.mlp.gate.weight"), "mxfp8 8-bit, groups of 32");
  EXPECT_EQ(EntryOf(read, "lm_head.weight"), "not quantized");
  EXPECT_EQ(EntryOf(read, "model.embed_tokens.weight"), "as the model");
  EXPECT_EQ(EntryOf(read, "model.layers.3.mlp.gate.weight"), "affine 6-bit, groups of 32");
  EXPECT_EQ(EntryOf(read, "model.layers.4.mlp.gate.weight"), "none");
}

TEST(QuantConfigTest, MalformedEntriesAreLeftOutAndSaid) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"quantization": 4})", "quantization is not an object"},
      {R"({"quantization": {"bits": "four", "group_size": 64}})", "bits is not a positive integer"},
      {R"({"quantization": {"bits": -4, "group_size": 64}})", "bits is not a positive integer"},
      {R"({"quantization": {"bits": 4, "group_size": 0}})", "group_size is not a positive integer"},
      {R"({"quantization": {"bits": 4, "mode": "ternary"}})", "mode \"ternary\" is unknown"},
      {R"({"quantization": {"bits": 4, "mode": 7}})", "mode 7 is unknown"},
  };
  for (const auto& [json, expected] : cases) {
    EXPECT_EQ(GlobalOf(json), "none") << json;
    EXPECT_THAT(From(json).warnings, ElementsAre(HasSubstr(expected))) << json;
  }
  const Read mixed = From(R"({"quantization": {"bits": 4, "group_size": 64,
                               "a": {"bits": []}, "b": {"bits": 8, "group_size": 64}}})");
  EXPECT_EQ(mixed.warnings.size(), 1u);
  EXPECT_EQ(EntryOf(mixed, "a.weight"), "none");
  EXPECT_EQ(EntryOf(mixed, "b.weight"), "affine 8-bit, groups of 64");
}

TEST(QuantConfigTest, AMalformedBlockFallsBackToTheOther) {
  EXPECT_EQ(GlobalOf(R"({"quantization": [], "quantization_config": {"bits": 8}})"),
            "affine 8-bit");
}

TEST(QuantConfigTest, NestingIsBounded) {
  std::string json = R"({"quantization": )";
  std::string end = "}";
  for (int i = 0; i < 40; ++i) {
    json += R"({"x": )";
    end += "}";
  }
  const Read read = From(json + "{}" + end);
  EXPECT_THAT(read.warnings, ElementsAre(HasSubstr("nested too deeply")));
}

}  // namespace
}  // namespace ingot::model
