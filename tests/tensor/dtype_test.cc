#include "tensor/dtype.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace ingot::tensor {
namespace {

TEST(DType, EveryNameReadsBackAsItself) {
  std::set<std::string_view> names;
  for (const DTypeInfo& info : AllDTypes()) {
    EXPECT_EQ(ParseDType(info.name), info.dtype) << info.name;
    EXPECT_EQ(NameOf(info.dtype), info.name);
    EXPECT_EQ(BitsOf(info.dtype), info.bits);
    names.insert(info.name);
  }
  EXPECT_EQ(names.size(), kDTypeCount);
}

TEST(DType, KnowsTheTypesAndWidthsOfTheFormat) {
  const std::pair<std::string_view, int> expected[] = {
      {"BOOL", 8},    {"U8", 8},          {"I8", 8},          {"U16", 16},    {"I16", 16},
      {"U32", 32},    {"I32", 32},        {"U64", 64},        {"I64", 64},    {"F4", 4},
      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"F8_E4M3", 8},     {"F8_E5M2", 8}, {"F8_E8M0", 8},
      {"F16", 16},    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"BF16", 16},   {"F32", 32},
      {"F64", 64},    {"C64", 64},
  };
  ASSERT_EQ(std::size(expected), kDTypeCount);
  for (const auto& [name, bits] : expected) {
    const std::optional<DType> dtype = ParseDType(name);
    ASSERT_TRUE(dtype.has_value()) << name;
    EXPECT_EQ(BitsOf(*dtype), bits) << name;
  }
}

TEST(DType, ReadsTheOtherNameOfE4M3ButDoesNotWriteIt) {
  EXPECT_EQ(ParseDType("F8_E4M3FN"), DType::kF8E4M3);
  EXPECT_EQ(NameOf(DType::kF8E4M3), "F8_E4M3");
}

TEST(DType, RefusesNamesThatOnlyLookAlike) {
  for (const std::string_view name : {"", "f32", "F32 ", "F8", "F8_E5M2FN", "U128", "BFLOAT16"}) {
    EXPECT_FALSE(ParseDType(name).has_value()) << name;
  }
}

TEST(DType, TellsFloatsFromTheRest) {
  EXPECT_TRUE(IsFloat(DType::kF4));
  EXPECT_TRUE(IsFloat(DType::kBF16));
  EXPECT_FALSE(IsFloat(DType::kC64));
  EXPECT_FALSE(IsFloat(DType::kU32));
  EXPECT_FALSE(IsFloat(DType::kBool));
}

}  // namespace
}  // namespace ingot::tensor
