#include "kernels/expert_groups.h"

#include <gtest/gtest.h>

namespace ingot::kernels {
namespace {

TEST(ExpertGroupsTest, PairsAreGroupedByExpertInTheirOrder) {
  const std::vector<uint32_t> chosen = {2, 0, 2, 5, 0, 2};
  const ExpertGroups order(chosen, 6);
  ASSERT_EQ(order.groups.size(), 3U);
  EXPECT_EQ(order.groups[1].expert, 2U);
  EXPECT_EQ(order.groups[1].first, 2U);
  EXPECT_EQ(order.groups[1].count, 3U);
  EXPECT_EQ(order.pair_at, (std::vector<size_t>{1, 4, 0, 2, 5, 3}));
  for (size_t place = 0; place < 6; ++place) EXPECT_EQ(order.place_of[order.pair_at[place]], place);
}

}  // namespace
}  // namespace ingot::kernels
