// Files that other programs wrote (tools/reference/safetensors_fixtures.py) open and hold what they
// should, in every dialect.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "tensor/file.h"
#include "tests/tensor/builders.h"
#include "tests/tensor/listing.h"

namespace ingot::tensor {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path kFolder = fs::path(INGOT_SOURCE_DIR) / "tests/tensor/data";

SafetensorsFile Open(std::string_view name) {
  auto file = SafetensorsFile::Open(core::Env::Posix(), kFolder / name);
  if (!file.ok()) throw std::runtime_error(std::string(file.status().message()));
  return *std::move(file);
}

TEST(Fixtures, HoldWhatTheirWritersPutIn) {
  const core::Json listing = Parse(Slurp(kFolder / "listing.json"));
  EXPECT_GE(listing.size(), 6u);
  for (const auto& [name, expected] : listing.items()) {
    const SafetensorsFile file = Open(name);
    const auto mapping = file.Mapping();
    ASSERT_TRUE(mapping.ok()) << name;
    const std::string_view data = AsText((*mapping)->bytes()).substr(file.header().data_begin());
    EXPECT_EQ(Unordered(Listing(file.header(), data)), Unordered(expected)) << name;
  }
}

// The dialects are only tested as long as the fixtures are in them.
TEST(Fixtures, AreInTheDialectsThatTheyStandFor) {
  const std::string unpadded = Slurp(kFolder / "mlx_int4.safetensors");
  EXPECT_NE(Open("mlx_int4.safetensors").header().data_begin() % 8, 0u) << "no padding";
  EXPECT_THAT(unpadded, HasSubstr(R"({"data_offsets":[)"));
  EXPECT_THAT(Slurp(kFolder / "mlx_dense.safetensors"), HasSubstr(R"({"__metadata__":null,)"));
  EXPECT_THAT(Slurp(kFolder / "byte_path.safetensors"), HasSubstr(R"("\u003cmask\u003e\u0026)"));
  const SafetensorsFile quantized = Open("byte_path_quantized.safetensors");
  EXPECT_EQ(quantized.header().data_begin() % 8, 0u);
  EXPECT_EQ(quantized.header().FindMetadata("quant_type"), "nvfp4");
  EXPECT_GT(quantized.header().Find("w.weight.global_scale")->offset,
            quantized.header().Find("w.weight.scale")->offset)
      << "plan order, not name order";
}

}  // namespace
}  // namespace ingot::tensor
