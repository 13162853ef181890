#include "import/inventory.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "import/plan.h"
#include "tensor/writer.h"
#include "tests/testing/temp_dir.h"

namespace ingot::import {
namespace {

using ::testing::HasSubstr;

void Write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A file of zeros with these BF16 matrices of 8 by 64.
void WriteWeights(const std::filesystem::path& path, const std::vector<std::string>& names) {
  std::vector<tensor::TensorSpec> specs;
  for (const std::string& name : names) {
    specs.push_back({name, tensor::DType::kBF16, tensor::Shape{8, 64}});
  }
  const auto plan = tensor::SafetensorsPlan::Make(std::move(specs));
  ASSERT_TRUE(plan.ok());
  Write(path, std::string(plan->header()) + std::string(plan->data_size(), '\0'));
}

core::Result<Inventory> Read(const testing::TempDir& dir) {
  return ReadInventory(core::Env::Posix(), dir.path());
}
std::string ErrorOf(const testing::TempDir& dir) {
  const auto inventory = Read(dir);
  EXPECT_FALSE(inventory.ok());
  return std::string(inventory.status().message());
}

constexpr std::string_view kConfig = R"({"architectures": ["LlamaForCausalLM"]})";

TEST(Inventory, KnowsWhereEveryTensorLies) {
  testing::TempDir dir;
  Write(dir / "config.json", kConfig);
  WriteWeights(dir / "model-00001-of-00002.safetensors", {"b.weight", "c.weight"});
  WriteWeights(dir / "model-00002-of-00002.safetensors", {"a.weight"});
  const auto inventory = Read(dir);
  ASSERT_TRUE(inventory.ok()) << inventory.status().message();
  ASSERT_EQ(inventory->tensors.size(), 3U);
  EXPECT_EQ(inventory->tensors[0].name, "a.weight");
  EXPECT_EQ(inventory->files[inventory->tensors[0].file].path.filename(),
            "model-00002-of-00002.safetensors");
  const SourceTensor& c = inventory->tensors[*inventory->Find("c.weight")];
  EXPECT_EQ(c.size, 8U * 64 * 2);
  EXPECT_EQ(c.offset + c.size, inventory->files[c.file].info.size);
  EXPECT_EQ(inventory->Find("d.weight"), std::nullopt);
  EXPECT_EQ(inventory->family->id, "llama");
  EXPECT_TRUE(IsModelFolder(core::Env::Posix(), dir.path()));
}

TEST(Inventory, ReportsTensorsThatTheIndexLeavesOut) {
  testing::TempDir dir;
  Write(dir / "config.json", kConfig);
  WriteWeights(dir / "model.safetensors", {"a.weight", "b.weight"});
  Write(dir / "model.safetensors.index.json",
        R"({"weight_map": {"a.weight": "model.safetensors"}})");
  auto inventory = Read(dir);
  ASSERT_TRUE(inventory.ok()) << inventory.status().message();
  EXPECT_THAT(inventory->unindexed, ::testing::ElementsAre("b.weight"));
  const auto plan = MakePlan(*std::move(inventory), {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->blobs.size(), 1U);
  EXPECT_THAT(plan->warnings[0], HasSubstr("1 tensors that the index leaves out are not imported, "
                                           "for example \"b.weight\""));
}

TEST(Inventory, NamesWhatIsWrongWithAFolder) {
  testing::TempDir dir;
  EXPECT_FALSE(IsModelFolder(core::Env::Posix(), dir.path()));
  EXPECT_EQ(WhatFolderLacks(core::Env::Posix(), dir.path()), "config.json and no *.safetensors");
  EXPECT_EQ(WhatFolderLacks(core::Env::Posix(), dir / "nowhere"), std::nullopt);
  WriteWeights(dir / "model.safetensors", {"a.weight"});
  EXPECT_FALSE(IsModelFolder(core::Env::Posix(), dir.path()));
  EXPECT_EQ(WhatFolderLacks(core::Env::Posix(), dir.path()), "config.json");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("config.json"));
  EXPECT_THAT(std::string(Read(dir).status().hint()), HasSubstr("needs a config.json"));
  Write(dir / "config.json", "{");
  EXPECT_THAT(ErrorOf(dir), HasSubstr(dir.path().native()));
  Write(dir / "config.json", R"({"architectures": ["LlamaForCausalLM"], "num_hidden_layers": []})");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("\"num_hidden_layers\" is a array"));
  Write(dir / "config.json", kConfig);
  Write(dir / "hf_quant_config.json", "nonsense");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("hf_quant_config.json"));
  std::filesystem::remove(dir / "hf_quant_config.json");
  std::filesystem::remove(dir / "model.safetensors");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("no model weights"));
}

TEST(Inventory, ReadsConfigsAsPythonWritesThem) {
  testing::TempDir dir;
  Write(dir / "config.json",
        R"({"architectures": ["NemotronHForCausalLM"], "time_step_limit": [0.0, Infinity]})");
  WriteWeights(dir / "model.safetensors", {"a.weight"});
  const auto inventory = Read(dir);
  ASSERT_TRUE(inventory.ok()) << inventory.status().message();
  EXPECT_EQ(inventory->config["time_step_limit"].dump(), R"([0.0,{"__float__":"Infinity"}])");
  EXPECT_THAT(inventory->config_text, HasSubstr("[0.0, Infinity]")) << "and it stays as it stood";
}

TEST(Inventory, RefusesTruncatedShards) {
  testing::TempDir dir;
  Write(dir / "config.json", kConfig);
  WriteWeights(dir / "model.safetensors", {"a.weight", "b.weight"});
  std::filesystem::resize_file(dir / "model.safetensors",
                               std::filesystem::file_size(dir / "model.safetensors") - 1);
  EXPECT_THAT(ErrorOf(dir), HasSubstr("model.safetensors"));
}

}  // namespace
}  // namespace ingot::import
