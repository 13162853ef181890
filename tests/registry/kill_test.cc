// A pull, and a push, ended at any moment by kill -9 and by SIGTERM, with a real process on a real
// disk. After each end the store is sound and neither side says anything false; the one that
// follows completes it, and over all of them hardly a byte was sent twice. 50 moments when
// INGOT_SOAK is set, 3 otherwise.
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "core/strings.h"
#include "store/gc.h"
#include "store/verify.h"
#include "tests/registry/push_fixture.h"
#include "tests/registry/registry_fixture.h"
#include "tests/testing/child_process.h"

namespace ingot::registry {
namespace {

using core::StrCat;
using testing::ChildProcess;

constexpr size_t kMega = size_t{1} << 20;
// What a request that is ended loses: what was not recorded yet, and what was under way.
constexpr uint64_t kLostEach = 600'000;
constexpr uint64_t kRequests = 5;  // for the two large blobs, at a time

TEST_F(PullTest, KilledAtAnyMomentItGoesOnWhereItWas) {
  const int moments = std::getenv("INGOT_SOAK") != nullptr ? 50 : 3;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(StrCat("seed ", seed));
  std::mt19937 random(seed);
  const testing::TempDir disk;
  Offer({12 * kMega, 5 * kMega, 40000, 300000, 900});
  registry_.bytes_per_millisecond = 20000;  // of each connection
  const store::Store store(core::Env::Posix(), core::Clock::System(), disk / "models");
  const auto name = *store::ModelName::Parse(registry_.Name());
  const auto start = [&] {
    return std::make_unique<ChildProcess>(std::vector<std::string>{
        INGOT_REGISTRY_ACTOR, "pull", store.layout().root().native(), name.Full(), "4194304"});
  };
  const auto sound = [&] {
    const auto sink = core::MakeNullSink();
    const auto report = store::VerifyStore(store, {}, *sink);
    return report.ok() && report->Clean();
  };
  int killed = 0, partly = 0;
  uint64_t sent_twice = 0;
  uint64_t ends = 0;
  for (int i = 0; i < moments; ++i) {
    std::filesystem::remove_all(store.layout().root());
    registry_.ResetCounts();
    // Ended several times in a row, each a little further.
    for (int round = 0; round < 3; ++round) {
      const auto pull = start();
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 150));
      if (random() % 3 == 0) {
        pull->Signal(SIGTERM);
      } else {
        pull->Kill();
      }
      killed += pull->Wait() == 0 ? 0 : 1;
      ++ends;
      ASSERT_TRUE(sound());
      partly += FilesIn(store.layout().Partials()) > 0 ? 1 : 0;
    }
    const auto last = start();
    ASSERT_EQ(last->Wait(), 0) << last->ReadLine();
    ASSERT_TRUE(sound());
    ASSERT_EQ(store.ReadExact(name)->raw.bytes, offered_->raw.bytes);
    sent_twice += registry_.body_bytes() - registry_.total_size();
    ASSERT_TRUE(store::CollectGarbage(store, {.min_age_ns = 0}).ok());
    EXPECT_EQ(FilesIn(store.layout().Partials()), 0u);
    EXPECT_EQ(FilesIn(store.layout().Temp()), 0u);
  }
  std::printf("%d moments: %d pulls ended, %d left parts; %llu bytes sent twice, %llu an end\n",
              moments, killed, partly, static_cast<unsigned long long>(sent_twice),
              static_cast<unsigned long long>(sent_twice / ends));
  EXPECT_GT(killed, moments);
  EXPECT_GT(partly, 0);
  EXPECT_LE(sent_twice, ends * kRequests * kLostEach);
}

TEST_F(PushTest, KilledAtAnyMomentItGoesOnWhereItWas) {
  const int moments = std::getenv("INGOT_SOAK") != nullptr ? 50 : 3;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(StrCat("seed ", seed));
  std::mt19937 random(seed);
  Make({12 * kMega, 5 * kMega, 40000, 300000, 900});
  registry_.bytes_per_millisecond = 20000;  // of each connection
  constexpr uint64_t kPart = kMega;
  const auto start = [&] {
    return std::make_unique<ChildProcess>(
        std::vector<std::string>{INGOT_REGISTRY_ACTOR, "push", store_.layout().root().native(),
                                 model_->name.Full(), StrCat(kPart)});
  };
  const auto sound = [&] {
    const auto sink = core::MakeNullSink();
    const auto report = store::VerifyStore(store_, {}, *sink);
    return report.ok() && report->Clean();
  };
  int killed = 0, partly = 0;
  uint64_t sent_twice = 0, ends = 0;
  for (int i = 0; i < moments; ++i) {
    registry_.Clear();
    registry_.Forget();
    for (int round = 0; round < 3; ++round) {
      const auto push = start();
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 250));
      if (random() % 3 == 0) {
        push->Signal(SIGTERM);
      } else {
        push->Kill();
      }
      const bool done = push->Wait() == 0;
      killed += done ? 0 : 1;
      ++ends;
      ASSERT_TRUE(sound());
      // There is a model there only where the push has said so or was about to.
      const std::string manifest = registry_.Manifest("me/m:latest");
      ASSERT_TRUE(manifest.empty() ? !done : manifest == model_->raw.bytes);
      partly += FilesIn(store::UploadsOf(store_.layout())) > 0 ? 1 : 0;
    }
    const auto last = start();
    ASSERT_EQ(last->Wait(), 0) << last->ReadLine();
    ASSERT_TRUE(sound());
    EXPECT_EQ(registry_.Manifest("me/m:latest"), model_->raw.bytes);
    model_->manifest().ForEachBlob([&](const store::Layer& layer) {
      EXPECT_EQ(registry_.Blob("me/m", layer.digest.ToString()),
                *store_.ReadBlob(layer, UINT64_MAX));
    });
    EXPECT_EQ(FilesIn(store::UploadsOf(store_.layout())), 0u);
    sent_twice += registry_.body_bytes() - std::min(registry_.body_bytes(), total_);
  }
  std::printf("%d moments: %d pushes ended, %d left uploads; %llu bytes taken twice, %llu an end\n",
              moments, killed, partly, static_cast<unsigned long long>(sent_twice),
              static_cast<unsigned long long>(sent_twice / ends));
  EXPECT_GT(killed, moments);
  EXPECT_GT(partly, 0);
  // Blobs of one part begin anew, and large ones at most a part.
  EXPECT_LE(sent_twice, ends * (2 * kPart + 350'000));
}

}  // namespace
}  // namespace ingot::registry
