// What a device cannot compute is refused while a model loads, by the name of the layer.
#include "ops/forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/env.h"
#include "model/weights.h"

namespace ingot::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(WeightsFormsTest, AFormThatTheDeviceLacksIsAnErrorAtTheEndOfLoading) {
  const auto tensors = StoredTensors::FromBlobs(core::Env::Posix(), {});
  ASSERT_TRUE(tensors.ok()) << tensors.status().message();
  Weights weights(*tensors, QuantConfig(), ops::mx::bfloat16);
  weights.Need(ops::Form::kGatedDelta, 128, "layers.0.linear_attn");
  EXPECT_TRUE(weights.Finish().ok());
  // No table has it, as if a device did not.
  weights.Need(static_cast<ops::Form>(200), 128, "layers.3.linear_attn");
  const core::Status status = weights.Finish();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), AllOf(HasSubstr("layers.3.linear_attn"), HasSubstr("no form")));
}

}  // namespace
}  // namespace ingot::model
