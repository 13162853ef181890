#include "engine/model_pool.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::engine {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class Collector final : public TokenListener {
 public:
  void OnPrompt(const PromptReport& report) override {
    const std::lock_guard lock(mutex_);
    kept_ = report.kept;
  }
  bool OnToken(const GeneratedToken& token) override {
    const std::lock_guard lock(mutex_);
    tokens_.push_back(token.token);
    return true;
  }
  void OnEnd(core::Result<GenerationResult> result) override {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    done_ = true;
    changed_.notify_all();
  }
  std::vector<int> Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    EXPECT_TRUE(result_.ok()) << result_.status().message();
    return tokens_;
  }
  int kept() {  // tokens of the prompt that did not have to be read
    const std::lock_guard lock(mutex_);
    return kept_;
  }

 private:
  std::mutex mutex_;
  int kept_ = 0;
  std::condition_variable changed_;
  bool done_ = false;
  std::vector<int> tokens_;
  core::Result<GenerationResult> result_ = core::Internal("not ended");
};

core::Result<FoundModel> FindDemo(const std::string& name) {
  INGOT_ASSIGN(auto files,
               ModelFiles::OpenFolder(core::Env::Posix(), INGOT_SOURCE_DIR "/demo/model"));
  return FoundModel{.files = std::move(files), .name = name, .digest = "d"};
}

TokenRequest Ask(const LoadedModel& model, std::string_view text, int count) {
  TokenRequest request;
  const auto prompt = model.EncodeRaw(text);
  EXPECT_TRUE(prompt.ok());
  request.prompt = *prompt;
  request.sampling.temperature = 0;
  request.limits.max_tokens = count;
  request.limits.ignore_end = true;
  return request;
}

TEST(ModelPool, LoadsAModelWhenItIsAskedForAndAnswers) {
  ModelPool pool({.find = FindDemo});
  EXPECT_THAT(pool.Running(), IsEmpty());
  uint64_t loaded = 0;
  const auto service = pool.Acquire("demo", {}, [&](const LoadProgress& progress) {
    EXPECT_LE(progress.done, progress.total);
    loaded = progress.done;
    return true;
  });
  ASSERT_TRUE(service.ok()) << service.status().message();
  EXPECT_GT(loaded, 0U);
  const auto listener = std::make_shared<Collector>();
  ASSERT_TRUE((*service)->Submit(Ask((*service)->model(), "Hello", 5), listener).ok());
  EXPECT_THAT(listener->Wait(), SizeIs(5));
  ASSERT_THAT(pool.Running(), SizeIs(1));
  EXPECT_TRUE(pool.Running()[0].in_use);
}

// A cache of another type is as good as another model's, though the digest is the same.
TEST(ModelPool, PrefixesOnDiskServeTheTypeThatTheyWereKeptInAlone) {
  const ::ingot::testing::TempDir dir;
  const auto kept = [&](std::optional<ops::mx::Dtype> cache) {
    int tokens = -1;
    PoolOptions options{.find = FindDemo, .cache = cache};
    options.scheduler.prefix_disk.folder = dir / "cache";
    ModelPool pool(std::move(options));
    {
      const auto service = pool.Acquire("demo");
      if (!service.ok()) return tokens;
      const auto listener = std::make_shared<Collector>();
      TokenRequest request = Ask((*service)->model(), "What is 1+1? What is 2+2? Spell cat.", 3);
      EXPECT_TRUE((*service)->Submit(std::move(request), listener).ok());
      listener->Wait();
      tokens = listener->kept();
    }
    return tokens;
  };
  EXPECT_EQ(kept({}), 0);
  EXPECT_GT(kept({}), 0);
  EXPECT_EQ(kept(ops::mx::int8), 0);
  EXPECT_GT(kept(ops::mx::int8), 0);
  EXPECT_GT(kept({}), 0);
}

TEST(ModelPool, AModelThatIsNotKeptGoesWithItsLastUse) {
  ModelPool pool({.find = FindDemo});
  {
    const auto service = pool.Acquire("demo", KeepAlive(0));
    ASSERT_TRUE(service.ok());
    EXPECT_THAT(pool.Running(), SizeIs(1));
  }
  while (!pool.Running().empty()) std::this_thread::yield();
}

TEST(ModelPool, TheLeastRecentlyUsedModelGivesWay) {
  ModelPool pool({.find = FindDemo, .max_models = 2});
  { ASSERT_TRUE(pool.Acquire("a").ok()); }
  { ASSERT_TRUE(pool.Acquire("b").ok()); }
  { ASSERT_TRUE(pool.Acquire("a").ok()); }
  { ASSERT_TRUE(pool.Acquire("c").ok()); }
  std::vector<std::string> names;
  for (const RunningModel& one : pool.Running()) names.push_back(one.name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("a", "c"));
}

