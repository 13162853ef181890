// A disk that fails at one operation, at every operation in turn. Wherever it fails, the store
// stays sound, and the same command, repeated, completes.
#include <string>

#include "core/strings.h"
#include "store/gc.h"
#include "store/lease.h"
#include "store/remove.h"
#include "store/repair.h"
#include "store/session.h"
#include "store/verify.h"
#include "tests/store/store_fixture.h"
#include "tests/testing/fault_env.h"

namespace ingot::store {
namespace {

using core::Code;
using core::Status;
using testing::FaultEnv;
using testing::FaultMode;
using ::testing::IsEmpty;
using testing::Operation;

struct FaultKind {
  const char* title;
  Status error;
  FaultMode mode;
};

class FaultTest : public ::testing::TestWithParam<FaultKind> {
 protected:
  // Everything that happens to a store happens in a fresh directory.
  struct Place {
    Place() {
      env.SkipRealSyncs();
      quiet.SkipRealSyncs();
    }
    testing::TempDir dir{testing::TempPlace::kMemory};
    ManualClock clock;
    FaultEnv env{core::Env::Posix()};
    Store store{env, clock, dir / "models"};
    // The same store without faults.
    FaultEnv quiet{core::Env::Posix()};
    Store sound{quiet, clock, dir / "models"};
  };

  static bool Clean(const Store& store) {
    const auto sink = core::MakeNullSink();
    const auto report = VerifyStore(store, {}, *sink);
    if (!report.ok()) return false;
    for (const BlobFinding& finding : report->findings) {
      ADD_FAILURE() << finding.digest.ToString() << ": " << finding.detail;
    }
    for (const UnreadableManifest& manifest : report->unreadable) {
      ADD_FAILURE() << manifest.path << ": " << manifest.error.message();
    }
    return report->Clean();
  }

