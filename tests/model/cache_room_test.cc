#include "model/cache_room.h"

#include <gtest/gtest.h>

namespace ingot::model {
namespace {

using ops::gpu::BackEnd;

TEST(CacheRoomTest, IsKeptWhileItIsEnough) {
  EXPECT_EQ(RoomColumns(100, 100, BackEnd::kCpu), 100);
  EXPECT_EQ(RoomColumns(100, 7, BackEnd::kCuda), 100);
}

TEST(CacheRoomTest, GrowsByHalvesSoThatALongSequenceIsCopiedSeldom) {
  for (const BackEnd back_end : {BackEnd::kCpu, BackEnd::kCuda, BackEnd::kMetal}) {
    int room = 0;
    int copies = 0;
    for (int end = 1; end <= 100'000; ++end) {
      const int next = RoomColumns(room, end, back_end);
      ASSERT_GE(next, end);
      copies += next != room ? 1 : 0;
      room = next;
    }
    EXPECT_LE(copies, 20);
    EXPECT_LE(room, 160'000);
  }
}

TEST(CacheRoomTest, IsOfASizeOnCudaThatItsAttentionReadsFastest) {
  for (const int end : {1, 256, 257, 300, 1000, 4097}) {
    EXPECT_EQ(RoomColumns(0, end, BackEnd::kCuda) % 256, 0) << end;
    EXPECT_EQ(RoomColumns(RoomColumns(0, end, BackEnd::kCuda), end + 5000, BackEnd::kCuda) % 256,
              0);
  }
  EXPECT_EQ(RoomColumns(0, 1, BackEnd::kCpu), 64);
}

}  // namespace
}  // namespace ingot::model
