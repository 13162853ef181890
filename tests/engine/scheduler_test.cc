#include "engine/scheduler.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/engine_helpers.h"

namespace ingot::engine {
namespace {

using ::ingot::testing::ChainModel;
using ::ingot::testing::Collector;
using ::ingot::testing::GreedyRequest;
using ::testing::ElementsAreArray;

std::vector<int> RandomTokens(unsigned seed, size_t count) {
  std::mt19937 random(seed);
  std::vector<int> tokens(count);
  for (int& token : tokens) token = static_cast<int>(random() % 16);
  return tokens;
}

struct Kind {
  const char* name;
  bool recurrent;
  bool ahead;  // steps are queued before the tokens of the last one are known, as on a GPU
};

class SchedulerTest : public ::testing::TestWithParam<Kind> {
 protected:
  ModelService& Start(SchedulerOptions options = {}) {
    options.ahead = GetParam().ahead;
    service_ = std::make_unique<ModelService>(thread_, model_, options);
    model_.Fed();
    return *service_;
  }
  // What a request gives when nothing else runs and nothing is known.
  std::vector<int> Alone(const std::vector<int>& prompt, int count) {
    ModelService service(thread_, model_, {.prefix_bytes = 0});
    const auto listener = std::make_shared<Collector>();
    EXPECT_TRUE(service.Submit(GreedyRequest(prompt, count), listener).ok());
    EXPECT_TRUE(listener->Wait().ok());
    return listener->tokens();
  }

