// Our reader and writer against the `safetensors` package: what it writes we read, what we write it
// reads, and on damaged headers we accept nothing that it refuses.
#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "tensor/file.h"
#include "tensor/writer.h"
#include "tests/tensor/builders.h"
#include "tests/tensor/listing.h"
#include "tests/testing/python.h"
#include "tests/testing/temp_dir.h"

namespace ingot::tensor {
namespace {

using core::Json;
using ingot::testing::PythonRun;
using ingot::testing::RunPython;
using ingot::testing::TempDir;
namespace fs = std::filesystem;

constexpr const char* kOracle = "tests/tensor/safetensors_oracle.py";

TEST(Differential, WeReadWhatThePackageWrites) {
  const TempDir dir;
  const PythonRun run = RunPython(kOracle, {"write", dir.path().string()});
  ASSERT_EQ(run.exit_code, 0);
  const Json listing = Parse(Slurp(dir / "listing.json"));
  ASSERT_EQ(listing.size(), 4u);
  for (const auto& [name, expected] : listing.items()) {
    const auto file = SafetensorsFile::Open(core::Env::Posix(), dir / name);
    ASSERT_TRUE(file.ok()) << file.status().message();
    const auto mapping = file->Mapping();
    ASSERT_TRUE(mapping.ok());
    const std::string_view bytes = AsText((*mapping)->bytes());
    const Json found = Listing(file->header(), bytes.substr(file->header().data_begin()));
    EXPECT_EQ(Unordered(found), Unordered(expected)) << name;
    for (size_t i = 0; i < file->header().size(); ++i) {
      const auto view = file->View(i);
      ASSERT_TRUE(view.ok());
      EXPECT_EQ(Entry(file->header()[i], view->bytes)[2],
                expected["tensors"][std::string(view->name)][2]);
    }
  }
}

TEST(Differential, ThePackageReadsWhatWeWrite) {
  std::vector<TensorSpec> tensors;
  for (const DTypeInfo& info : AllDTypes()) {
    const std::string name(info.name);
    tensors.push_back({name, info.dtype, Shape{2, 3, 4}});
    tensors.push_back({name + ".empty", info.dtype, Shape{3, 0}});
    if (info.bits >= 8) tensors.push_back({name + ".scalar", info.dtype, Shape{}});
  }
  tensors.push_back({"q\"\\\t\x01\xF0\x9F\x98\x80<&>", DType::kI8, Shape{5}});
  tensors.push_back({"", DType::kI8, Shape{1}});
  const auto plan =
      SafetensorsPlan::Make(tensors, {{"quant_type", "int4"}, {"\n\xC3\xA9", "\"\x7f"}});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  std::string data(plan->data_size(), '\0');
  std::mt19937 random(7);
  std::generate(data.begin(), data.end(), [&] { return static_cast<char>(random()); });
  StringSink sink;
  SafetensorsWriter writer(*plan, sink);
  ASSERT_TRUE(writer.Append(core::AsBytes(data)).ok());
  ASSERT_TRUE(writer.Finish().ok());

  const TempDir dir;
  Spill(dir / "ours.safetensors", sink.bytes);
  const PythonRun run = RunPython(kOracle, {"dump", (dir / "ours.safetensors").string()});
  ASSERT_EQ(run.exit_code, 0);
  const auto header = ParseHeader(plan->header().substr(kLengthBytes), plan->file_size());
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->size(), tensors.size());
  EXPECT_EQ(Unordered(Parse(run.output)), Unordered(Listing(*header, data)));
}

// Valid headers of 8 bytes of data, to be damaged.
const char* const kVictims[] = {
    R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
    R"("b":{"dtype":"I8","shape":[5],"data_offsets":[3,8]}})",
    R"({"__metadata__":{"k":"v","l":"w"},"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}})",
    R"({"x":{"data_offsets":[4,8],"dtype":"F32","shape":[]},)"
    R"("y":{"data_offsets":[0,4],"dtype":"F4","shape":[8]},"__metadata__":null}   )",
    R"({"z":{"dtype":"U8","shape":[0],"data_offsets":[4,4]},)"
    R"("a\u00e9":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]},)"
    R"("b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[4,7]},)"
    R"("c":{"dtype":"BOOL","shape":[1],"data_offsets":[7,8]}})",
};

