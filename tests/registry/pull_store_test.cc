// What a pull does to the store: when the disk fills up, when it is taken up again, when blobs are
// there and damaged, and when others pull the same.
#include <sys/mount.h>

#include <thread>

#include "core/strings.h"
#include "store/gc.h"
#include "store/verify.h"
#include "tests/registry/registry_fixture.h"
#include "tests/testing/fake_clock.h"

namespace ingot::registry {
namespace {

using core::Code;
using ::testing::HasSubstr;
using testing::ServerConnection;

using BlobRequest = FakeRegistry::BlobRequest;
constexpr size_t kMega = size_t{1} << 20;

class PullStoreTest : public PullTest {
 protected:
  // A pull that fails when the large blob has come half way.
  void PullHalf(uint64_t most) {
    registry_.on_blob = [this, most](const BlobRequest& blob, ServerConnection& connection) {
      if (blob.content.size() < kMega) return false;
      if (blob.begin == 0) {
        registry_.SendBlob(blob, connection, most);
      } else {
        connection.Answer(404, {}, "");
      }
      return true;
    };
    EXPECT_EQ(MustFail().code(), Code::kNotFound);
    registry_.on_blob = nullptr;
  }
};

TEST_F(PullStoreTest, TheNextPullFetchesWhatIsMissingAndNoByteTwice) {
  Offer({3 * kMega, 500});
  PullHalf(1'500'000);
  EXPECT_EQ(FilesIn(store_.layout().Partials()), 2u);
  const uint64_t before = registry_.body_bytes();
  const PullReport report = MustPull();
  EXPECT_EQ(report.bytes_resumed, 1'500'000u);
  EXPECT_EQ(registry_.body_bytes(), registry_.total_size());
  EXPECT_LT(before, registry_.total_size());
}

TEST_F(PullStoreTest, WhatWasDamagedMeanwhileIsFetchedAgainAndNothingElse) {
  Offer({4 * kMega});
  PullHalf(3 * kMega + 5000);
  const store::Digest digest = offered_->manifest().layers[0].digest;
  {
    const auto file = core::Env::Posix().OpenWrite(store_.layout().Partial(digest));
    ASSERT_TRUE((*file)->WriteAt(1'300'000, core::AsBytes("damage")).ok());
  }
  registry_.ResetCounts();
  const PullReport report = MustPull();
  // Pieces are recorded as they come, some hundred kilobytes at a time.
  EXPECT_GT(report.bytes_resumed, 2 * kMega);
  EXPECT_LT(report.bytes_resumed, 3 * kMega + 5000);
  EXPECT_EQ(registry_.body_bytes(), 4 * kMega - report.bytes_resumed);
}

TEST_F(PullStoreTest, AJournalOfNonsenseIsNotBelieved) {
  Offer({2 * kMega});
  PullHalf(kMega + 1000);
  const auto journal = store_.layout().PartialJournal(offered_->manifest().layers[0].digest);
  const std::string good = *core::ReadSmallFile(env_, journal, 1 << 20);
  const std::string header = good.substr(0, good.find('\n') + 1);
  const std::string tails[] = {
      "0 2097152 0\n",  "99999999999999999999 3 1\n", "5 4 aa\n",
      "0 99999999 1\n", "\xff\xfe\n0 1 zz\n",         std::string(3000, '\0'),
  };
  for (const std::string& tail : tails) {
    ASSERT_TRUE(core::WriteFileAtomic(env_, journal, header + tail).ok());
    std::filesystem::remove_all(store_.layout().Manifests());
    std::filesystem::remove_all(store_.layout().Blobs());
    EXPECT_EQ(MustPull().bytes_resumed, 0u);
    std::filesystem::remove_all(store_.layout().root());
    PullHalf(kMega + 1000);
  }
  ASSERT_TRUE(core::WriteFileAtomic(env_, journal, "ingot-download 2 what\n" + good).ok());
  EXPECT_EQ(MustPull().bytes_resumed, 0u);
}

TEST_F(PullStoreTest, ABlobIsNotBelievedForItsName) {
  Offer({90000, 80000});
  MustPull();
  const store::Layer& layer = offered_->manifest().layers[0];
  {
    const auto file = core::Env::Posix().OpenWrite(store_.layout().Blob(layer.digest));
    ASSERT_TRUE((*file)->WriteAt(70000, core::AsBytes("damage")).ok());
  }
  EXPECT_NE(Damage(), "");
  registry_.ResetCounts();
  const PullReport report = MustPull();
  EXPECT_EQ(report.blobs_fetched, 1u);
  EXPECT_EQ(registry_.body_bytes(), layer.size);
  EXPECT_EQ(FilesIn(store_.layout().Quarantine()), 1u);
}

TEST_F(PullStoreTest, TheModelThatWasThereStaysUntilTheNewOneIsWhole) {
  Offer({90000});
  MustPull();
  const std::string old = store_.ReadExact(*store::ModelName::Parse(registry_.Name()))->raw.bytes;
  Offer({2 * kMega}, 2);
  registry_.on_blob = [this](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.content.size() < kMega) return false;
    if (blob.begin > 0) {
      connection.Answer(404, {}, "");
    } else {
      registry_.SendBlob(blob, connection, kMega);
    }
    return true;
  };
  EXPECT_FALSE(PullIt().ok());
  EXPECT_EQ(store_.ReadExact(*store::ModelName::Parse(registry_.Name()))->raw.bytes, old);
  EXPECT_EQ(Damage(), "");
  registry_.on_blob = nullptr;
  MustPull();
}

TEST_F(PullStoreTest, ADiskThatFillsUpAtAnyMomentIsNeverASuccess) {
  Offer({200000, 300});
  options_.streams = 2;
  env_.Heal();
  MustPull();
  const size_t operations = env_.operations();
  ASSERT_GT(operations, 40u);
  int failed = 0;
  for (size_t i = 0; i < operations; ++i) {
    std::filesystem::remove_all(store_.layout().root());
    env_.Heal();
    env_.FailAt(i, core::Status(Code::kNoSpace, "the disk is full"),
                testing::FaultMode::kFromThenOn);
    const auto report = PullIt();
    const bool happened = env_.fault_happened();
    env_.Heal();
    // The last operations only tidy up.
    if (report.ok()) {
      EXPECT_TRUE(HasModel());
    } else {
      ++failed;
      EXPECT_TRUE(happened);
    }
    ASSERT_EQ(Damage(), "") << "operation " << i;
    MustPull();
  }
  EXPECT_GT(failed, static_cast<int>(operations) - 12);
}

class SmallDisk : public testing::FaultEnv {
 public:
  using FaultEnv::FaultEnv;
  core::Result<core::Space> FreeSpace(const core::Path&) override {
    return core::Space{1'000'000, 2'000'000};
  }
};

TEST_F(PullStoreTest, SpaceIsAskedForBeforeAnythingIsFetched) {
  Offer({3 * kMega});
  SmallDisk disk(core::Env::Posix());
  disk.SkipRealSyncs();
  const store::Store store(disk, core::Clock::System(), dir_ / "small");
  const auto sink = core::MakeNullSink();
  const auto report = Pull(store, *store::ModelName::Parse(registry_.Name()), options_, *sink);
  EXPECT_EQ(report.status().code(), Code::kNoSpace);
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("the model needs 3.1 MB more"));
  EXPECT_EQ(registry_.blob_requests(), 0);
}