  ChainModel model_{GetParam().recurrent};
  std::shared_ptr<EngineThread> thread_ = std::make_shared<EngineThread>();
  std::unique_ptr<ModelService> service_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, SchedulerTest,
                         ::testing::Values(Kind{"Attention", false, false},
                                           Kind{"Recurrent", true, false},
                                           Kind{"AttentionAhead", false, true},
                                           Kind{"RecurrentAhead", true, true}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(SchedulerTest, ManyAnswersAtOnceAreThoseThatEachGivesAlone) {
  ModelService& service = Start({.prefill_rows = 24, .shared_rows = 8});
  std::vector<std::shared_ptr<Collector>> listeners;
  std::vector<std::vector<int>> prompts;
  for (unsigned i = 0; i < 12; ++i) {
    prompts.push_back(RandomTokens(i, 5 + 9 * i));
    listeners.push_back(std::make_shared<Collector>());
    TokenRequest request = GreedyRequest(prompts.back(), 10 + static_cast<int>(i));
    request.owner = i % 2 == 0 ? "a" : "b";
    ASSERT_TRUE(service.Submit(std::move(request), listeners.back()).ok());
  }
  for (size_t i = 0; i < listeners.size(); ++i) {
    const auto result = listeners[i]->Wait();
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(result->finish, Finish::kLength);
    EXPECT_THAT(listeners[i]->tokens(),
                ElementsAreArray(Alone(prompts[i], 10 + static_cast<int>(i))));
  }
  EXPECT_GT(model_.largest_batch(), 4U);
  EXPECT_LT(service.stats().steps, 12U * 22U) << "steps were shared";
}

TEST_P(SchedulerTest, ALongPromptDoesNotHoldUpAnswersThatRun) {
  ModelService& service = Start({.prefill_rows = 64, .shared_rows = 16});
  const auto talker = std::make_shared<Collector>();
  ASSERT_TRUE(service.Submit(GreedyRequest({1, 2, 3}, 400), talker).ok());
  talker->WaitForTokens(1);
  const auto reader = std::make_shared<Collector>();
  ASSERT_TRUE(service.Submit(GreedyRequest(RandomTokens(3, 2000), 1), reader).ok());
  ASSERT_TRUE(reader->Wait().ok());
  // 2,000 tokens in stretches of 16 are 125 steps, and each made a token, too.
  EXPECT_GE(talker->tokens().size(), 100U);
  ASSERT_TRUE(talker->Wait().ok());
  EXPECT_THAT(talker->tokens(), ElementsAreArray(Alone({1, 2, 3}, 400)));
}

TEST_P(SchedulerTest, ACancelledAnswerEndsAndKeepsWhatWasRead) {
  ModelService& service = Start({.prefill_rows = 32});
  const std::vector<int> prompt = RandomTokens(5, 4000);
  const auto talker = std::make_shared<Collector>();
  ASSERT_TRUE(service.Submit(GreedyRequest({1, 2, 3}, 4000), talker).ok());
  talker->WaitForTokens(1);
  const auto reader = std::make_shared<Collector>();
  auto ticket = service.Submit(GreedyRequest(prompt, 4), reader);
  ASSERT_TRUE(ticket.ok());
  const size_t before = talker->tokens().size();
  talker->WaitForTokens(before + 20);
  ticket->Cancel();
  const auto cancelled = reader->Wait();
  ASSERT_TRUE(cancelled.ok());
  EXPECT_EQ(cancelled->finish, Finish::kCancelled);

  const auto again = std::make_shared<Collector>();
  ASSERT_TRUE(service.Submit(GreedyRequest(prompt, 4), again).ok());
  const auto result = again->Wait();
  ASSERT_TRUE(result.ok());
  EXPECT_GE(result->timings.kept_tokens, 200);
  EXPECT_THAT(again->tokens(), ElementsAreArray(Alone(prompt, 4)));
}

TEST_P(SchedulerTest, NothingIsMadeAfterTheStepThatACancellationFellInto) {
  ModelService& service = Start();
  std::mutex mutex;
  Ticket ticket;
  const auto talker = std::make_shared<Collector>([&](size_t count) {
    const std::lock_guard lock(mutex);
    if (count == 5) ticket.Cancel();
    return true;
  });
  {
    const std::lock_guard lock(mutex);  // no token is told of before the ticket is there
    auto submitted = service.Submit(GreedyRequest({1, 2, 3}, 4000), talker);
    ASSERT_TRUE(submitted.ok());
    ticket = *submitted;
  }
  const auto result = talker->Wait();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->finish, Finish::kCancelled);
  EXPECT_LE(talker->tokens().size(), 6U);
}

TEST_P(SchedulerTest, WhoIsCancelledWhileWaitingHearsOfIt) {
  ModelService& service = Start({.max_running = 1});
  const auto first = std::make_shared<Collector>();
  auto running = service.Submit(GreedyRequest({1}, 8000), first);
  first->WaitForTokens(1);
  const auto second = std::make_shared<Collector>();
  auto waiting = service.Submit(GreedyRequest({2}, 5), second);
  ASSERT_TRUE(waiting.ok());
  waiting->Cancel();
  EXPECT_EQ(second->Wait()->finish, Finish::kCancelled);
  running->Cancel();
  EXPECT_EQ(first->Wait()->finish, Finish::kCancelled);
}

TEST_P(SchedulerTest, AFullQueueRefusesAndSaysWhenToTryAgain) {
  ModelService& service = Start({.max_running = 1, .max_waiting = 2});
  const auto first = std::make_shared<Collector>();
  auto running = service.Submit(GreedyRequest({1}, 8000), first);
  first->WaitForTokens(1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(service.Submit(GreedyRequest({2}, 5), std::make_shared<Collector>()).ok());
  }
  const auto refused = service.Submit(GreedyRequest({2}, 5), std::make_shared<Collector>());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), core::Code::kBusy);
  EXPECT_GE(service.RetryAfterSeconds(), 1);
  running->Cancel();
  EXPECT_TRUE(first->Wait().ok());
}

// Three are to begin before it could, each for as long as the last answer took.
TEST_P(SchedulerTest, WhenToTryAgainFollowsFromTheQueueAndFromHowLongAnswersTook) {
  ModelService& service = Start({.max_running = 1, .max_waiting = 2});
  const auto slow = std::make_shared<Collector>([](int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return true;
  });
  ASSERT_TRUE(service.Submit(GreedyRequest({1}, 11), slow).ok());
  ASSERT_TRUE(slow->Wait().ok());
  EXPECT_GE(service.RetryAfterSeconds(), 2);
  const auto first = std::make_shared<Collector>();
  auto running = service.Submit(GreedyRequest({1}, 8000), first);
  first->WaitForTokens(1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(service.Submit(GreedyRequest({2}, 5), std::make_shared<Collector>()).ok());
  }
  const auto refused = service.Submit(GreedyRequest({2}, 5), std::make_shared<Collector>());
  EXPECT_EQ(refused.status().code(), core::Code::kBusy);
  EXPECT_GE(service.RetryAfterSeconds(), 4);
  running->Cancel();
  EXPECT_TRUE(first->Wait().ok());
}

TEST_P(SchedulerTest, WhatCouldNeverFitIsRefusedAndTheRestWaitsForRoom) {
  // A column takes 8 bytes here, and a room half as much again.
  ModelService& service = Start({.cache_bytes = uint64_t{12} * 300});
  const auto refused = service.Submit(GreedyRequest({1}, 1000), std::make_shared<Collector>());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), core::Code::kExhausted);
  std::vector<std::shared_ptr<Collector>> listeners;
  for (int i = 0; i < 3; ++i) {
    listeners.push_back(std::make_shared<Collector>());
    ASSERT_TRUE(service.Submit(GreedyRequest({i, 1, 2}, 200), listeners.back()).ok());
  }
  for (const auto& listener : listeners) EXPECT_TRUE(listener->Wait().ok());
  EXPECT_EQ(model_.largest_batch(), 1U) << "two at once would not have fitted";
}