  // Runs `act` with the fault at operation 0, 1, 2, … until it gets through without meeting it, and
  // calls `check` after each. Returns how many operations there are.
  template <typename Prepare, typename Act, typename Check>
  size_t AtEveryOperation(Prepare&& prepare, Act&& act, Check&& check) {
    for (size_t index = 0;; ++index) {
      Place place;
      prepare(place);
      place.env.FailAt(index, GetParam().error, GetParam().mode);
      const Status status = act(place.store);
      const bool happened = place.env.fault_happened();
      const std::vector<Operation> log = place.env.log();
      place.env.Heal();
      SCOPED_TRACE(
          core::StrCat("operation ", index, " of kind ",
                       static_cast<int>(index < log.size() ? log[index] : Operation::kTouch)));
      if (!happened) {
        EXPECT_TRUE(status.ok()) << status.message();
        return index;
      }
      check(place, status);
      if (::testing::Test::HasFailure()) return index;
    }
  }
};

// Two of its blobs are several appends long.
Status WriteBoth(const Store& store) {
  INGOT_TRY(WriteModel(store, "me/one", {.seed = 1, .tensors = 2, .elements = 50}).status());
  return WriteModel(store, "me/two", {.seed = 2, .tensors = 2, .elements = 50}).status();
}

TEST_P(FaultTest, WritingModels) {
  const size_t operations = AtEveryOperation([](Place&) {}, WriteBoth,
                                             [](Place& place, const Status&) {
                                               EXPECT_TRUE(Clean(place.sound));
                                               const Status again = WriteBoth(place.store);
                                               EXPECT_TRUE(again.ok()) << again.message();
                                               EXPECT_TRUE(Clean(place.sound));
                                               for (const char* name : {"me/one", "me/two"}) {
                                                 const auto model = place.sound.Read(NameOf(name));
                                                 ASSERT_TRUE(model.ok())
                                                     << model.status().message();
                                                 EXPECT_EQ(model->manifest().layers.size(), 4u);
                                               }
                                             });
  EXPECT_GT(operations, 60u);  // creations, appends, syncs, closes, renames, touches, directories
}

TEST_P(FaultTest, ReplacingAModel) {
  std::string before;
  AtEveryOperation(
      [&](Place& place) {
        const auto model = WriteModel(place.sound, "tiny", {.seed = 1});
        ASSERT_TRUE(model.ok());
        before = model->raw.bytes;
      },
      [](const Store& store) { return WriteModel(store, "tiny", {.seed = 2}).status(); },
      [&](Place& place, const Status& status) {
        EXPECT_TRUE(Clean(place.sound));
        const auto model = place.sound.Read(NameOf("tiny"));
        ASSERT_TRUE(model.ok()) << model.status().message();
        // The old one or the new one, nothing between; a success that was announced is the new one.
        const std::string after =
            EncodeManifest(WriteModel(place.sound, "x", {.seed = 2})->manifest());
        if (status.ok()) {
          EXPECT_EQ(model->raw.bytes, after);
        } else {
          EXPECT_TRUE(model->raw.bytes == before || model->raw.bytes == after);
        }
      });
}

TEST_P(FaultTest, ReplacingADamagedBlob) {
  const std::string content = "content that matters";
  const Digest digest = Digest::Of(content);
  AtEveryOperation([&](Place& place) { WriteAll(place.sound.layout().Blob(digest), "damaged"); },
                   [&](const Store& store) -> Status {
                     INGOT_ASSIGN(const auto session, WriteSession::Begin(store));
                     return session->PutBlob(content).status();
                   },
                   [&](Place& place, const Status& status) {
                     const auto path = place.sound.layout().Blob(digest);
                     const std::string now = std::filesystem::exists(path) ? ReadAll(path) : "";
                     // Gone for a moment, or still damaged, but never half; and the damaged one is
                     // kept.
                     EXPECT_TRUE(now.empty() || now == content || now == "damaged") << now;
                     EXPECT_TRUE(!status.ok() || now == content);
                     if (now != "damaged") {
                       EXPECT_EQ(FilesBelow(place.sound.layout().Quarantine()).size(), 1u);
                     }
                     const auto session = *WriteSession::Begin(place.store);
                     EXPECT_TRUE(session->PutBlob(content).ok());
                     EXPECT_TRUE(Clean(place.sound));
                   });
}

TEST_P(FaultTest, RemovingAModel) {
  AtEveryOperation(
      [](Place& place) {
        ASSERT_TRUE(WriteModel(place.sound, "keep", {.seed = 1}).ok());
        ASSERT_TRUE(WriteModel(place.sound, "me/gone", {.seed = 2}).ok());
      },
      [](const Store& store) { return RemoveModel(store, NameOf("me/gone")).status(); },
      [](Place& place, const Status&) {
        EXPECT_TRUE(Clean(place.sound));
        EXPECT_TRUE(place.sound.Read(NameOf("keep")).ok());
        // Repeated, it completes, or the model is gone already.
        const Status again = RemoveModel(place.store, NameOf("me/gone")).status();
        EXPECT_TRUE(again.ok() || again.code() == Code::kNotFound) << again.message();
        place.clock.offset_ns += 2 * kMinAgeNs;
        EXPECT_TRUE(CollectGarbage(place.store, {}).ok());
        EXPECT_TRUE(Clean(place.sound));
        EXPECT_EQ(FilesBelow(place.sound.layout().Blobs()).size(), 6u);
      });
}

TEST_P(FaultTest, CollectingGarbage) {
  AtEveryOperation(
      [](Place& place) {
        ASSERT_TRUE(WriteModel(place.sound, "keep", {.seed = 1}).ok());
        ASSERT_TRUE(WriteModel(place.sound, "gone", {.seed = 2}).ok());
        std::filesystem::remove(place.sound.layout().ManifestOf(NameOf("gone")));
        std::filesystem::create_directories(place.sound.layout().Manifests() / "h/n/m");
        WriteAll(place.sound.layout().Temp() / "4194304-1.0", "left over");
        place.clock.offset_ns += 2 * kMinAgeNs;
      },
      [](const Store& store) { return CollectGarbage(store, {}).status(); },
      [](Place& place, const Status&) {
        EXPECT_TRUE(Clean(place.sound));
        EXPECT_TRUE(CollectGarbage(place.store, {}).ok());
        EXPECT_TRUE(Clean(place.sound));
        EXPECT_EQ(FilesBelow(place.sound.layout().Blobs()).size(), 6u);
        EXPECT_THAT(FilesBelow(place.sound.layout().Temp()), IsEmpty());
      });
}

TEST_P(FaultTest, Repairing) {
  AtEveryOperation(
      [](Place& place) {
        const auto model = WriteModel(place.sound, "hurt", {.seed = 1});
        WriteAll(place.sound.layout().Blob(model->manifest().layers[0].digest), "damaged");
        WriteAll(place.sound.layout().ManifestOf(NameOf("broken")), "{");
      },
      [](const Store& store) {
        const auto sink = core::MakeNullSink();
        return RepairStore(store, {}, *sink).status();
      },
      [](Place& place, const Status&) {
        const auto sink = core::MakeNullSink();
        const auto again = RepairStore(place.store, {}, *sink);
        ASSERT_TRUE(again.ok()) << again.status().message();
        // Both files are in quarantine, once, and nothing was lost on the way.
        EXPECT_EQ(FilesBelow(place.sound.layout().Quarantine()).size(), 2u);
        ASSERT_TRUE(WriteModel(place.store, "hurt", {.seed = 1}).ok());
        EXPECT_TRUE(Clean(place.sound));
      });
}

TEST_P(FaultTest, UsingAModel) {
  AtEveryOperation([](Place& place) { ASSERT_TRUE(WriteModel(place.sound, "tiny", {}).ok()); },
                   [](const Store& store) {
                     const auto lease = ModelLease::Take(store, NameOf("tiny"));
                     // A disk without room is no reason not to run a model.
                     return lease.ok() && !lease->protects() ? Status(Code::kNoSpace, "unprotected")
                                                             : lease.status();
                   },
                   [](Place& place, const Status&) {
                     EXPECT_TRUE(Clean(place.sound));
                     const auto lease = ModelLease::Take(place.store, NameOf("tiny"));
                     EXPECT_TRUE(lease.ok() && lease->protects());
                   });
}

TEST(PowerCut, WhatWasReportedAsDoneSurvives) {
  const testing::TempDir dir;
  const ManualClock clock;
  FaultEnv env(core::Env::Posix());
  const Store store(env, clock, dir / "models");
  ASSERT_TRUE(WriteBoth(store).ok());
  env.DropUnsynced();
  const auto sink = core::MakeNullSink();
  const auto report = VerifyStore(store, {}, *sink);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->Clean());
  EXPECT_EQ(report->models, 2u);
}

// A power cut after an error: what was not synced is lost.
TEST_P(FaultTest, LosingPower) {
  AtEveryOperation([](Place&) {}, WriteBoth,
                   [](Place& place, const Status&) {
                     place.env.DropUnsynced();
                     EXPECT_TRUE(Clean(place.sound));
                     EXPECT_TRUE(WriteBoth(place.store).ok());
                     EXPECT_TRUE(Clean(place.sound));
                   });
}

INSTANTIATE_TEST_SUITE_P(
    Disk, FaultTest,
    ::testing::Values(
        FaultKind{"IoErrorOnce", core::IoError("the disk says no"), FaultMode::kOnce},
        FaultKind{"DiskGone", core::IoError("the disk is gone"), FaultMode::kFromThenOn},
        FaultKind{"DiskFull", Status(Code::kNoSpace, "the disk is full"), FaultMode::kFromThenOn}),
    [](const auto& info) { return std::string(info.param.title); });

}  // namespace
}  // namespace ingot::store
