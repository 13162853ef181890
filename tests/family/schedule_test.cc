#include "family/schedule.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::family {
namespace {

std::vector<uint32_t> Sensitive(uint32_t n) {
  std::vector<uint32_t> layers;
  for (uint32_t i = 0; i < n; ++i) {
    if (IsSensitiveLayer(i, n)) layers.push_back(i);
  }
  return layers;
}

TEST(Schedule, TakesBothEndsAndEveryThirdLayerBetween) {
  EXPECT_THAT(Sensitive(30),
              ::testing::ElementsAre(0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29));
}

TEST(Schedule, CopesWithFewLayers) {
  EXPECT_TRUE(Sensitive(0).empty());
  EXPECT_THAT(Sensitive(1), ::testing::ElementsAre(0));
  EXPECT_THAT(Sensitive(4), ::testing::ElementsAre(2, 3));
  EXPECT_FALSE(IsSensitiveLayer(3, 0));
  EXPECT_TRUE(IsSensitiveLayer(99, 4));
}

TEST(Schedule, CanEndTheCadenceEarly) {
  EXPECT_TRUE(IsSensitiveLayer(13, 40, 16));   // (13 - 5) % 3 == 2
  EXPECT_FALSE(IsSensitiveLayer(16, 40, 16));  // on the cadence, but at its end
  EXPECT_TRUE(IsSensitiveLayer(4, 40, -4));    // the first eighth needs no cadence
  EXPECT_FALSE(IsSensitiveLayer(7, 40, -4));
}

TEST(Schedule, ReadsTheFirstLayerNumberOfAName) {
  EXPECT_EQ(LayerIndex("model.layers.12.mlp.down_proj.weight"), 12U);
  EXPECT_EQ(LayerIndex("model.language_model.layers.5.moe.experts.42.down_proj.weight"), 5U);
  EXPECT_EQ(LayerIndex("layers.5.mlp.weight"), std::nullopt);  // no dot in front
  EXPECT_EQ(LayerIndex("model.layers.weight"), std::nullopt);
  EXPECT_EQ(LayerIndex("model.layers.7"), std::nullopt);
  EXPECT_EQ(LayerIndex("model.layers.x.layers.3.weight"), 3U);
  EXPECT_EQ(LayerIndex("model.layers.99999999999.weight"), std::nullopt);
}

}  // namespace
}  // namespace ingot::family
