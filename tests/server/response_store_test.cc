#include "server/response_store.h"

#include <string>

#include <gtest/gtest.h>

namespace ingot::server {
namespace {

StoredResponse Response(size_t bytes) {
  return {{{"text", std::string(bytes, 'x')}}, core::Json::array(), core::Json::array()};
}

TEST(ResponseStore, ShowsAResponseToItsKeyAlone) {
  ResponseStore store;
  store.Put("mine", "resp_1", Response(10), 0);
  EXPECT_TRUE(store.Get("mine", "resp_1", 1));
  EXPECT_FALSE(store.Get("yours", "resp_1", 1));
  EXPECT_FALSE(store.Get("", "resp_1", 1));
  EXPECT_FALSE(store.Remove("yours", "resp_1", 1));
  EXPECT_TRUE(store.Remove("mine", "resp_1", 1));
  EXPECT_FALSE(store.Get("mine", "resp_1", 1));
  EXPECT_EQ(store.bytes(), 0U);
}

TEST(ResponseStore, ForgetsTheOldestWhenThereAreTooMany) {
  ResponseStore store({.count = 3, .bytes = 1 << 20, .age_ns = 1000});
  for (int i = 0; i < 5; ++i) store.Put("", "resp_" + std::to_string(i), Response(10), 0);
  EXPECT_EQ(store.size(), 3U);
  EXPECT_FALSE(store.Get("", "resp_1", 0));
  EXPECT_TRUE(store.Get("", "resp_2", 0));
  EXPECT_TRUE(store.Get("", "resp_4", 0));
}

TEST(ResponseStore, KeepsToItsBytes) {
  ResponseStore store({.count = 100, .bytes = 1000, .age_ns = 1000});
  store.Put("", "large", Response(2000), 0);
  EXPECT_EQ(store.size(), 0U);
  for (int i = 0; i < 20; ++i) {
    store.Put("", "resp_" + std::to_string(i), Response(200), 0);
    EXPECT_LE(store.bytes(), 1000U);
  }
  EXPECT_TRUE(store.Get("", "resp_19", 0));
}

TEST(ResponseStore, ForgetsAfterItsTime) {
  ResponseStore store({.count = 100, .bytes = 1000, .age_ns = 100});
  store.Put("", "resp_1", Response(10), 0);
  store.Put("", "resp_2", Response(10), 60);
  EXPECT_TRUE(store.Get("", "resp_1", 100));
  EXPECT_FALSE(store.Get("", "resp_1", 101));
  EXPECT_TRUE(store.Get("", "resp_2", 101));
  EXPECT_FALSE(store.Get("", "resp_2", 161));
  EXPECT_EQ(store.bytes(), 0U);
}

}  // namespace
}  // namespace ingot::server