std::string Damage(std::string text, std::mt19937& random) {
  constexpr std::string_view kCharacters = "{}[]\",:0123456789-+.eE\\u nulFIUB\x01\xC3";
  const auto below = [&](size_t limit) { return random() % limit; };
  for (size_t change = below(3); change < 3; ++change) {
    const size_t at = below(text.size());
    switch (below(5)) {
      case 0:
        text[at] = kCharacters[below(kCharacters.size())];
        break;
      case 1:
        text.insert(at, 1, kCharacters[below(kCharacters.size())]);
        break;
      case 2:
        text.erase(at, 1 + below(3));
        break;
      case 3: {  // a piece again, somewhere
        const std::string piece = text.substr(at, 1 + below(60));
        text.insert(below(text.size() + 1), piece);
        break;
      }
      default:  // a digit for a digit: offsets and dimensions that no longer fit
        if (const size_t digit = text.find_first_of("012345678", at); digit != std::string::npos) {
          text[digit] = static_cast<char>('0' + below(10));
        }
    }
    if (text.empty()) text = "{}";
  }
  return text;
}

// Where we are stricter than the package, we say so in one of these words.
bool IsStricterOnPurpose(std::string_view message) {
  for (const std::string_view words :
       {"duplicate tensor", "duplicate key", "unknown field", "the header begins with",
        "dimensions, which is the most supported", "of a shape is"}) {
    if (message.find(words) != std::string_view::npos) return true;
  }
  return false;
}

TEST(Differential, WeAcceptNoDamagedHeaderThatThePackageRefuses) {
  constexpr size_t kCount = 20'000;
  constexpr std::string_view kData = "12345678";
  std::mt19937 random(20260821);
  std::vector<std::string> headers(std::begin(kVictims), std::end(kVictims));
  while (headers.size() < kCount) {
    headers.push_back(Damage(kVictims[random() % std::size(kVictims)], random));
  }
  std::string batch;
  for (const std::string& header : headers) {
    const std::string file = FileBytes(header, kData);
    batch += LittleEndian64(file.size()) + file;
  }
  const TempDir dir;
  Spill(dir / "batch", batch);
  const PythonRun run = RunPython(kOracle, {"judge", (dir / "batch").string()});
  ASSERT_EQ(run.exit_code, 0);
  const std::vector<std::string_view> verdicts = core::Split(core::Trim(run.output), '\n');
  ASSERT_EQ(verdicts.size(), headers.size());

  size_t both_accept = 0;
  size_t stricter = 0;
  for (size_t i = 0; i < headers.size(); ++i) {
    const auto header = ParseWithData(headers[i], kData.size());
    const bool package_accepts = verdicts[i] != "null";
    if (header.ok()) {
      ++both_accept;
      ASSERT_TRUE(package_accepts) << headers[i];
      ASSERT_EQ(Unordered(Listing(*header, kData)), Unordered(Parse(std::string(verdicts[i]))))
          << headers[i];
    } else if (package_accepts) {
      ++stricter;
      EXPECT_TRUE(IsStricterOnPurpose(header.status().message()))
          << headers[i] << "\n  " << header.status().message();
    }
  }
  EXPECT_GT(both_accept, kCount / 100) << "the damage leaves hardly a header readable";
  EXPECT_GT(stricter, 0u);
  RecordProperty("both_accept", static_cast<int>(both_accept));
  RecordProperty("stricter", static_cast<int>(stricter));
}

}  // namespace
}  // namespace ingot::tensor
