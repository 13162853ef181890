#include "store/digest.h"

#include <string>
#include <unordered_set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::store {
namespace {

using ::testing::HasSubstr;

const std::string kHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Digest, IsThatOfItsContent) {
  EXPECT_EQ(Digest::Of("").Hex(), kHex);
  EXPECT_EQ(Digest::Of("abc").ToString(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, ReadsBothSeparatorsAndBothCases) {
  for (const char separator : {':', '-'}) {
    const auto digest = Digest::Parse("sha256" + std::string(1, separator) + kHex);
    ASSERT_TRUE(digest.ok()) << digest.status().message();
    EXPECT_EQ(*digest, Digest::Of(""));
  }
  std::string upper = kHex;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  const auto digest = Digest::Parse("sha256:" + upper);
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(digest->FileName(), "sha256-" + kHex);
  EXPECT_EQ(digest->Short(), "e3b0c44298fc");
}

TEST(Digest, NothingElseBecomesOne) {
  const std::string bad[] = {
      "",
      "sha256",
      "sha256:",
      kHex,
      "SHA256:" + kHex,
      "sha512:" + kHex,
      "sha256/" + kHex,
      "sha256:" + kHex.substr(1),
      "sha256:" + kHex + "0",
      "sha256: " + kHex.substr(1),
      "sha256:" + kHex.substr(1) + "\n",
      "sha256:" + kHex.substr(1) + std::string(1, '\0'),
      "sha256:../../../../../../../../../../../../../../../../../../../etc/shadow",
      "sha256:" + std::string(64, 'g'),
      "sha256-" + std::string(62, '0') + "/.",
      " sha256:" + kHex,
  };
  for (const std::string& text : bad) EXPECT_FALSE(Digest::Parse(text).ok()) << text;
}

TEST(Digest, ErrorSaysWhatIsWrong) {
  EXPECT_THAT(std::string(Digest::Parse("md5:00").status().message()),
              HasSubstr("does not begin with sha256"));
  EXPECT_THAT(std::string(Digest::Parse("sha256:00").status().message()),
              HasSubstr("expected 64 hexadecimal digits, found 2"));
  EXPECT_THAT(std::string(Digest::Parse("sha256:" + kHex.substr(0, 63) + "x").status().message()),
              HasSubstr("character 70 is not a hexadecimal digit"));
  // What came from outside does not reach a terminal as it is.
  EXPECT_THAT(std::string(Digest::Parse("\x1b[31m").status().message()), HasSubstr("\\x1b"));
}

TEST(Digest, IsAKey) {
  std::unordered_set<Digest> set = {Digest::Of("a"), Digest::Of("b"), Digest::Of("a")};
  EXPECT_EQ(set.size(), 2u);
  EXPECT_TRUE(set.contains(Digest::Of("b")));
}

}  // namespace
}  // namespace ingot::store
