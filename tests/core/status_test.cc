#include "core/status.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

namespace ingot::core {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgument("odd");
  return n / 2;
}
Result<int> Quarter(int n) {
  INGOT_ASSIGN(const int half, Half(n));
  return Half(half);
}
Status Check(int n) {
  INGOT_TRY(Quarter(n).status());
  return Status::Ok();
}

TEST(StatusTest, OkHasNoMessageAndContextLeavesItOk) {
  EXPECT_TRUE(Status().Context("anything").WithHint("anything").ok());
  EXPECT_EQ(Status().message(), "");
  EXPECT_EQ(Status(Code::kOk, "said but fine").message(), "");
}

TEST(StatusTest, ContextIsPutInFrontAndTheFirstHintWins) {
  const Status status =
      Corrupt("short").WithHint("pull it again").Context("blob a").WithHint("late");
  EXPECT_EQ(status.message(), "blob a: short");
  EXPECT_EQ(status.hint(), "pull it again");
  EXPECT_EQ(status.code(), Code::kCorrupt);
}

TEST(StatusTest, CopiesAreIndependent) {
  const Status first = NotFound("x");
  const Status second = first.Context("y");
  EXPECT_EQ(first.message(), "x");
  EXPECT_EQ(second.message(), "y: x");
}

TEST(StatusTest, ErrnoDecidesTheCode) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "f").code(), Code::kNotFound);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "f").code(), Code::kNoSpace);
  EXPECT_EQ(ErrnoStatus(EACCES, "f").code(), Code::kPermission);
  EXPECT_EQ(ErrnoStatus(EIO, "f").code(), Code::kIo);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "f").message(), "f: No space left on device");
}

TEST(ResultTest, MacrosPassTheFirstErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_FALSE(Quarter(6).ok());
  EXPECT_TRUE(Check(4).ok());
  EXPECT_EQ(Check(3).message(), "odd");
}

TEST(ResultTest, AnOkStatusIsNotAValue) {
  const Result<int> result = Status::Ok();
  EXPECT_EQ(result.status().code(), Code::kInternal);
}

}  // namespace
}  // namespace ingot::core
