#include "quant/declared.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"

namespace ingot::quant {
namespace {

using ::testing::HasSubstr;

core::Result<DeclaredQuantization> Parse(std::string_view json) {
  const auto config = core::ParseJson(json);
  EXPECT_TRUE(config.ok()) << json;
  return DeclaredQuantization::Parse(*config);
}
std::string ErrorOf(std::string_view json) {
  const auto declared = Parse(json);
  EXPECT_FALSE(declared.ok()) << json;
  return std::string(declared.status().message());
}

TEST(Declared, ReadsGlobalsAndOverrides) {
  const auto declared = Parse(R"({"quantization": {"bits": 4, "group_size": 64,
      "model.a": {"bits": 8, "group_size": 32}, "model.b": false, "model.c": true,
      "model.d": {"mode": "nvfp4", "bits": 4, "group_size": 16, "global_scale": true}}})");
  ASSERT_TRUE(declared.ok()) << declared.status().message();
  EXPECT_TRUE(declared->present());
  EXPECT_EQ(declared->global()->format, (Format{Mode::kAffine, 4, 64}));
  EXPECT_EQ(declared->Override("model.a")->format, (Format{Mode::kAffine, 8, 32}));
  EXPECT_EQ(declared->Override("model.b")->format, std::nullopt);
  EXPECT_EQ(declared->Override("model.c")->format, (Format{Mode::kAffine, 4, 64}));
  EXPECT_EQ(declared->Override("model.d")->format, (Format{Mode::kNvfp4, 4, 16}));
  EXPECT_TRUE(declared->Override("model.d")->global_scale);
  EXPECT_EQ(declared->Override("model.e"), nullptr);
}

TEST(Declared, ReadsNestedObjects) {
  const auto declared = Parse(R"({"quantization": {"mode": "mxfp4",
      "model": {"layers": {"0": {"gate": {"bits": 8}, "up": false}}}}})");
  ASSERT_TRUE(declared.ok()) << declared.status().message();
  EXPECT_EQ(declared->global()->format, (Format{Mode::kMxfp4, 4, 32}));
  EXPECT_EQ(declared->Override("model.layers.0.gate")->format, (Format{Mode::kAffine, 8, 64}));
  EXPECT_EQ(declared->Override("model.layers.0.up")->format, std::nullopt);
  EXPECT_EQ(declared->Override("model.layers.0"), nullptr);
  EXPECT_EQ(declared->overrides(), 2U);
}

TEST(Declared, PrefersQuantizationAndLeavesOtherMethodsAlone) {
  EXPECT_EQ(Parse(R"({"quantization": {"bits": 8}, "quantization_config": {"bits": 4}})")
                ->global()
                ->format->bits,
            8);
  EXPECT_EQ(Parse(R"({"quantization_config": {"bits": 3}})")->global()->format->bits, 3);
  for (const char* method : {"gptq", "awq", "fp8", "modelopt", "compressed-tensors"}) {
    const auto declared = Parse(
        core::StrCat(R"({"quantization_config": {"bits": 4, "group_size": 128, "quant_method": ")",
                     method, R"("}})"));
    EXPECT_FALSE(declared->present()) << method;
    EXPECT_FALSE(declared->global()) << method;
  }
  EXPECT_FALSE(Parse("{}")->present());
  EXPECT_FALSE(Parse(R"({"quantization": null})")->present());
  EXPECT_EQ(Parse(R"({"text_config": {"quantization": {"bits": 6}}})")->global()->format->bits, 6);
}

TEST(Declared, NamesWhatIsWrong) {
  EXPECT_THAT(ErrorOf(R"({"quantization": [1]})"), HasSubstr("is a array, expected an object"));
  EXPECT_THAT(ErrorOf(R"({"quantization": {"bits": "4"}})"),
              HasSubstr("\"bits\" is a string, expected a whole number"));
  EXPECT_THAT(ErrorOf(R"({"quantization": {"a.b": {"group_size": -1}}})"),
              HasSubstr("\"a.b.group_size\" is a number, expected a whole number"));
  EXPECT_THAT(ErrorOf(R"({"quantization": {"mode": 3}})"), HasSubstr("expected a string"));
  EXPECT_THAT(ErrorOf(R"({"quantization": {"mode": "nf4"}})"),
              HasSubstr("\"nf4\", which is unknown"));
  EXPECT_THAT(ErrorOf(R"({"quantization": {"a": {"bits": 7}}})"),
              HasSubstr("the quantization of \"a\": quantization mode affine has codes of"));
  EXPECT_THAT(ErrorOf(R"({"quantization": {"a": {"bits": 4, "global_scale": "x"}}})"),
              HasSubstr("expected true or false"));
  EXPECT_THAT(ErrorOf(R"({"quantization": {"a.b": {"bits": 4}, "a": {"b": {"bits": 8}}}})"),
              HasSubstr("\"a.b\" is declared twice"));
  std::string deep = R"({"quantization": )";
  for (int i = 0; i < 40; ++i) deep += R"({"a": )";
  deep += "{}" + std::string(41, '}');
  EXPECT_THAT(ErrorOf(deep), HasSubstr("lies deeper than 32 objects"));
}

}  // namespace
}  // namespace ingot::quant
