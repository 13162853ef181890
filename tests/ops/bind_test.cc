#include "ops/bind.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ingot::ops {
namespace {

// Floats of 2, with zeros before them: where MLX's allocator keeps the length of a block.
class Stored {
 public:
  explicit Stored(size_t count)
      : memory_(std::make_shared<std::vector<float>>(kBefore + count, 0.0F)) {
    std::fill(memory_->begin() + kBefore, memory_->end(), 2.0F);
  }
  // Of an array over them that nobody else holds.
  Array Bound(tensor::Shape shape) const {
    const tensor::TensorView view{.name = "weight",
                                  .dtype = tensor::DType::kF32,
                                  .shape = std::move(shape),
                                  .bytes = std::as_bytes(std::span(*memory_).subspan(kBefore))};
    return *Bind(view, memory_);
  }
  bool IsAsItWas() const {
    return std::all_of(memory_->begin() + kBefore, memory_->end(), [](float x) { return x == 2; });
  }
  const float* first() const { return memory_->data() + kBefore; }

 private:
  static constexpr size_t kBefore = 16;
  std::shared_ptr<std::vector<float>> memory_;
};

// A norm's weight plus one, say: MLX computes in the memory of an operand that nobody else holds,
// and this one's is a file.
TEST(BindTest, WhatIsComputedOfAVectorLeavesTheFileAsItWas) {
  const Stored stored(4096);
  Array sum = stored.Bound({4096}) + Array(1.0F);
  sum.eval();
  EXPECT_EQ(sum.data<float>()[4095], 3);
  EXPECT_TRUE(stored.IsAsItWas());
}

TEST(BindTest, AMatrixIsReadWhereItLies) {
  const Stored stored(4096);
  const Array bound = stored.Bound({64, 64});
  EXPECT_EQ(CanShareMemory(), bound.data<float>() == stored.first());
  EXPECT_EQ(bound.data<float>()[4095], 2);
}

}  // namespace
}  // namespace ingot::ops
