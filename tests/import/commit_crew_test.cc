#include "import/commit_crew.h"

#include <filesystem>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/clock.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "store/store.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::import {
namespace {

using core::StrCat;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class CommitCrewTest : public ::testing::Test {
 protected:
  CommitCrewTest() { env_.SkipRealSyncs(); }

  std::unique_ptr<store::WriteSession> Begin() {
    auto session = store::WriteSession::Begin(store_);
    EXPECT_TRUE(session.ok()) << session.status().message();
    return *std::move(session);
  }
  static std::unique_ptr<store::BlobWriter> Filled(store::WriteSession& session,
                                                   std::string_view text) {
    auto writer = session.NewBlob();
    EXPECT_TRUE(writer.ok() && (*writer)->Append(text).ok());
    return *std::move(writer);
  }
  CommitCrew::Told Note() {
    return [this](core::Result<store::BlobInfo> info) {
      const std::lock_guard<std::mutex> hold(lock_);
      if (info.ok()) {
        done_.push_back(info->digest);
      } else {
        errors_.push_back(info.status());
      }
    };
  }
  bool IsEmptyDir(const core::Path& path) { return std::filesystem::is_empty(path); }

  testing::TempDir dir_;
  testing::FaultEnv env_{core::Env::Posix()};
  store::Store store_{env_, core::Clock::System(), dir_ / "models"};
  std::mutex lock_;
  std::vector<store::Digest> done_;
  std::vector<core::Status> errors_;
};

TEST_F(CommitCrewTest, NamesEveryBlobThatManyThreadsHandOver) {
  const auto session = Begin();
  for (const int threads : {0, 1, 5}) {
    done_.clear();
    CommitCrew crew(threads);
    core::ThreadPool pool(4);
    pool.ParallelFor(300, 1, [&](size_t i, size_t) {
      crew.Commit(Filled(*session, StrCat(threads, " ", i)), Note());
    });
    crew.Finish();
    EXPECT_THAT(done_, SizeIs(300));
    for (size_t i = 0; i < 300; ++i) {
      const auto path = store_.layout().Blob(store::Digest::Of(StrCat(threads, " ", i)));
      EXPECT_TRUE(std::filesystem::exists(path)) << threads << " " << i;
    }
  }
  EXPECT_TRUE(errors_.empty());
  EXPECT_TRUE(IsEmptyDir(store_.layout().Temp()));
}

TEST_F(CommitCrewTest, SaysWhatTheDiskRefusedAndLeavesNothing) {
  const auto session = Begin();
  auto one = Filled(*session, "one");
  auto two = Filled(*session, "two");
  env_.Heal();
  env_.FailAt(0, core::Status(core::Code::kIo, "no more"), testing::FaultMode::kFromThenOn);
  {
    CommitCrew crew(2);
    crew.Commit(std::move(one), Note());
    crew.Commit(std::move(two), Note());
  }
  EXPECT_TRUE(done_.empty());
  ASSERT_THAT(errors_, SizeIs(2));
  EXPECT_THAT(std::string(errors_[0].message()), HasSubstr("no more"));
  EXPECT_TRUE(IsEmptyDir(store_.layout().Blobs()));
  env_.Heal();
}

}  // namespace
}  // namespace ingot::import
