// kill -9 at random moments of a store write, with real processes on a real disk. The store stays
// sound, and the same command, repeated, completes. 100 moments when INGOT_SOAK is set, 12
// otherwise.
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include "store/gc.h"
#include "store/verify.h"
#include "tests/store/store_fixture.h"
#include "tests/testing/child_process.h"

namespace ingot::store {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;
using testing::ChildProcess;

constexpr int kTensors = 24;

std::unique_ptr<ChildProcess> StartWriting(const std::filesystem::path& root) {
  return std::make_unique<ChildProcess>(
      std::vector<std::string>{INGOT_STORE_ACTOR, root.string(), "write", "me/tiny", "1",
                               std::to_string(kTensors), "30000"});
}

// How long an undisturbed write takes.
microseconds TimeOneWrite() {
  const testing::TempDir dir;
  const auto start = steady_clock::now();
  EXPECT_EQ(StartWriting(dir / "models")->Wait(), 0);
  return std::chrono::duration_cast<microseconds>(steady_clock::now() - start);
}

std::string Damage(const Store& store) {
  const auto sink = core::MakeNullSink();
  const auto report = VerifyStore(store, {}, *sink);
  if (!report.ok()) return std::string(report.status().message());
  if (!report->findings.empty()) return report->findings[0].detail;
  return report->unreadable.empty() ? "" : std::string(report->unreadable[0].error.message());
}

TEST(KillNine, AtAnyMomentLeavesASoundStoreThatTheSameCommandCompletes) {
  const int moments = std::getenv("INGOT_SOAK") != nullptr ? 100 : 12;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const microseconds whole = TimeOneWrite();
  std::uniform_int_distribution<int64_t> moment(0, whole.count());
  int killed = 0, partly_done = 0;
  for (int i = 0; i < moments; ++i) {
    const testing::TempDir dir;
    const Store store(core::Env::Posix(), core::Clock::System(), dir / "models");
    const microseconds after(moment(random));
    {
      const auto writer = StartWriting(store.layout().root());
      std::this_thread::sleep_for(after);
      writer->Kill();
      killed += writer->Wait() == -9 ? 1 : 0;
    }
    SCOPED_TRACE("killed after " + std::to_string(after.count()) + " microseconds");
    ASSERT_EQ(Damage(store), "");
    const size_t blobs = FilesBelow(store.layout().Blobs()).size();
    partly_done += blobs > 0 && blobs < kTensors + 3 ? 1 : 0;

    ASSERT_EQ(StartWriting(store.layout().root())->Wait(), 0);
    ASSERT_EQ(Damage(store), "");
    const auto model = store.Read(NameOf("me/tiny"));
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ(model->manifest().layers.size(), kTensors + 2u);
    // What the killed process left goes; what it finished was used.
    ASSERT_TRUE(CollectGarbage(store, {.min_age_ns = 0}).ok());
    EXPECT_EQ(FilesBelow(store.layout().Temp()).size(), 0u);
    EXPECT_EQ(FilesBelow(store.layout().Blobs()).size(), kTensors + 3u);
  }
  std::printf("%d moments: %d killed, %d of them with some blobs written and some not\n", moments,
              killed, partly_done);
  EXPECT_GT(killed, moments / 4);  // else the moments were not moments of a write
}

}  // namespace
}  // namespace ingot::store
