#include "ops/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/transforms.h>

namespace ingot::ops {
namespace {

TEST(BackendTest, TheLoadedLibraryIsTheOneWeWereBuiltFor) {
  core::Result<BackendInfo> backend = Backend();
  ASSERT_TRUE(backend.ok()) << backend.status().message();
  EXPECT_EQ(backend->mlx_version, "0.32.4");
  EXPECT_EQ(backend->mlx_version, backend->header_version);
}

TEST(BackendTest, TheDeviceIsOfTheKindThatTheBuildChose) {
  core::Result<BackendInfo> backend = Backend();
  ASSERT_TRUE(backend.ok()) << backend.status().message();
  EXPECT_THAT(backend->kind, testing::AnyOf("cpu", "cuda", "metal"));
  if (backend->kind == "cpu") {
    EXPECT_FALSE(backend->gpu);
    EXPECT_EQ(backend->device, "cpu:0");
  }
}

TEST(BackendTest, ArraysComputeOnTheDefaultDevice) {
  namespace mx = mlx::core;
  const mx::array a({1.0F, 2.0F, 3.0F, 4.0F}, {2, 2});
  mx::array product = mx::matmul(a, a);
  mx::eval(product);
  ASSERT_EQ(product.size(), 4U);
  EXPECT_THAT(std::vector<float>(product.data<float>(), product.data<float>() + 4),
              testing::ElementsAre(7.0F, 10.0F, 15.0F, 22.0F));
}

}  // namespace
}  // namespace ingot::ops
