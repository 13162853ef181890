// What the header reader accepts: every dialect that writers in the wild produce.
#include "tensor/header.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tensor/builders.h"

namespace ingot::tensor {
namespace {

TEST(Header, ReadsTypeShapeAndPlaceOfEachTensor) {
  const auto header = ParseWithData(R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                                    R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[24,30]}})",
                                    30);
  ASSERT_TRUE(header.ok()) << header.status().message();
  ASSERT_EQ(header->size(), 2u);
  const TensorInfo w = (*header)[0];
  EXPECT_EQ(w.name, "w");
  EXPECT_EQ(w.dtype, DType::kF32);
  EXPECT_EQ(w.shape, (Shape{2, 3}));
  EXPECT_EQ(w.offset, 0u);
  EXPECT_EQ(w.size, 24u);
  EXPECT_EQ(w.elements(), 6u);
  const TensorInfo b = (*header)[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.offset, 24u);
  EXPECT_EQ(b.size, 6u);
  EXPECT_EQ(header->data_size(), 30u);
}

TEST(Header, FindsTensorsByName) {
  const auto header = ParseWithData("{" + U8Entry("b", 0, 1) + "," + U8Entry("a", 1, 1) + "}", 2);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->IndexOf("a"), 1u);
  EXPECT_EQ(header->IndexOf("b"), 0u);
  EXPECT_EQ(header->IndexOf(""), std::nullopt);
  EXPECT_EQ(header->IndexOf("c"), std::nullopt);
  EXPECT_EQ(header->Find("a")->offset, 1u);
  EXPECT_THAT(header->by_name(), testing::ElementsAre(1, 0));
}

TEST(Header, ReadsEveryTypeOfTheFormat) {
  for (const DTypeInfo& info : AllDTypes()) {
    const std::string size = std::to_string(info.bits);
    const auto header = ParseWithData("{\"t\":{\"dtype\":\"" + std::string(info.name) +
                                          "\",\"shape\":[8],\"data_offsets\":[0," + size + "]}}",
                                      info.bits);
    ASSERT_TRUE(header.ok()) << header.status().message();
    EXPECT_EQ((*header)[0].dtype, info.dtype);
    EXPECT_EQ((*header)[0].elements(), 8u) << info.name;
  }
}

struct Dialect {
  const char* what;
  std::string json;
};

// All of them describe a U8 tensor "x" of 2 bytes and a scalar F32 "y" behind it.
TEST(Header, OpensEveryDialect) {
  const std::string x = R"("x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";
  const std::string y = R"("y":{"dtype":"F32","shape":[],"data_offsets":[2,6]})";
  const Dialect dialects[] = {
      {"compact, unpadded", "{" + x + "," + y + "}"},
      {"padded with spaces", "{" + x + "," + y + "}       "},
      {"metadata null", "{\"__metadata__\":null," + x + "," + y + "}"},
      {"metadata empty", "{\"__metadata__\":{}," + x + "," + y + "}"},
      {"metadata in the middle", "{" + x + ",\"__metadata__\":{\"a\":\"b\"}," + y + "}"},
      {"metadata last", "{" + x + "," + y + ",\"__metadata__\":{\"format\":\"pt\"}}"},
      {"keys not sorted", "{" + y + "," + x + "}"},
      {"inner keys sorted", R"({"x":{"data_offsets":[0,2],"dtype":"U8","shape":[2]},)"
                            R"("y":{"data_offsets":[2,6],"dtype":"F32","shape":[]}})"},
      {"white space everywhere",
       "{ \n \"x\" : { \"shape\" : [ 2 ] , \"dtype\" : \"U8\" ,\t\"data_offsets\" : [ 0 , 2 ] } "
       ", " +
           y + " \r\n} \n"},
      {"escapes in names",
       R"({"\u0078":{"dtype":"\u00558","shape":[2],"data_offsets":[0,2]},)" + y + "}"},
  };
  for (const Dialect& dialect : dialects) {
    const auto header = ParseWithData(dialect.json, 6);
    ASSERT_TRUE(header.ok()) << dialect.what << ": " << header.status().message();
    ASSERT_EQ(header->size(), 2u) << dialect.what;
    const auto found_x = header->Find("x");
    const auto found_y = header->Find("y");
    ASSERT_TRUE(found_x && found_y) << dialect.what;
    EXPECT_EQ(found_x->shape, (Shape{2})) << dialect.what;
    EXPECT_EQ(found_y->shape, Shape()) << dialect.what;
    EXPECT_EQ(found_y->offset, 2u) << dialect.what;
  }
}