// Says that there is room where there is none: somebody else took it after it was asked for.
class BoastfulDisk : public testing::FaultEnv {
 public:
  using FaultEnv::FaultEnv;
  core::Result<core::Space> FreeSpace(const core::Path&) override {
    return core::Space{uint64_t{1} << 40, uint64_t{1} << 40};
  }
};

TEST_F(PullStoreTest, AFullDiskIsAnErrorAndThePullGoesOnWhenThereIsRoom) {
  Offer({3 * kMega, 600000, 500});
  const core::Path place = dir_ / "disk";
  std::filesystem::create_directories(place);
  // A real one where we may make it; else one that is full from its tenth operation on.
  const bool real = mount("tmpfs", place.c_str(), "tmpfs", 0, "size=2m") == 0;
  BoastfulDisk disk(core::Env::Posix());
  const store::Store store(disk, core::Clock::System(), place / "models");
  const auto name = *store::ModelName::Parse(registry_.Name());
  const auto sink = core::MakeNullSink();
  if (!real) {
    disk.FailAt(30, core::Status(Code::kNoSpace, "the disk is full"),
                testing::FaultMode::kFromThenOn);
  }
  const auto full = Pull(store, name, options_, *sink);
  EXPECT_EQ(full.status().code(), Code::kNoSpace) << full.status().message();
  EXPECT_THAT(std::string(full.status().hint()), HasSubstr("ingot gc"));
  disk.Heal();
  EXPECT_FALSE(store.ReadExact(name).ok());
  EXPECT_TRUE(store::VerifyStore(store, {}, *sink)->Clean());
  if (real) {
    ASSERT_EQ(mount("tmpfs", place.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  }
  const auto whole = Pull(store, name, options_, *sink);
  EXPECT_TRUE(whole.ok()) << whole.status().message();
  EXPECT_TRUE(store::VerifyStore(store, {}, *sink)->Clean());
  if (real) umount2(place.c_str(), MNT_DETACH);
}

TEST_F(PullStoreTest, AtTheSameTimeTwoPullsFetchEachBlobOnce) {
  Offer({kMega, 600000, 300});
  registry_.bytes_per_millisecond = 20000;
  const store::Store other(env_, core::Clock::System(), store_.layout().root());
  const auto pull = [&](const store::Store& store) {
    const auto sink = core::MakeNullSink();
    const auto report = Pull(store, *store::ModelName::Parse(registry_.Name()), options_, *sink);
    EXPECT_TRUE(report.ok()) << report.status().message();
  };
  std::thread second([&] { pull(other); });
  pull(store_);
  second.join();
  MustPull();
  EXPECT_EQ(registry_.body_bytes(), registry_.total_size());
}

TEST_F(PullStoreTest, GcKeepsAnInterruptedDownloadForTwoWeeks) {
  Offer({3 * kMega});
  PullHalf(kMega + 1);
  const auto fresh = store::CollectGarbage(store_, {.min_age_ns = 0});
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(fresh->downloads.files, 4u);  // two of the large blob, and two small blobs
  EXPECT_EQ(FilesIn(store_.layout().Partials()), 2u);
  testing::FakeClock later(core::Clock::System().WallNs() + store::kMinDownloadAgeNs +
                           int64_t{60} * 1'000'000'000);
  const store::Store then(env_, later, store_.layout().root());
  const auto old = store::CollectGarbage(then, {.min_age_ns = 0});
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(old->leftovers.files, 3u);  // and the manifest that was being pulled
  EXPECT_EQ(FilesIn(store_.layout().Partials()), 0u);
}

TEST_F(PullStoreTest, FilesOfTheOriginalsDownloadsAreLeftAlone) {
  Offer({90000});
  const std::string name = offered_->manifest().layers[0].digest.FileName();
  std::filesystem::create_directories(store_.layout().Blobs());
  for (const char* tail : {"-partial", "-partial-0", ".tmp"}) {
    ASSERT_TRUE(core::WriteFileAtomic(env_, store_.layout().Blobs() / (name + tail), "half").ok());
  }
  MustPull();
  for (const char* tail : {"-partial", "-partial-0", ".tmp"}) {
    EXPECT_EQ(*core::ReadSmallFile(env_, store_.layout().Blobs() / (name + tail), 100), "half");
  }
}

}  // namespace
}  // namespace ingot::registry