TEST(ModelPool, WhatCannotFitBesideModelsInUseIsRefused) {
  ModelPool pool({.find = FindDemo, .memory_bytes = 6'000'000});
  const auto first = pool.Acquire("a");
  ASSERT_TRUE(first.ok()) << first.status().message();
  const auto second = pool.Acquire("b");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), core::Code::kBusy) << "there will be room";
}

TEST(ModelPool, WhatCanNeverFitIsRefusedForGood) {
  ModelPool pool({.find = FindDemo, .memory_bytes = 1'000'000});
  const auto refused = pool.Acquire("a");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), core::Code::kExhausted);
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("the model needs"));
}

TEST(ModelPool, TheLeastRecentlyUsedModelGivesWayToMemory) {
  ModelPool pool({.find = FindDemo, .memory_bytes = 6'000'000});
  { ASSERT_TRUE(pool.Acquire("a").ok()); }
  const auto second = pool.Acquire("b");
  ASSERT_TRUE(second.ok()) << second.status().message();
  ASSERT_THAT(pool.Running(), SizeIs(1));
  EXPECT_EQ(pool.Running()[0].name, "b");
}

TEST(ModelPool, AllModelsTogetherKeepToTheMemoryThereIs) {
  constexpr uint64_t kMemory = 40'000'000;
  ModelPool pool({.find = FindDemo, .memory_bytes = kMemory});
  const auto most = [&] {
    uint64_t sum = 0;
    for (const RunningModel& one : pool.Running()) {
      // bytes has what prefixes take now; they may take more.
      sum += one.bytes - one.stats.prefix_bytes + one.stats.cache_limit + one.stats.prefix_limit;
    }
    return sum;
  };
  const auto first = pool.Acquire("a");
  ASSERT_TRUE(first.ok()) << first.status().message();
  const uint64_t alone = pool.Running()[0].stats.cache_limit;
  EXPECT_LE(most(), kMemory);
  {
    // The first gives up some of its room when a second comes, and has it back when that goes.
    const auto second = pool.Acquire("b", KeepAlive(0));
    ASSERT_TRUE(second.ok()) << second.status().message();
    ASSERT_THAT(pool.Running(), SizeIs(2));
    EXPECT_LE(most(), kMemory);
    EXPECT_LT(pool.Running()[0].stats.cache_limit, alone);
  }
  while (pool.Running().size() > 1) std::this_thread::yield();
  while (pool.Running()[0].stats.cache_limit < alone) std::this_thread::yield();
  EXPECT_LE(most(), kMemory);
}

TEST(ModelPool, AModelStaysForAsLongAsItIsToBeKept) {
  ModelPool pool({.find = FindDemo, .keep_alive = KeepAlive(1)});
  { ASSERT_TRUE(pool.Acquire("for good", KeepAlive(-1)).ok()); }
  {
    const auto brief = pool.Acquire("brief");
    ASSERT_TRUE(brief.ok());
    ASSERT_THAT(pool.Running(), SizeIs(2));
  }
  while (pool.Running().size() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(pool.Running()[0].name, "for good");
  EXPECT_FALSE(pool.Running()[0].expires_in.has_value());
}

TEST(ModelPool, ALoadThatIsUnderWayIsShownAndCanBeGivenUp) {
  ModelPool pool({.find = FindDemo});
  bool shown = false;
  const auto given_up = pool.Acquire("demo", {}, [&](const LoadProgress& progress) {
    for (const LoadingModel& one : pool.Loading()) {
      shown |= one.name == "demo" && one.progress.done == progress.done &&
               one.progress.total == progress.total;
    }
    return false;
  });
  EXPECT_EQ(given_up.status().code(), core::Code::kCancelled);
  EXPECT_TRUE(shown);
  EXPECT_THAT(pool.Loading(), IsEmpty());
  EXPECT_TRUE(pool.Acquire("demo").ok());
}

TEST(ModelPool, AStoppedModelIsLoadedAnewAndGoesWhenItsRequestsAreDone) {
  ModelPool pool({.find = FindDemo});
  auto first = pool.Acquire("a");
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(pool.Stop("a"));
  EXPECT_FALSE(pool.Stop("b"));
  const auto second = pool.Acquire("a");
  ASSERT_TRUE(second.ok());
  EXPECT_NE(first->get(), second->get());
  *first = nullptr;
  while (pool.Running().size() > 1) std::this_thread::yield();
}

}  // namespace
}  // namespace ingot::engine