TEST(Header, AcceptsDataInAnyOrder) {
  const auto header = ParseWithData(
      "{" + U8Entry("a", 5, 2) + "," + U8Entry("b", 0, 4) + "," + U8Entry("c", 4, 1) + "}", 7);
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ((*header)[0].offset, 5u);
}

TEST(Header, AcceptsTensorsWithoutElementsAtAnySeam) {
  const auto header = ParseWithData("{" + U8Entry("a", 0, 0) + "," + U8Entry("b", 0, 4) + "," +
                                        U8Entry("c", 4, 0) + "," + U8Entry("d", 4, 0) + "," +
                                        U8Entry("e", 4, 2) + "," + U8Entry("f", 6, 0) + "}",
                                    6);
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ(header->Find("d")->size, 0u);
  EXPECT_EQ(header->Find("d")->elements(), 0u);
}

TEST(Header, AcceptsAFileWithoutTensors) {
  for (const char* json : {"{}", "{\"__metadata__\":null}", "{}      "}) {
    const auto header = ParseWithData(json, 0);
    ASSERT_TRUE(header.ok()) << json;
    EXPECT_TRUE(header->empty());
  }
}

TEST(Header, GivesMetadataByKey) {
  const auto header =
      ParseWithData(R"({"__metadata__":{"quant_type":"int4","group_size":"64","\u00e9\n":""}})", 0);
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ(header->metadata_size(), 3u);
  EXPECT_EQ(header->FindMetadata("quant_type"), "int4");
  EXPECT_EQ(header->FindMetadata("group_size"), "64");
  EXPECT_EQ(header->FindMetadata("\xC3\xA9\n"), "");
  EXPECT_EQ(header->FindMetadata("quant"), std::nullopt);
  EXPECT_EQ(header->metadata(0).key, "group_size");
}

TEST(Header, ReadsTheOtherNameOfE4M3) {
  const auto header =
      ParseWithData(R"({"w":{"dtype":"F8_E4M3FN","shape":[1],"data_offsets":[0,1]}})", 1);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ((*header)[0].dtype, DType::kF8E4M3);
}

TEST(Header, KeepsItsViewsGoodWhenMoved) {
  auto made = ParseWithData("{" + U8Entry("a", 0, 1) + "}", 1);
  ASSERT_TRUE(made.ok());
  Header first = *std::move(made);
  const std::string_view name = first[0].name;
  const Header second = std::move(first);
  EXPECT_EQ(name.data(), second[0].name.data());
  EXPECT_EQ(name, "a");
}

// Thousands of tensors in a shuffled order, names of which most share a long beginning.
TEST(Header, FindsEachOfManyTensors) {
  constexpr size_t kCount = 5000;
  std::vector<std::string> names;
  for (size_t i = 0; i < kCount; ++i) {
    names.push_back("model.layers." + std::to_string(i * 7919 % kCount) + ".self_attn.q.weight");
  }
  std::string json = "{";
  for (size_t i = 0; i < kCount; ++i) json += (i ? "," : "") + U8Entry(names[i], i * 3, 3);
  json += "}";
  const auto header = ParseWithData(json, kCount * 3);
  ASSERT_TRUE(header.ok()) << header.status().message();
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(header->IndexOf(names[i]), i);
    ASSERT_EQ((*header)[i].offset, i * 3);
  }
  std::string_view before;
  for (const uint32_t i : header->by_name()) {
    EXPECT_LT(before, header->name(i));
    before = header->name(i);
  }
  EXPECT_LT(header->MemoryBytes(), 3 * json.size());
}

TEST(Header, TakesMemoryInProportionToItsText) {
  // The shortest entries there can be: what we keep of them weighs most against their text.
  std::string json = "{";
  constexpr size_t kCount = 9000;
  for (size_t i = 0; i < kCount; ++i) {
    json += (i ? ",\"" : "\"") + std::to_string(i) +
            "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  }
  json += "}";
  const auto header = ParseWithData(json, 0);
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ(header->size(), kCount);
  EXPECT_LT(header->MemoryBytes(), 3 * json.size());
}

}  // namespace
}  // namespace ingot::tensor
