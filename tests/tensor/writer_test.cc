#include "tensor/writer.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/env.h"
#include "tensor/header.h"
#include "tests/tensor/builders.h"

namespace ingot::tensor {
namespace {

using core::AsBytes;
using core::Code;
using testing::HasSubstr;

SafetensorsPlan Plan(std::vector<TensorSpec> tensors,
                     const std::map<std::string, std::string>& metadata = {}) {
  auto plan = SafetensorsPlan::Make(std::move(tensors), metadata);
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return *std::move(plan);
}

std::string JsonOf(const SafetensorsPlan& plan) {
  std::string json(plan.header().substr(8));
  json.erase(json.find_last_not_of(' ') + 1);
  return json;
}

std::string MessageOf(const core::Status& status) { return std::string(status.message()); }

TEST(SafetensorsPlan, WritesTheCanonicalHeader) {
  const SafetensorsPlan plan = Plan({{"w.weight", DType::kU32, Shape{2, 1}},
                                     {"w.weight.scale", DType::kBF16, Shape{2, 1}},
                                     {"Z", DType::kU8, Shape{}},
                                     {"w.weight.bias", DType::kBF16, Shape{2, 1}}},
                                    {{"quant_type", "int4"}, {"group_size", "64"}});
  EXPECT_EQ(JsonOf(plan),
            R"({"Z":{"data_offsets":[0,1],"dtype":"U8","shape":[]},)"
            R"("__metadata__":{"group_size":"64","quant_type":"int4"},)"
            R"("w.weight":{"data_offsets":[1,9],"dtype":"U32","shape":[2,1]},)"
            R"("w.weight.bias":{"data_offsets":[9,13],"dtype":"BF16","shape":[2,1]},)"
            R"("w.weight.scale":{"data_offsets":[13,17],"dtype":"BF16","shape":[2,1]}})");
  EXPECT_EQ(plan.data_size(), 17u);
  EXPECT_EQ(plan.header().substr(0, 8), LittleEndian64(plan.header().size() - 8));
}

TEST(SafetensorsPlan, BeginsTheDataAtAMultipleOf64ForAnyNameLength) {
  for (size_t length = 0; length < 130; ++length) {
    const SafetensorsPlan plan = Plan({{std::string(length, 'n'), DType::kU8, Shape{1}}});
    EXPECT_EQ(plan.header().size() % kDataAlignment, 0u);
    EXPECT_LT(plan.header().size() - 8 - JsonOf(plan).size(), kDataAlignment);
  }
}

TEST(SafetensorsPlan, DoesNotDependOnTheOrderOfItsInput) {
  std::vector<TensorSpec> tensors = {{"c", DType::kF16, Shape{3}},
                                     {"a", DType::kF32, Shape{2, 2}},
                                     {"b.10", DType::kI64, Shape{}},
                                     {"b.9", DType::kF4, Shape{0, 4}}};
  const std::string header(Plan(tensors).header());
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  do {
    EXPECT_EQ(Plan(tensors).header(), header);
  } while (std::next_permutation(tensors.begin(), tensors.end(),
                                 [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(SafetensorsPlan, LeavesOutMetadataThatIsNotThere) {
  EXPECT_EQ(JsonOf(Plan({})), "{}");
  EXPECT_EQ(JsonOf(Plan({}, {{"a", "b"}})), R"({"__metadata__":{"a":"b"}})");
}

TEST(SafetensorsPlan, EscapesOnlyWhatJsonDemands) {
  const std::string name = "a\"\\/<>&\x01\x1f\b\f\n\r\t\x7f\xC3\xA9";
  const SafetensorsPlan plan = Plan({{name, DType::kU8, Shape{0}}}, {{name, name}});
  const std::string escaped = "a\\\"\\\\/<>&\\u0001\\u001f\\b\\f\\n\\r\\t\x7f\xC3\xA9";
  EXPECT_THAT(JsonOf(plan), HasSubstr("\"" + escaped + "\":{\"data_offsets\""));
  EXPECT_THAT(JsonOf(plan), HasSubstr("{\"" + escaped + "\":\"" + escaped + "\"}"));
  const auto header = ParseHeader(plan.header().substr(8), plan.file_size());
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ((*header)[0].name, name);
  EXPECT_EQ(header->FindMetadata(name), name);
}

TEST(SafetensorsPlan, IsReadBackAsItWasPlanned) {
  std::vector<TensorSpec> tensors;
  for (const DTypeInfo& info : AllDTypes()) {
    tensors.push_back({std::string(info.name), info.dtype, Shape{2, 4}});
  }
  const SafetensorsPlan plan = Plan(tensors, {{"k", "v"}});
  const auto header = ParseHeader(plan.header().substr(8), plan.file_size());
  ASSERT_TRUE(header.ok()) << header.status().message();
  ASSERT_EQ(header->size(), plan.tensors().size());
  for (size_t i = 0; i < header->size(); ++i) {
    const TensorInfo read = (*header)[i];
    const PlannedTensor& planned = plan.tensors()[i];
    EXPECT_EQ(read.name, planned.spec.name);
    EXPECT_EQ(read.dtype, planned.spec.dtype);
    EXPECT_EQ(read.shape, planned.spec.shape);
    EXPECT_EQ(read.offset, planned.offset);
    EXPECT_EQ(read.size, planned.size);
  }
}

TEST(SafetensorsPlan, RefusesWhatReadersWouldRefuse) {
  struct Row {
    std::vector<TensorSpec> tensors;
    std::map<std::string, std::string> metadata;
    const char* words;
  };
  const Row rows[] = {
      {{{"a", DType::kU8, Shape{1}}, {"a", DType::kU8, Shape{1}}},
       {},
       "\"a\" is to be written twice"},
      {{{"__metadata__", DType::kU8, Shape{1}}}, {}, "cannot be named \"__metadata__\""},
      {{{"\xFF", DType::kU8, Shape{1}}}, {}, "tensor name \"\\xff\" is not valid UTF-8"},
      {{}, {{"\xFF", ""}}, "metadata key \"\\xff\" is not valid UTF-8"},
      {{}, {{"", "\xFF"}}, "metadata value \"\\xff\" is not valid UTF-8"},
      {{{"a", DType::kF4, Shape{3}}}, {}, "tensor \"a\": F4 of shape [3]"},
      {{{"a", DType::kF64, Shape{0x7FFFFFFF, 0x7FFFFFFF}}}, {}, "more than 2^64 bytes"},
      {{{"a", DType::kU8, Shape{0x7FFFFFFF, 0x7FFFFFFF, 2}},
        {"b", DType::kU8, Shape{0x7FFFFFFF, 0x7FFFFFFF, 2}}},
       {},
       "tensor \"b\": the file would be larger than 2^63 bytes"},
      {{{std::string(kMaxHeaderBytes, 'n'), DType::kU8, Shape{1}}}, {}, "readers accept at most"},
  };
  for (const Row& row : rows) {
    const auto plan = SafetensorsPlan::Make(row.tensors, row.metadata);
    ASSERT_FALSE(plan.ok()) << row.words;
    EXPECT_THAT(MessageOf(plan.status()), HasSubstr(row.words));
  }
}

TEST(SafetensorsWriter, GivesTheSameFileForAnyPieces) {
  const SafetensorsPlan plan = Plan(
      {{"a", DType::kU8, Shape{3}}, {"b", DType::kU16, Shape{2}}, {"c", DType::kU8, Shape{0}}});
  const std::string data = "abcdefg";
  for (size_t piece = 1; piece <= data.size(); ++piece) {
    StringSink sink;
    SafetensorsWriter writer(plan, sink);
    for (size_t at = 0; at < data.size(); at += piece) {
      ASSERT_TRUE(writer.Append(AsBytes(std::string_view(data).substr(at, piece))).ok());
    }
    ASSERT_TRUE(writer.Finish().ok());
    EXPECT_EQ(sink.bytes, std::string(plan.header()) + data);
    EXPECT_EQ(sink.bytes.size(), plan.file_size());
  }
}

TEST(SafetensorsWriter, TakesWholeTensorsInTheirOrder) {
  const SafetensorsPlan plan =
      Plan({{"b", DType::kU8, Shape{2}}, {"a", DType::kU8, Shape{1}}, {"e", DType::kU8, Shape{0}}});
  StringSink sink;
  SafetensorsWriter writer(plan, sink);
  EXPECT_TRUE(writer.AppendTensor("a", AsBytes("1")).ok());
  EXPECT_TRUE(writer.AppendTensor("b", AsBytes("23")).ok());
  EXPECT_EQ(writer.position(), 3u);
  EXPECT_TRUE(writer.AppendTensor("e", {}).ok());
  EXPECT_TRUE(writer.Finish().ok());
  EXPECT_TRUE(sink.bytes.ends_with("123"));
}

TEST(SafetensorsWriter, RefusesTooMuch) {
  const SafetensorsPlan plan = Plan({{"a", DType::kU8, Shape{3}}});
  StringSink sink;
  SafetensorsWriter writer(plan, sink);
  ASSERT_TRUE(writer.Append(AsBytes("ab")).ok());
  const core::Status status = writer.Append(AsBytes("cd"));
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(MessageOf(status),
              HasSubstr("more data than planned: 2 bytes were given where 1 of 3"));
  EXPECT_TRUE(sink.bytes.ends_with("ab"));
  EXPECT_EQ(MessageOf(writer.Finish()), MessageOf(status)) << "the first failure sticks";
}

TEST(SafetensorsWriter, RefusesTooLittle) {
  const SafetensorsPlan plan = Plan({{"a", DType::kU8, Shape{3}}, {"b", DType::kU8, Shape{3}}});
  StringSink sink;
  SafetensorsWriter writer(plan, sink);
  ASSERT_TRUE(writer.Append(AsBytes("abcd")).ok());
  EXPECT_THAT(MessageOf(writer.Finish()),
              HasSubstr("less data than planned: 4 of 6 bytes were given, up to byte 1 of tensor "
                        "\"b\""));
  EXPECT_FALSE(writer.Append(AsBytes("ef")).ok());
}

TEST(SafetensorsWriter, RefusesTheWrongTensor) {
  const std::vector<TensorSpec> tensors = {{"a", DType::kU8, Shape{3}},
                                           {"b", DType::kU8, Shape{3}}};
  const SafetensorsPlan plan = Plan(tensors);
  const auto first_error = [&](std::string_view name, std::string_view data) {
    StringSink sink;
    SafetensorsWriter writer(plan, sink);
    const core::Status status = writer.AppendTensor(name, AsBytes(data));
    EXPECT_TRUE(sink.bytes.empty());
    return MessageOf(status);
  };
  EXPECT_THAT(first_error("b", "abc"), HasSubstr("tensor \"b\" was given at byte 0"));
  EXPECT_THAT(first_error("a", "ab"),
              HasSubstr("tensor \"a\": 2 bytes were given; U8 of shape [3] takes 3"));
  StringSink sink;
  SafetensorsWriter writer(plan, sink);
  ASSERT_TRUE(writer.AppendTensor("a", AsBytes("abc")).ok());
  ASSERT_TRUE(writer.AppendTensor("b", AsBytes("abc")).ok());
  EXPECT_THAT(MessageOf(writer.AppendTensor("c", {})), HasSubstr("after the last of the plan"));
}

TEST(SafetensorsWriter, RefusesMoreAfterItIsFinished) {
  const SafetensorsPlan plan = Plan({});
  StringSink sink;
  SafetensorsWriter writer(plan, sink);
  ASSERT_TRUE(writer.Finish().ok());
  EXPECT_EQ(sink.bytes, plan.header());
  EXPECT_FALSE(writer.Append({}).ok());
  EXPECT_FALSE(writer.Finish().ok());
}

class FullSink : public ByteSink {
 public:
  explicit FullSink(size_t room) : room_(room) {}
  core::Status Write(std::span<const std::byte> data) override {
    if (data.size() > room_) return {Code::kNoSpace, "the disk is full"};
    room_ -= data.size();
    return core::Status::Ok();
  }

 private:
  size_t room_;
};

TEST(SafetensorsWriter, PassesOnWhatTheSinkSays) {
  const SafetensorsPlan plan = Plan({{"a", DType::kU8, Shape{3}}});
  for (const size_t room : {size_t{0}, plan.header().size(), plan.header().size() + 2}) {
    FullSink sink(room);
    SafetensorsWriter writer(plan, sink);
    EXPECT_EQ(writer.Append(AsBytes("abc")).code(), Code::kNoSpace);
    EXPECT_EQ(writer.Finish().code(), Code::kNoSpace);
  }
}

}  // namespace
}  // namespace ingot::tensor
