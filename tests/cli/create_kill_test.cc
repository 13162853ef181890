// `ingot create` ended at any moment, by kill -9 and by SIGTERM, with real processes on a real
// disk. The store stays sound, the same command completes what was begun and gives the same model,
// and garbage collection leaves nothing else. 50 moments when INGOT_SOAK is set, 8 otherwise.
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "store/gc.h"
#include "store/verify.h"
#include "tests/import/model_maker.h"
#include "tests/testing/child_process.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

namespace fs = std::filesystem;
using core::StrCat;
using std::chrono::microseconds;
using std::chrono::steady_clock;
using testing::ChildProcess;

class CreateKillTest : public ::testing::Test {
 protected:
  CreateKillTest() {
    import::MakeModel(dir_ / "source", "qwen3_moe", import::Form::kPerExpert,
                      {.layers = 4, .hidden = 512, .inner = 256, .experts = 8, .vocabulary = 4096})
        .Write(2);
  }

  std::unique_ptr<ChildProcess> Start(const fs::path& root) {
    return std::make_unique<ChildProcess>(
        std::vector<std::string>{INGOT_PROGRAM, "--models", root.native(), "create", "m", "-f",
                                 (dir_ / "source").native(), "-q", "int4", "--json"});
  }
  static store::Store StoreAt(const fs::path& root) {
    return {core::Env::Posix(), core::Clock::System(), root};
  }
  static std::string Damage(const store::Store& store) {
    const auto sink = core::MakeNullSink();
    const auto report = store::VerifyStore(store, {}, *sink);
    if (!report.ok()) return std::string(report.status().message());
    return report->Clean() ? "" : "the store is damaged";
  }
  static std::string IdOf(const store::Store& store) {
    const auto model = store.Read(*store::ModelName::Parse("m"));
    return model.ok() ? model->raw.id.Hex() : std::string(model.status().message());
  }
  static size_t FilesBelow(const fs::path& folder) {
    size_t files = 0;
    if (!fs::exists(folder)) return 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      files += entry.is_regular_file() ? 1 : 0;
    }
    return files;
  }

  testing::TempDir dir_;
};

TEST_F(CreateKillTest, AtAnyMomentTheSameCommandCompletesTheSameModel) {
  const int moments = std::getenv("INGOT_SOAK") != nullptr ? 50 : 8;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(StrCat("seed ", seed));
  std::mt19937 random(seed);
  const auto begin = steady_clock::now();
  ASSERT_EQ(Start(dir_ / "whole")->Wait(), 0);
  const auto whole = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
  const store::Store undisturbed = StoreAt(dir_ / "whole");
  const std::string id = IdOf(undisturbed);
  const size_t blobs = FilesBelow(undisturbed.layout().Blobs());
  std::uniform_int_distribution<int64_t> moment(0, whole.count());
  int killed = 0, partly_done = 0;
  for (int i = 0; i < moments; ++i) {
    const fs::path root = dir_ / StrCat("models", i);
    const store::Store store = StoreAt(root);
    const microseconds after(moment(random));
    SCOPED_TRACE(StrCat("ended after ", after.count(), " microseconds"));
    {
      const auto import = Start(root);
      std::this_thread::sleep_for(after);
      import->Kill();
      killed += import->Wait() == -SIGKILL ? 1 : 0;
    }
    ASSERT_EQ(Damage(store), "");
    const size_t done = FilesBelow(store.layout().Blobs());
    partly_done += done > 0 && done < blobs ? 1 : 0;
    ASSERT_EQ(Start(root)->Wait(), 0);
    ASSERT_EQ(Damage(store), "");
    EXPECT_EQ(IdOf(store), id);
    ASSERT_TRUE(store::CollectGarbage(store, {.min_age_ns = 0}).ok());
    EXPECT_EQ(FilesBelow(store.layout().Blobs()), blobs);
    EXPECT_EQ(FilesBelow(store.layout().Temp()), 0U);
    fs::remove_all(root);
  }
  std::printf("%d moments: %d killed, %d of them with some blobs written and some not\n", moments,
              killed, partly_done);
  EXPECT_GT(killed, moments / 4);  // else the moments were not moments of an import
}

TEST_F(CreateKillTest, AskedToEndItLeavesACleanStoreAndSaysSo) {
  const fs::path root = dir_ / "models";
  const store::Store store = StoreAt(root);
  bool interrupted = false;
  for (int i = 0; i < 20 && !interrupted; ++i) {  // it may be done before, on a fast machine
    fs::remove_all(root);
    const auto import = Start(root);
    while (FilesBelow(store.layout().Blobs()) == 0 && import->Running()) {
      std::this_thread::sleep_for(microseconds(200));
    }
    import->Signal(SIGTERM);
    const int code = import->Wait();
    interrupted = code == 143;
    EXPECT_TRUE(interrupted || code == 0) << code;
  }
  EXPECT_TRUE(interrupted);
  EXPECT_EQ(FilesBelow(store.layout().Temp()), 0U);  // it cleaned up behind itself
  EXPECT_EQ(Damage(store), "");
  EXPECT_EQ(FilesBelow(root / "manifests"), 0U);
  EXPECT_EQ(Start(root)->Wait(), 0);
}

}  // namespace
}  // namespace ingot::cli
