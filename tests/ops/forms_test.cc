#include "ops/forms.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::ops {
namespace {

using gpu::BackEnd;
using ::testing::HasSubstr;

TEST(FormsTest, HaveOneRowEachAndSomethingThatComputesThemEverywhere) {
  std::set<Form> seen;
  for (const FormRow& row : FormTable()) {
    EXPECT_TRUE(seen.insert(row.form).second) << row.name;
    for (const BackEnd back_end : {BackEnd::kCpu, BackEnd::kCuda, BackEnd::kMetal}) {
      EXPECT_NE(CellOf(row.form, back_end).means, Means::kMissing) << row.name;
      EXPECT_TRUE(RequireForm(row.form, 0, back_end).ok()) << row.name;
    }
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(Form::kDraw) + 1);
}

TEST(FormsTest, RefuseAWidthThatTheKernelDoesNotTake) {
  EXPECT_TRUE(RequireForm(Form::kGatedDelta, 512, BackEnd::kCuda).ok());
  const core::Status status = RequireForm(Form::kGatedDelta, 513, BackEnd::kCuda);
  EXPECT_EQ(status.code(), core::Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("gated delta"));
  EXPECT_THAT(status.message(), HasSubstr("CUDA"));
  EXPECT_THAT(status.message(), HasSubstr("512"));
  EXPECT_THAT(status.message(), HasSubstr("513"));
  EXPECT_TRUE(RequireForm(Form::kGatedDelta, 513, BackEnd::kCpu).ok());
}

TEST(FormsTest, RefuseWhatHasNoForm) {
  const auto unknown = static_cast<Form>(200);
  const core::Status status = RequireForm(unknown, 0, BackEnd::kMetal);
  EXPECT_EQ(status.code(), core::Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("Metal"));
}

TEST(FormsTest, ABuildForGpusWithoutOneIsRefused) {
  EXPECT_TRUE(RequireDevice("cpu", false).ok());
  EXPECT_TRUE(RequireDevice("metal", true).ok());
  const core::Status status = RequireDevice("cuda", false);
  EXPECT_EQ(status.code(), core::Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("cuda"));
}

TEST(FormsTest, OfPackedWeightsFollowTheirScales) {
  EXPECT_EQ(FormOf({.mode = quant::Mode::kAffine, .bits = 4, .group_size = 64}), Form::kAffine);
  EXPECT_EQ(FormOf({.mode = quant::Mode::kNvfp4, .bits = 4, .group_size = 16}), Form::kFloatCodes);
}

}  // namespace
}  // namespace ingot::ops