TEST_P(SchedulerTest, OwnersTakeTurnsHoweverManyRequestsEachHas) {
  ModelService& service = Start({.max_running = 1});
  std::mutex mutex;
  std::vector<char> order;
  const auto blocker = std::make_shared<Collector>();
  auto running = service.Submit(GreedyRequest({1}, 8000), blocker);
  blocker->WaitForTokens(1);
  std::vector<std::shared_ptr<Collector>> listeners;
  for (const char owner : std::string("aaaaab")) {
    listeners.push_back(std::make_shared<Collector>([&mutex, &order, owner](size_t) {
      const std::lock_guard lock(mutex);
      order.push_back(owner);
      return true;
    }));
    TokenRequest request = GreedyRequest({3}, 1);
    request.owner = std::string(1, owner);
    ASSERT_TRUE(service.Submit(std::move(request), listeners.back()).ok());
  }
  running->Cancel();
  for (const auto& listener : listeners) EXPECT_TRUE(listener->Wait().ok());
  const auto b = std::find(order.begin(), order.end(), 'b');
  EXPECT_LE(b - order.begin(), 1) << "b's one request does not wait for all of a's";
}

TEST_P(SchedulerTest, RequestsThatBeginAlikeReadTheirBeginningOnce) {
  ModelService& service = Start();
  const std::vector<int> prompt = RandomTokens(9, 1500);
  std::vector<std::shared_ptr<Collector>> listeners;
  for (int i = 0; i < 4; ++i) {
    listeners.push_back(std::make_shared<Collector>());
    ASSERT_TRUE(service.Submit(GreedyRequest(prompt, 5), listeners.back()).ok());
  }
  const std::vector<int> expected = Alone(prompt, 5);
  for (const auto& listener : listeners) {
    ASSERT_TRUE(listener->Wait().ok());
    EXPECT_THAT(listener->tokens(), ElementsAreArray(expected));
  }
  // Once for itself alone, once for the four, and their answers.
  EXPECT_LE(model_.Fed(), 2 * prompt.size() + size_t{5} * 5 + 2);
}

TEST_P(SchedulerTest, OwnersDoNotShareWhatWasRead) {
  ModelService& service = Start();
  const std::vector<int> prompt = RandomTokens(11, 300);
  for (const auto& [owner, kept] : {std::pair("a", 0), {"b", 0}, {"a", 299}}) {
    const auto listener = std::make_shared<Collector>();
    TokenRequest request = GreedyRequest(prompt, 2);
    request.owner = owner;
    ASSERT_TRUE(service.Submit(std::move(request), listener).ok());
    const auto result = listener->Wait();
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->timings.kept_tokens, kept) << owner;
    EXPECT_EQ(listener->report().kept, kept);
    EXPECT_EQ(result->miss, kept == 0 ? PrefixMiss::kEmpty : PrefixMiss::kNone);
  }
}

