#include "server/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::server {
namespace {

// Keeps what is sent.
class KeptExchange final : public Exchange {
 public:
  explicit KeptExchange(ApiStyle style) : Exchange(Request(), Caller(), style) {}
  void Send(Reply reply) override { sent = std::move(reply); }
  std::shared_ptr<StreamWriter> Stream(std::string_view) override { return nullptr; }
  void OnGone(std::function<void()>) override {}
  bool gone() const override { return false; }

  Reply sent;
};

TEST(ErrorsTest, WhoIsTurnedAwayHearsWhenToComeAgain) {
  for (const ApiStyle style : {ApiStyle::kOllama, ApiStyle::kOpenAi, ApiStyle::kAnthropic}) {
    KeptExchange exchange(style);
    SendError(exchange, {core::Status(core::Code::kBusy, "the queue is full"), 17});
    EXPECT_EQ(exchange.sent.status, 503);
    EXPECT_EQ(exchange.sent.headers.Get("retry-after"), "17");
    EXPECT_THAT(exchange.sent.body, ::testing::HasSubstr("Try again in 17 seconds."));
    SendError(exchange, core::Status(core::Code::kBusy, "taken"));
    EXPECT_EQ(exchange.sent.headers.Get("retry-after"), "1");
    SendError(exchange, core::NotFound("no such model"));
    EXPECT_EQ(exchange.sent.status, 404);
    EXPECT_EQ(exchange.sent.headers.Get("retry-after"), "");
  }
}

}  // namespace
}  // namespace ingot::server
