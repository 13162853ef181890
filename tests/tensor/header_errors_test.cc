// What the header reader refuses, and in which words: each violation on its own, one row each.
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tensor/header.h"
#include "tests/tensor/builders.h"

namespace ingot::tensor {
namespace {

using core::Code;
using testing::HasSubstr;

struct Row {
  const char* what;
  std::string json;
  uint64_t data_size = 0;
  std::vector<std::string> words;  // all of them must be in the message
  Code code = Code::kCorrupt;
};

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

// A tensor "t" with that text as its value.
std::string T(std::string_view value) { return "{\"t\":" + std::string(value) + "}"; }

void ExpectRefused(const Row& row) {
  SCOPED_TRACE(row.what);
  const auto header = ParseWithData(row.json, row.data_size);
  ASSERT_FALSE(header.ok());
  const std::string message(header.status().message());
  EXPECT_EQ(header.status().code(), row.code) << message;
  for (const std::string& word : row.words) EXPECT_THAT(message, HasSubstr(word));
  EXPECT_LT(message.size(), 1000u) << "a message is for reading";
}

TEST(HeaderErrors, WhatIsNotTheExpectedJson) {
  const Row rows[] = {
      {"array instead of object", "[1]", 0, {"begins with \"[\"", "expected '{'"}},
      {"space before the object", " {}", 0, {"begins with \" \"", "expected '{'"}},
      {"unclosed", "{\"a\":", 0, {"tensor \"a\"", "expected an object", "end of the text"}},
      {"text after the object", "{} {}", 0, {"byte 3", "after the end"}},
      {"NUL padding", std::string("{}\0\0", 4), 0, {"byte 2", "after the end"}},
      {"trailing comma", "{" + U8Entry("a", 0, 1) + ",}", 1, {"expected a string"}},
      {"tensor is a number", T("1"), 0, {"tensor \"t\"", "expected an object", "a number"}},
      {"tensor is null", T("null"), 0, {"tensor \"t\"", "expected an object", "null"}},
      {"tensor is an array", T("[]"), 0, {"tensor \"t\"", "expected an object", "an array"}},
      {"name is not UTF-8", "{\"a\xFF\":{}}", 0, {"UTF-8"}},
      {"dtype is not UTF-8", T("{\"dtype\":\"\xC3\x28\"}"), 0, {"tensor \"t\": dtype", "UTF-8"}},
      {"100,000 arrays deep",
       T("{\"shape\":" + Repeat("[", 100'000) + Repeat("]", 100'000) + "}"),
       0,
       {"tensor \"t\": shape", "expected a number", "an array"}},
      {"100,000 objects deep",
       Repeat("{\"a\":", 100'000) + "1" + Repeat("}", 100'000),
       0,
       {"tensor \"a\"", "unknown field \"a\""},
       Code::kUnsupported},
      {"100,000 arrays deep in an unknown field",
       T("{\"x\":" + Repeat("[", 100'000) + Repeat("]", 100'000) + "}"),
       0,
       {"tensor \"t\"", "unknown field \"x\""},
       Code::kUnsupported},
      {"100,000 arrays deep in the metadata",
       "{\"__metadata__\":{\"a\":" + Repeat("[", 100'000) + "}}",
       0,
       {"\"__metadata__\": \"a\"", "expected a string", "an array"}},
  };
  for (const Row& row : rows) ExpectRefused(row);
}

TEST(HeaderErrors, WhatATensorMustSay) {
  const Row rows[] = {
      {"no dtype",
       T(R"({"shape":[1],"data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "dtype is missing"}},
      {"no shape",
       T(R"({"dtype":"U8","data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "shape is missing"}},
      {"no offsets",
       T(R"({"dtype":"U8","shape":[1]})"),
       1,
       {"tensor \"t\"", "data_offsets is missing"}},
      {"empty", T("{}"), 0, {"tensor \"t\"", "dtype is missing"}},
      {"dtype twice",
       T(R"({"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "duplicate field \"dtype\""}},
      {"shape twice",
       T(R"({"shape":[1],"dtype":"U8","shape":[1],"data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "duplicate field \"shape\""}},
      {"offsets twice",
       T(R"({"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "duplicate field \"data_offsets\""}},
      {"unknown field",
       T(R"({"dtype":"U8","strides":[1],"shape":[1],"data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "unknown field \"strides\"", "expected dtype, shape and data_offsets"},
       Code::kUnsupported},
      {"unknown type",
       T(R"({"dtype":"F7","shape":[1],"data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "unknown type \"F7\"", "expected one of", "BF16"},
       Code::kUnsupported},
      {"control characters in a name are made printable",
       "{\"a\\u001b[2J\":{\"dtype\":\"F7\"}}",
       0,
       {"a\\x1b[2J"},
       Code::kUnsupported},
      {"dtype is a number",
       T(R"({"dtype":8})"),
       0,
       {"tensor \"t\"", "dtype", "expected a string", "a number"}},
      {"shape is a number",
       T(R"({"shape":8})"),
       0,
       {"tensor \"t\"", "shape", "expected an array", "a number"}},
      {"negative dimension",
       T(R"({"shape":[-2]})"),
       0,
       {"tensor \"t\"", "shape", "expected an integer", "-2"}},
      {"fractional dimension", T(R"({"shape":[2.0]})"), 0, {"tensor \"t\"", "shape", "2.0"}},
      {"dimension with exponent", T(R"({"shape":[1e2]})"), 0, {"tensor \"t\"", "shape", "1e2"}},
      {"dimension beyond 64 bits",
       T(R"({"shape":[18446744073709551616]})"),
       0,
       {"tensor \"t\"", "shape", "18446744073709551616"}},
      {"dimension of 2^31",
       T(R"({"shape":[1,2147483648]})"),
       0,
       {"tensor \"t\"", "shape", "dimension 1", "2147483648", "at most 2147483647"},
       Code::kUnsupported},
      {"nine dimensions",
       T(R"({"shape":[1,1,1,1,1,1,1,1,1]})"),
       0,
       {"tensor \"t\"", "more than 8 dimensions"},
       Code::kUnsupported},
      {"very many dimensions",
       T("{\"shape\":[1" + Repeat(",1", 1'000'000) + "]}"),
       0,
       {"tensor \"t\"", "more than 8 dimensions"},
       Code::kUnsupported},
      {"elements beyond 64 bits",
       T(R"({"dtype":"U8","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "more than 2^64 elements"}},
      {"bytes beyond 64 bits",
       T(R"({"dtype":"F64","shape":[2147483647,2147483647],"data_offsets":[0,1]})"),
       1,
       {"tensor \"t\"", "more than 2^64 bytes"}},
      {"half a byte",
       T(R"({"dtype":"F4","shape":[3],"data_offsets":[0,2]})"),
       2,
       {"tensor \"t\"", "3 elements of 4 bits", "not a whole number of bytes"}},
  };
  for (const Row& row : rows) ExpectRefused(row);
}

TEST(HeaderErrors, WhereSpansMayLie) {
  const Row rows[] = {
      {"one number",
       T(R"({"data_offsets":[1]})"),
       1,
       {"tensor \"t\": data_offsets", "expected 2 numbers, found 1"}},
      {"three numbers",
       T(R"({"data_offsets":[1,2,3]})"),
       1,
       {"tensor \"t\": data_offsets", "expected 2 numbers, found more"}},
      {"negative", T(R"({"data_offsets":[-1,2]})"), 1, {"tensor \"t\": data_offsets", "-1"}},
      {"fraction", T(R"({"data_offsets":[0,1.5]})"), 1, {"tensor \"t\": data_offsets", "1.5"}},
      {"begins after its end",
       T(R"({"dtype":"U8","shape":[1],"data_offsets":[1,0]})"),
       1,
       {"tensor \"t\"", "[1, 0]", "end before they begin"}},
      {"past the end",
       T(R"({"dtype":"U8","shape":[8],"data_offsets":[0,8]})"),
       7,
       {"tensor \"t\"", "[0, 8]", "past the 7 bytes"}},
      {"wholly outside",
       T(R"({"dtype":"U8","shape":[1],"data_offsets":[4096,4097]})"),
       1,
       {"tensor \"t\"", "[4096, 4097]", "past the 1 bytes"}},
      {"offset plus size wraps 64 bits",
       T(R"({"dtype":"U8","shape":[16],"data_offsets":[18446744073709551608,8]})"),
       16,
       {"tensor \"t\"", "[18446744073709551608, 8]", "end before they begin"}},
      {"at the top of 64 bits",
       T(R"({"dtype":"U8","shape":[8],"data_offsets":[18446744073709551607,18446744073709551615]})"),
       16,
       {"tensor \"t\"", "past the 16 bytes"}},
      {"shorter than its shape",
       T(R"({"dtype":"F32","shape":[2,3],"data_offsets":[0,20]})"),
       20,
       {"tensor \"t\"", "F32 of shape [2, 3] takes 24 bytes", "[0, 20] span 20"}},
      {"longer than its shape",
       T(R"({"dtype":"F32","shape":[],"data_offsets":[0,8]})"),
       8,
       {"tensor \"t\"", "F32 of shape [] takes 4 bytes", "span 8"}},
      {"overlap",
       "{" + U8Entry("a", 0, 6) + "," + U8Entry("b", 4, 4) + "}",
       8,
       {"tensor \"b\" at [4, 8)", "overlaps", "tensor \"a\" at [0, 6)"}},
      {"the same span twice",
       "{" + U8Entry("a", 0, 6) + "," + U8Entry("b", 0, 6) + "}",
       6,
       {"overlaps"}},
      {"empty tensor inside another",
       "{" + U8Entry("a", 0, 6) + "," + U8Entry("b", 3, 0) + "}",
       6,
       {"tensor \"b\" at [3, 3)", "overlaps", "tensor \"a\""}},
      {"hole",
       "{" + U8Entry("a", 0, 2) + "," + U8Entry("b", 4, 4) + "}",
       8,
       {"bytes [2, 4)", "no tensor", "hole before tensor \"b\""}},
      {"hole at the start", "{" + U8Entry("a", 2, 2) + "}", 4, {"bytes [0, 2)", "tensor \"a\""}},
      {"tail",
       "{" + U8Entry("a", 0, 2) + "}",
       9,
       {"end at byte 2", "the file has 9", "7 bytes belong to no tensor"}},
      {"data but no tensor", "{}", 1, {"1 bytes belong to no tensor"}},
  };
  for (const Row& row : rows) ExpectRefused(row);
}

TEST(HeaderErrors, WhatMustBeUnique) {
  const Row rows[] = {
      {"a name",
       "{" + U8Entry("a", 0, 1) + "," + U8Entry("b", 1, 1) + "," + U8Entry("a", 2, 1) + "}",
       3,
       {"duplicate tensor \"a\""}},
      {"a name, once escaped",
       "{" + U8Entry("a", 0, 1) + "," + U8Entry("\\u0061", 1, 1) + "}",
       2,
       {"duplicate tensor \"a\""}},
      {"metadata",
       R"({"__metadata__":{},"__metadata__":{}})",
       0,
       {"duplicate key \"__metadata__\""}},
      {"metadata, null",
       R"({"__metadata__":null,"__metadata__":null})",
       0,
       {"duplicate key \"__metadata__\""}},
      {"a metadata key",
       R"({"__metadata__":{"k":"1","j":"","k":"2"}})",
       0,
       {"\"__metadata__\"", "duplicate key \"k\""}},
  };
  for (const Row& row : rows) ExpectRefused(row);
}

TEST(HeaderErrors, WhatMetadataMayBe) {
  const Row rows[] = {
      {"a number",
       R"({"__metadata__":{"k":1}})",
       0,
       {"\"__metadata__\": \"k\"", "expected a string", "a number"}},
      {"null value",
       R"({"__metadata__":{"k":null}})",
       0,
       {"\"__metadata__\": \"k\"", "expected a string", "null"}},
      {"an object",
       R"({"__metadata__":{"k":{"a":"b"}}})",
       0,
       {"\"__metadata__\": \"k\"", "expected a string", "an object"}},
      {"a list", R"({"__metadata__":["a"]})", 0, {"\"__metadata__\"", "expected an object"}},
      {"text", R"({"__metadata__":"a"})", 0, {"\"__metadata__\"", "expected an object"}},
  };
  for (const Row& row : rows) ExpectRefused(row);
}

struct LengthRow {
  uint64_t length;
  uint64_t file_size;
  const char* words;
};

TEST(HeaderErrors, HowLongAHeaderMayBe) {
  const LengthRow rows[] = {
      {0, 0, "the file has 0 bytes"},
      {0, 7, "the file has 7 bytes"},
      {0, 8, "the header length is 0"},
      {1, 100, "the header length is 1"},
      {93, 100, "the header length is 93, but only 92 bytes follow"},
      {kMaxHeaderBytes + 1, uint64_t{1} << 40, "at most 100000000"},
      {uint64_t{4} << 30, uint64_t{8} << 30, "the header length is 4294967296; at most"},
      {std::numeric_limits<uint64_t>::max(), 100, "18446744073709551615"},
      {std::numeric_limits<uint64_t>::max() - 7, std::numeric_limits<uint64_t>::max(), "at most"},
  };
  for (const LengthRow& row : rows) {
    const core::Status status = CheckHeaderLength(row.length, row.file_size);
    ASSERT_FALSE(status.ok()) << row.length << " of " << row.file_size;
    EXPECT_EQ(status.code(), Code::kCorrupt);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.words));
  }
  EXPECT_TRUE(CheckHeaderLength(2, 10).ok());
  EXPECT_TRUE(CheckHeaderLength(kMaxHeaderBytes, kMaxHeaderBytes + 8).ok());
}

TEST(HeaderErrors, TextLongerThanTheFileIsRefused) {
  EXPECT_FALSE(ParseHeader("{}", 9).ok());
  EXPECT_TRUE(ParseHeader("{}", 10).ok());
}

}  // namespace
}  // namespace ingot::tensor
