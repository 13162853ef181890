#include "kernels/succession.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace ingot::kernels {
namespace {

// Bytes that stand for weights; nobody reads them.
class SuccessionTest : public ::testing::Test {
 protected:
  const std::byte* At(size_t i) const { return bytes_.data() + i; }
  SuccessionPart Dense(size_t at, size_t outputs, size_t inputs, size_t block_outputs) const {
    SuccessionPart part;
    part.matrix.type = FloatType::kBF16;
    part.matrix.outputs = outputs;
    part.matrix.inputs = inputs;
    part.matrix.values = At(at);
    part.block_outputs = block_outputs;
    part.blocks = (outputs + block_outputs - 1) / block_outputs;
    return part;
  }
  std::vector<std::byte> bytes_ = std::vector<std::byte>(1 << 20);
};

TEST_F(SuccessionTest, SaysWhatCameTheLastTimeOnceItHasSeenIt) {
  Succession succession;
  const std::vector<SuccessionPart> a = {Dense(0, 8, 16, 4)};
  const std::vector<SuccessionPart> b = {Dense(1000, 8, 16, 4)};
  const std::vector<SuccessionPart> c = {Dense(2000, 8, 16, 4)};
  EXPECT_EQ(succession.Enter(a), nullptr);
  EXPECT_EQ(succession.Enter(b), nullptr);
  EXPECT_EQ(succession.Enter(c), nullptr);
  const SuccessionStage* next = succession.Enter(a);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->parts.front().matrix.values, At(1000));
  next = succession.Enter(b);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->parts.front().matrix.values, At(2000));
  // After b comes a this time: that is what counts the next time.
  succession.Enter(a);
  next = succession.Enter(b);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->parts.front().matrix.values, At(0));
}

TEST_F(SuccessionTest, ALoopThatDiffersIsPassedOverAndWhatFollowsItIsKnown) {
  Succession succession;
  const std::vector<SuccessionPart> a = {Dense(0, 8, 16, 4)};
  const std::vector<SuccessionPart> b = {Dense(1000, 8, 16, 4)};
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(succession.Enter(a), nullptr) << "nothing is known of the loop after a";
    succession.EnterOther();
    const SuccessionStage* next = succession.Enter(b);
    EXPECT_EQ(next != nullptr, i == 1);
  }
}

TEST_F(SuccessionTest, AShareBeginsWithItsFirstBlockInWhicheverPartThatIs) {
  // Three blocks of 4 rows of 32 bytes, then one of 8 rows of 64: two threads take two blocks each.
  SuccessionStage stage;
  stage.parts = {Dense(0, 12, 16, 4), Dense(5000, 8, 32, 8)};
  stage.blocks = 4;
  std::array<core::Ahead, core::ThreadPool::kMostAhead> ahead;
  ASSERT_EQ(BeginningOf(stage, 0, 2, ahead.data()), 1U);
  EXPECT_EQ(ahead[0].data, At(0));
  EXPECT_EQ(ahead[0].bytes, 8U * 32);
  ASSERT_EQ(BeginningOf(stage, 1, 2, ahead.data()), 1U);
  EXPECT_EQ(ahead[0].data, At(size_t{8} * 32));
  EXPECT_EQ(ahead[0].bytes, 4U * 32);
  ASSERT_EQ(BeginningOf(stage, 3, 4, ahead.data()), 1U);
  EXPECT_EQ(ahead[0].data, At(5000));
  EXPECT_EQ(ahead[0].bytes, 8U * 64);
}

TEST_F(SuccessionTest, CodesComeWithTheirScalesAndAGateWithItsOwn) {
  SuccessionPart part = Dense(0, 64, 128, 16);
  part.matrix.layout = Layout::kAffine;
  part.matrix.format = {quant::Mode::kAffine, 4, 64};
  part.matrix.scales = At(8000);
  part.matrix.biases = At(9000);
  part.gate = part.matrix;
  part.gate.values = At(20000);
  SuccessionStage stage;
  stage.parts = {part};
  stage.blocks = 4;
  std::array<core::Ahead, core::ThreadPool::kMostAhead> ahead;
  ASSERT_EQ(BeginningOf(stage, 1, 2, ahead.data()), 6U);
  EXPECT_EQ(ahead[0].data, At(size_t{32} * 64));
  EXPECT_EQ(ahead[0].bytes, 32U * 64);
  EXPECT_EQ(ahead[1].data, At(8000 + 32 * 4));
  EXPECT_EQ(ahead[1].bytes, 32U * 4);
  EXPECT_EQ(ahead[2].data, At(9000 + 32 * 4));
  EXPECT_EQ(ahead[3].data, At(20000 + size_t{32} * 64));
}

TEST_F(SuccessionTest, NoMoreIsAskedForThanACacheHolds) {
  SuccessionStage stage;
  stage.parts = {Dense(0, 4096, 1024, 32)};
  stage.blocks = 128;
  std::array<core::Ahead, core::ThreadPool::kMostAhead> ahead;
  ASSERT_EQ(BeginningOf(stage, 0, 1, ahead.data()), 1U);
  EXPECT_LE(ahead[0].bytes, size_t{512} << 10);
  EXPECT_GE(ahead[0].bytes, size_t{2048});
}

}  // namespace
}  // namespace ingot::kernels
