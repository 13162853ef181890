#include "core/sha256.h"

#include <string>

#include <gtest/gtest.h>

#include "core/env.h"

namespace ingot::core {
namespace {

// FIPS 180-4 examples.
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kMillionA =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256Test, KnownAnswers) {
  EXPECT_EQ(HexLower(Sha256::Of({})), kEmpty);
  EXPECT_EQ(HexLower(Sha256::Of(AsBytes("abc"))), kAbc);
}

TEST(Sha256Test, PiecesOfAnySizeGiveTheSameDigestAndFinishStartsAnew) {
  const std::string text(1'000'000, 'a');
  Sha256 hash;
  for (const size_t step : {1u, 63u, 64u, 65u, 4096u, 1'000'000u}) {
    for (size_t i = 0; i < text.size(); i += step) {
      hash.Update(AsBytes(std::string_view(text).substr(i, step)));
    }
    EXPECT_EQ(HexLower(hash.Finish()), kMillionA) << step;
  }
  EXPECT_EQ(HexLower(hash.Finish()), kEmpty);
}

}  // namespace
}  // namespace ingot::core
