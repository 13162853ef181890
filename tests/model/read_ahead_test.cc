// What is read first, and that reading ends by itself and when it is cut short.
#include "model/read_ahead.h"

#include <limits>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "core/env.h"

namespace ingot::model {
namespace {

TEST(ReadAheadTest, LayersAreReadInOrderAndExpertsAfterWhatEveryTokenNeeds) {
  const std::vector<std::string_view> names = {
      "lm_head.weight",
      "model.layers.10.self_attn.q_proj.weight",
      "model.layers.2.mlp.switch_mlp.up_proj.weight",
      "model.layers.2.mlp.gate.weight",
      "model.layers.0.mlp.experts.3.up_proj.weight",
      "model.norm.weight",
      "model.embed_tokens.weight",
      "model.layers.0.input_layernorm.weight",
  };
  const std::vector<size_t> expected = {7, 3, 1, 0, 5, 6, 4, 2};
  EXPECT_EQ(ReadingOrder(names), expected);
}

class ReadAheadOfFolderTest : public testing::Test {
 protected:
  static StoredTensors Open() {
    const core::Path folder = core::Path(INGOT_SOURCE_DIR) / "demo/model";
    auto tensors = StoredTensors::FromFolder(core::Env::Posix(), folder);
    EXPECT_TRUE(tensors.ok()) << tensors.status().message();
    return *std::move(tensors);
  }
};

TEST_F(ReadAheadOfFolderTest, ReadsEveryTensorAndOutlivesTheList) {
  std::optional<StoredTensors> tensors = Open();
  const uint64_t bytes = tensors->bytes();
  ReadAhead ahead(*tensors, bytes);
  tensors.reset();
  EXPECT_EQ(ahead.Wait(), bytes);
}

TEST_F(ReadAheadOfFolderTest, LeavesAModelAloneThatMemoryCannotHold) {
  const StoredTensors tensors = Open();
  ReadAhead ahead(tensors, tensors.bytes() - 1);
  EXPECT_EQ(ahead.Wait(), 0);
}

TEST_F(ReadAheadOfFolderTest, MayBeGivenUpAtOnce) {
  const StoredTensors tensors = Open();
  for (int i = 0; i < 20; ++i) {
    const ReadAhead ahead(tensors, std::numeric_limits<uint64_t>::max());
  }
}

}  // namespace
}  // namespace ingot::model
