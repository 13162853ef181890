// What was read once is not read again, on a model with recurrent layers as well: counted in
// tokens, and every answer compared with that of a run that knows nothing.
#include "engine/prefix_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/scheduler.h"
#include "models/load.h"
#include "tests/engine/engine_helpers.h"
#include "tests/testing/temp_dir.h"

namespace ingot::engine {
namespace {

namespace fs = std::filesystem;
using ::ingot::testing::Collector;
using ::ingot::testing::GreedyRequest;
using ::ingot::testing::TempDir;
using ::testing::ElementsAreArray;

constexpr int kEnd = 2;  // the demo model's end of a turn

class PrefixTest : public ::testing::Test {
 protected:
  struct Turn {
    std::vector<int> tokens;
    int kept = 0;
    PrefixMiss miss = PrefixMiss::kNone;
  };

  // The demo model is a hybrid: three recurrent layers to one with attention.
  static const model::LanguageModel& Model() {
    static const auto model = [] {
      auto loaded =
          models::LoadFolder(core::Env::Posix(), INGOT_SOURCE_DIR "/demo/model", ops::mx::float32);
      EXPECT_TRUE(loaded.ok());
      testing::ComputeWeights(**loaded);
      return *std::move(loaded);
    }();
    return *model;
  }

  static TokenRequest Request(const std::vector<int>& prompt, int count) {
    TokenRequest request = GreedyRequest(prompt, count);
    request.limits.end = {kEnd};
    request.limits.ignore_end = true;
    return request;
  }

  static Turn Ask(ModelService& service, const std::vector<int>& prompt, int count,
                  bool reuse = true) {
    const auto listener = std::make_shared<Collector>();
    TokenRequest request = Request(prompt, count);
    request.reuse_prefix = reuse;
    EXPECT_TRUE(service.Submit(std::move(request), listener).ok());
    const auto result = listener->Wait();
    EXPECT_TRUE(result.ok());
    return {listener->tokens(), result->timings.kept_tokens, result->miss};
  }
  Turn Ask(const std::vector<int>& prompt, int count) { return Ask(service_, prompt, count); }
  std::vector<int> Uncached(const std::vector<int>& prompt, int count) {
    return Ask(service_, prompt, count, false).tokens;
  }