TEST_P(SchedulerTest, OwnersWhoShareKnowWhatTheOthersRead) {
  ModelService& service = Start();
  const std::vector<int> prompt = RandomTokens(11, 300);
  struct Case {
    const char* owner;
    bool shares;
    int kept;
  };
  for (const Case& one : {Case{"a", true, 0}, {"b", true, 299}, {"b", false, 0}}) {
    const auto listener = std::make_shared<Collector>();
    TokenRequest request = GreedyRequest(prompt, 2);
    request.owner = one.owner;
    request.shared_prefix = one.shares;
    ASSERT_TRUE(service.Submit(std::move(request), listener).ok());
    EXPECT_EQ(listener->Wait()->timings.kept_tokens, one.kept) << one.owner << one.shares;
  }
}

TEST_P(SchedulerTest, SmallerLimitsHoldAtOnce) {
  ModelService& service = Start();
  const std::vector<int> prompt = RandomTokens(15, 300);
  const auto listener = std::make_shared<Collector>();
  ASSERT_TRUE(service.Submit(GreedyRequest(prompt, 2), listener).ok());
  ASSERT_TRUE(listener->Wait().ok());
  EXPECT_GT(service.stats().prefix_bytes, 1000U);
  service.SetLimits(/*cache_bytes=*/uint64_t{12} * 300, /*prefix_bytes=*/1000);
  EXPECT_LE(service.stats().prefix_bytes, 1000U);
  const auto refused = service.Submit(GreedyRequest({1}, 1000), std::make_shared<Collector>());
  EXPECT_EQ(refused.status().code(), core::Code::kExhausted);
}

TEST_P(SchedulerTest, LogprobsOfAPromptComeForEveryTokenButTheFirst) {
  ModelService& service = Start({.prefill_rows = 16});
  const std::vector<int> prompt = RandomTokens(13, 30);
  const auto listener = std::make_shared<Collector>();
  TokenRequest request = GreedyRequest(prompt, 0);
  request.prompt_logprobs = true;
  request.limits.logprobs = 2;
  ASSERT_TRUE(service.Submit(std::move(request), listener).ok());
  const auto result = listener->Wait();
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->finish, Finish::kLength);
  const PromptReport report = listener->report();
  ASSERT_EQ(report.logprobs.size(), prompt.size() - 1);
  for (size_t i = 0; i + 1 < prompt.size(); ++i) {
    const std::vector<int> until(prompt.begin(), prompt.begin() + static_cast<ptrdiff_t>(i) + 1);
    EXPECT_EQ(report.logprobs[i].chosen.token, prompt[i + 1]);
    EXPECT_EQ(report.logprobs[i].top.at(0).token, Alone(until, 1).at(0)) << i;
  }
}

TEST_P(SchedulerTest, AServiceThatGoesEndsWhatRuns) {
  const auto listener = std::make_shared<Collector>();
  {
    ModelService& service = Start();
    ASSERT_TRUE(service.Submit(GreedyRequest({1}, 8000), listener).ok());
    listener->WaitForTokens(1);
    service_.reset();
  }
  EXPECT_EQ(listener->Wait()->finish, Finish::kCancelled);
}

TEST_P(SchedulerTest, AStepIsQueuedBeforeTheLastTokenIsToldWhereADeviceShallNotWait) {
  ModelService& service = Start();
  std::vector<size_t> fed;
  const auto listener = std::make_shared<Collector>([&](size_t) {
    fed.push_back(model_.Fed());
    return true;
  });
  ASSERT_TRUE(service.Submit(GreedyRequest({1, 2, 3}, 4), listener).ok());
  ASSERT_TRUE(listener->Wait().ok());
  // The prompt, then a token a step; and nothing after the last that is wanted.
  const std::vector<size_t> expected =
      GetParam().ahead ? std::vector<size_t>{4, 1, 1, 0} : std::vector<size_t>{3, 1, 1, 1};
  EXPECT_EQ(fed, expected);
  EXPECT_EQ(model_.Fed(), 0U);
}

