#include "server/api_keys.h"

#include <sys/stat.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/env.h"
#include "store/digest.h"
#include "tests/testing/temp_dir.h"

namespace ingot::server {
namespace {

using ::testing::HasSubstr;

constexpr const char* kFile =
    "# name role key\n"
    "phone infer 0123456789abcdef  # mine\n"
    "\n"
    "me\tmanage\tfedcba9876543210\r\n";

Caller Ask(const ApiKeys& keys, const char* header, const std::string& value) {
  Headers headers;
  headers.Add(header, value);
  return keys.Identify(headers);
}

TEST(ApiKeysTest, AKeySaysWhoAsksAndWhatTheyMay) {
  const auto keys = ApiKeys::Parse(kFile);
  ASSERT_TRUE(keys.ok()) << keys.status().message();
  EXPECT_EQ(keys->size(), 2U);
  EXPECT_EQ(Ask(*keys, "Authorization", "Bearer 0123456789abcdef").key, "phone");
  EXPECT_EQ(Ask(*keys, "authorization", "bearer  fedcba9876543210 ").role, Role::kManage);
  EXPECT_EQ(Ask(*keys, "X-API-Key", "0123456789abcdef").role, Role::kInfer);
  for (const char* wrong : {"0123456789abcdeF", "0123456789abcde", "0123456789abcdef0", "", "phone",
                            "Bearer 0123456789abcdef"}) {
    EXPECT_EQ(Ask(*keys, "x-api-key", wrong).role, Role::kNone) << wrong;
  }
  EXPECT_EQ(Ask(*keys, "Authorization", "Basic 0123456789abcdef").role, Role::kNone);
  EXPECT_EQ(keys->Identify({}).role, Role::kNone);
  EXPECT_EQ(Ask(*keys, "x-api-key", std::string(1 << 20, 'a')).role, Role::kNone);
}

TEST(ApiKeysTest, WithoutKeysEverybodyManages) {
  EXPECT_EQ(ApiKeys().Identify({}).role, Role::kManage);
}

TEST(ApiKeysTest, AKeyMayStandAsItsHash) {
  const std::string hash = store::Digest::Of("a secret of some length").Hex();
  const auto keys = ApiKeys::Parse("a infer sha256:" + hash);
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(Ask(*keys, "x-api-key", "a secret of some length").key, "a");
  EXPECT_EQ(Ask(*keys, "x-api-key", "sha256:" + hash).role, Role::kNone);
}

TEST(ApiKeysTest, ErrorsNameTheLineAndNotTheKey) {
  for (const char* text :
       {"a infer", "a admin 0123456789abcdef", "a infer short", "", "# nothing\n",
        "a infer sha256:12", "a infer 0123456789abcdef\na manage fedcba9876543210",
        "a infer 0123456789abcdef\nb manage 0123456789abcdef", "a infer 0123456789abcdef x"}) {
    const auto keys = ApiKeys::Parse(text);
    ASSERT_FALSE(keys.ok()) << text;
    EXPECT_THAT(std::string(keys.status().message()),
                ::testing::Not(HasSubstr("0123456789abcdef")));
  }
  EXPECT_THAT(std::string(ApiKeys::Parse("\na infer short").status().message()),
              HasSubstr("line 2"));
}

TEST(ApiKeysTest, AFileThatOthersMayReadIsRefused) {
  const testing::TempDir dir;
  core::Env& env = core::Env::Posix();
  ASSERT_TRUE(core::WriteFileAtomic(env, dir / "keys", kFile).ok());
  ASSERT_EQ(chmod((dir / "keys").c_str(), 0644), 0);
  EXPECT_EQ(ApiKeys::Load(env, dir / "keys").status().code(), core::Code::kPermission);
  ASSERT_EQ(chmod((dir / "keys").c_str(), 0600), 0);
  EXPECT_TRUE(ApiKeys::Load(env, dir / "keys").ok());
  EXPECT_FALSE(ApiKeys::Load(env, dir / "none").ok());
}

}  // namespace
}  // namespace ingot::server