  // Messages of about `each` tokens, which end as turns do.
  static std::vector<int> Talk(unsigned seed, size_t count, size_t each = 60) {
    std::mt19937 random(seed);
    std::vector<int> tokens;
    while (tokens.size() < count) {
      const bool ends = tokens.size() % each == each - 1;
      tokens.push_back(ends ? kEnd : static_cast<int>(3 + random() % 500));
    }
    return tokens;
  }
  static std::vector<int> Join(std::vector<int> a, const std::vector<int>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  std::shared_ptr<EngineThread> thread_ = std::make_shared<EngineThread>();
  ModelService service_{thread_, Model(), {}};
};

TEST_F(PrefixTest, ALongConversationThatGoesOnCostsItsNewTokensOnly) {
  const std::vector<int> first = Talk(1, 4000);
  const Turn answer = Ask(first, 8);
  EXPECT_EQ(answer.kept, 0);
  EXPECT_EQ(answer.miss, PrefixMiss::kEmpty);

  const std::vector<int> second = Join(Join(first, answer.tokens), Talk(2, 30));
  const Turn next = Ask(second, 8);
  // The last token of the answer was made and never read.
  EXPECT_EQ(next.kept, 4000 + 7);
  EXPECT_EQ(next.miss, PrefixMiss::kNone);
  EXPECT_THAT(next.tokens, ElementsAreArray(Uncached(second, 8)));

  const Turn again = Ask(second, 8);
  EXPECT_EQ(again.kept, static_cast<int>(second.size()) - 1);
  EXPECT_THAT(again.tokens, ElementsAreArray(next.tokens));
}

TEST_F(PrefixTest, AnEditInTheMiddleGoesBackToAMarkBeforeIt) {
  const std::vector<int> first = Talk(3, 400);
  Ask(first, 4);
  std::vector<int> edited = first;
  edited[350] = edited[350] == 5 ? 6 : 5;
  const Turn turn = Ask(edited, 8);
  EXPECT_GE(turn.kept, 300);
  EXPECT_LE(turn.kept, 350);
  EXPECT_EQ(turn.miss, PrefixMiss::kNoMark);
  EXPECT_THAT(turn.tokens, ElementsAreArray(Uncached(edited, 8)));
  // The place where they part is marked by now: a third way from there costs nothing more.
  edited[350] = 7;
  const Turn third = Ask(edited, 8);
  EXPECT_EQ(third.kept, 350);
  EXPECT_EQ(third.miss, PrefixMiss::kDiverged);
  EXPECT_THAT(third.tokens, ElementsAreArray(Uncached(edited, 8)));
}

TEST_F(PrefixTest, ThinkingThatIsDroppedFromHistoryCostsTheAnswerAndNotThePrompt) {
  const std::vector<int> first = Talk(5, 200);
  const Turn answer = Ask(first, 40);
  // The next prompt has a part of the answer only, and another beginning of it.
  const std::vector<int> rest(answer.tokens.begin() + 25, answer.tokens.end());
  std::vector<int> second = first;
  second.resize(second.size() - 4);
  second = Join(Join(second, rest), Talk(6, 50));
  const Turn next = Ask(second, 8);
  EXPECT_GE(next.kept, 200 - 1 - 16 - 8);
  EXPECT_THAT(next.tokens, ElementsAreArray(Uncached(second, 8)));
}

TEST_F(PrefixTest, ACancelledPromptIsKeptAsFarAsItWasRead) {
  const std::vector<int> prompt = Talk(7, 900);
  const auto talker = std::make_shared<Collector>();
  auto talking = service_.Submit(Request(Talk(8, 20), 4000), talker);
  talker->WaitForTokens(1);
  const auto reader = std::make_shared<Collector>();
  auto ticket = service_.Submit(Request(prompt, 8), reader);
  talker->WaitForTokens(talker->tokens().size() + 6);
  ticket->Cancel();
  EXPECT_EQ(reader->Wait()->finish, Finish::kCancelled);
  talking->Cancel();
  EXPECT_TRUE(talker->Wait().ok());
  const Turn again = Ask(prompt, 8);
  EXPECT_GE(again.kept, 256);
  EXPECT_THAT(again.tokens, ElementsAreArray(Uncached(prompt, 8)));
}

TEST_F(PrefixTest, TwoConversationsInTurnKeepWhatEachHasRead) {
  std::vector<int> talks[2] = {Talk(9, 100), Talk(10, 80)};
  for (int turn = 0; turn < 2; ++turn) {
    for (std::vector<int>& talk : talks) {
      const Turn answer = Ask(talk, 6);
      if (turn > 0) {
        EXPECT_EQ(answer.kept, static_cast<int>(talk.size()) - 20 - 1);
      }
      EXPECT_THAT(answer.tokens, ElementsAreArray(Uncached(talk, 6)));
      talk = Join(Join(talk, answer.tokens), Talk(20 + static_cast<unsigned>(turn), 20));
    }
  }
}

TEST_F(PrefixTest, ALongPromptWithoutMessagesHasMarksAllAlong) {
  std::vector<int> first = Talk(21, 2600, /*each=*/1'000'000);
  Ask(first, 2);
  first[2300] = first[2300] == 5 ? 6 : 5;
  const Turn edited = Ask(first, 4);
  EXPECT_EQ(edited.kept, 2048);
  EXPECT_EQ(edited.miss, PrefixMiss::kNoMark);
  EXPECT_THAT(edited.tokens, ElementsAreArray(Uncached(first, 4)));
}

TEST_F(PrefixTest, AShortTurnIsMarkedAtItsEnd) {
  // Its answer begins four tokens behind it, and is written otherwise in the turn after.
  std::vector<int> first = Talk(22, 19, /*each=*/1'000'000);
  first[14] = kEnd;
  Ask(first, 4);
  std::vector<int> second(first.begin(), first.begin() + 15);
  second = Join(second, Talk(23, 20));
  const Turn next = Ask(second, 4);
  EXPECT_EQ(next.kept, 15);
  EXPECT_THAT(next.tokens, ElementsAreArray(Uncached(second, 4)));
}

class PrefixDiskTest : public PrefixTest {
 protected:
  SchedulerOptions OnDisk(uint64_t memory = uint64_t{1} << 30, std::string identity = "model a") {
    return {.prefix_bytes = memory,
            .prefix_disk = {.folder = dir_ / "cache", .identity = std::move(identity)}};
  }
  // Waits until a service has gone with all that it leaves.
  Turn AskOnce(const SchedulerOptions& options, const std::vector<int>& prompt, int count) {
    Turn turn;
    {
      ModelService service(thread_, Model(), options);
      turn = Ask(service, prompt, count);
    }
    thread_->Settle();
    return turn;
  }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(dir_ / "cache")) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }

  const TempDir dir_;
};

TEST_F(PrefixDiskTest, ARestartKnowsWhatWasRead) {
  const std::vector<int> first = Talk(11, 200);
  const Turn answer = AskOnce(OnDisk(), first, 8);
  EXPECT_EQ(answer.kept, 0);
  const std::vector<int> second = Join(Join(first, answer.tokens), Talk(12, 30));
  const Turn next = AskOnce(OnDisk(), second, 8);
  EXPECT_EQ(next.kept, 200 + 7);
  EXPECT_THAT(next.tokens, ElementsAreArray(Uncached(second, 8)));
  constexpr auto kOthers = fs::perms::group_all | fs::perms::others_all;
  EXPECT_EQ(fs::status(dir_ / "cache").permissions() & kOthers, fs::perms::none);
}

TEST_F(PrefixDiskTest, AnotherModelTrustsNothingOfIt) {
  const std::vector<int> prompt = Talk(13, 100);
  AskOnce(OnDisk(), prompt, 4);
  const Turn other = AskOnce(OnDisk(uint64_t{1} << 30, "model b"), prompt, 4);
  EXPECT_EQ(other.kept, 0);
  EXPECT_EQ(other.miss, PrefixMiss::kEmpty);
}

TEST_F(PrefixDiskTest, WhatWasChangedOnDiskIsNoticedAndReadAnew) {
  const std::vector<int> prompt = Talk(15, 100);
  const Turn answer = AskOnce(OnDisk(), prompt, 8);
  for (const fs::path& path : Files()) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-100, std::ios::end);
    file.put('x');
  }
  const Turn again = AskOnce(OnDisk(), prompt, 8);
  EXPECT_EQ(again.kept, 0);
  EXPECT_EQ(again.miss, PrefixMiss::kCorrupt);
  EXPECT_THAT(again.tokens, ElementsAreArray(answer.tokens));
}

TEST_F(PrefixDiskTest, WhatMemoryHasNoRoomForGoesToDiskAndComesBack) {
  const std::vector<int> prompts[2] = {Talk(17, 250), Talk(18, 250)};
  ModelService service(thread_, Model(), OnDisk(/*memory=*/800'000));
  std::vector<Turn> answers;
  for (const auto& prompt : prompts) answers.push_back(Ask(service, prompt, 8));
  for (int i = 0; i < 2; ++i) {
    const Turn again = Ask(service, prompts[i], 8);
    EXPECT_EQ(again.kept, 249) << i;
    EXPECT_THAT(again.tokens, ElementsAreArray(answers[static_cast<size_t>(i)].tokens));
  }
  EXPECT_LE(service.stats().prefix_bytes, 800'000U);
}

TEST_F(PrefixDiskTest, TheDiskHoldsNoMoreThanItMay) {
  constexpr uint64_t kMost = 2'000'000;
  SchedulerOptions options = OnDisk(/*memory=*/800'000);
  options.prefix_disk.most_bytes = kMost;
  Turn last;
  const std::vector<int> prompt = Talk(48, 250);
  {
    ModelService service(thread_, Model(), options);
    for (unsigned i = 0; i < 8; ++i) Ask(service, Talk(40 + i, 250), 2);
    last = Ask(service, prompt, 8);
  }
  thread_->Settle();
  uint64_t bytes = 0;
  for (const fs::path& path : Files()) bytes += fs::file_size(path);
  EXPECT_GT(bytes, 0U);
  EXPECT_LE(bytes, kMost);
  // What went first is what was used longest ago.
  const Turn again = AskOnce(options, prompt, 8);
  EXPECT_EQ(again.kept, 249);
  EXPECT_THAT(again.tokens, ElementsAreArray(last.tokens));
}

TEST_F(PrefixDiskTest, AFolderThatLetsOthersInIsNotUsed) {
  fs::create_directory(dir_ / "cache");
  fs::permissions(dir_ / "cache", fs::perms::owner_all | fs::perms::others_read);
  const auto disk =
      PrefixDisk::Open(core::Env::Posix(), {.folder = dir_ / "cache", .identity = "m"});
  ASSERT_FALSE(disk.ok());
  EXPECT_EQ(disk.status().code(), core::Code::kPermission);
}

TEST_F(PrefixTest, WithoutADiskWhatMemoryHasNoRoomForIsSaidToBeEvicted) {
  ModelService service(thread_, Model(), {.prefix_bytes = 800'000});
  const std::vector<int> prompt = Talk(19, 250);
  Ask(service, prompt, 4);
  for (unsigned i = 0; i < 4; ++i) Ask(service, Talk(30 + i, 250), 4);
  const Turn again = Ask(service, prompt, 4);
  EXPECT_EQ(again.kept, 0);
  EXPECT_EQ(again.miss, PrefixMiss::kEvicted);
}

}  // namespace
}  // namespace ingot::engine