TEST_P(SchedulerTest, WhatWasComputedBeyondTheEndIsTakenBack) {
  ModelService& service = Start();
  const std::vector<int> prompt = RandomTokens(17, 40);
  const std::vector<int> answer = Alone(prompt, 12);
  const int end = answer.back();
  const auto length =
      static_cast<size_t>(std::find(answer.begin(), answer.end(), end) - answer.begin());
  const auto first = std::make_shared<Collector>();
  const auto other = std::make_shared<Collector>();
  TokenRequest request = GreedyRequest(prompt, 100);
  request.limits.end = {end};
  ASSERT_TRUE(service.Submit(GreedyRequest({1, 2, 3}, 60), other).ok());
  ASSERT_TRUE(service.Submit(std::move(request), first).ok());
  ASSERT_TRUE(first->Wait().ok());
  EXPECT_EQ(first->tokens().size(), length);

  // The next turn goes on after the end, from what was kept.
  std::vector<int> next = prompt;
  next.insert(next.end(), answer.begin(), answer.begin() + static_cast<ptrdiff_t>(length) + 1);
  for (const int token : {5, 6, 7}) next.push_back(token);
  const auto second = std::make_shared<Collector>();
  ASSERT_TRUE(service.Submit(GreedyRequest(next, 9), second).ok());
  const auto result = second->Wait();
  ASSERT_TRUE(result.ok());
  EXPECT_GE(result->timings.kept_tokens, static_cast<int>(prompt.size()) - 1);
  EXPECT_THAT(second->tokens(), ElementsAreArray(Alone(next, 9)));
  ASSERT_TRUE(other->Wait().ok());
  EXPECT_THAT(other->tokens(), ElementsAreArray(Alone({1, 2, 3}, 60)));
}

// Allows the tokens of a list, one after the other, then nothing but the end.
class ListConstraint final : public TokenConstraint {
 public:
  explicit ListConstraint(std::vector<int> list) : list_(std::move(list)) {}
  core::Result<bool> Allowed(std::span<uint32_t> mask) override {
    std::fill(mask.begin(), mask.end(), 0);
    mask[0] = uint32_t{1} << static_cast<unsigned>(list_[at_]);
    return true;
  }
  core::Status Accept(int token) override {
    if (token != list_[at_]) return core::Internal("another token");
    ++at_;
    return core::Status::Ok();
  }
  bool Finished() const override { return at_ == list_.size(); }

 private:
  std::vector<int> list_;
  size_t at_ = 0;
};

TEST_P(SchedulerTest, ConstraintsHoldInABatchOfOthers) {
  ModelService& service = Start();
  const auto free = std::make_shared<Collector>();
  auto running = service.Submit(GreedyRequest({1, 2, 3}, 200), free);
  free->WaitForTokens(1);
  std::vector<std::shared_ptr<Collector>> listeners;
  for (const std::vector<int>& list : {std::vector<int>{4, 4, 9}, {15, 0, 1, 2}}) {
    listeners.push_back(std::make_shared<Collector>());
    TokenRequest request = GreedyRequest({7, 7}, 100);
    request.sampling.temperature = 1;
    request.constraint = std::make_unique<ListConstraint>(list);
    ASSERT_TRUE(service.Submit(std::move(request), listeners.back()).ok());
    const auto result = listeners.back()->Wait();
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(result->finish, Finish::kStop);
    EXPECT_THAT(listeners.back()->tokens(), ElementsAreArray(list));
  }
  ASSERT_TRUE(free->Wait().ok());
  EXPECT_THAT(free->tokens(), ElementsAreArray(Alone({1, 2, 3}, 200)));
}

}  // namespace
}  // namespace ingot::engine
