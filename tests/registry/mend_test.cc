// Fetching what a repair set aside, and showing what an interrupted pull has brought.
#include "registry/mend.h"

#include "core/strings.h"
#include "registry/pull_marker.h"
#include "store/gc.h"
#include "store/repair.h"
#include "store/transfer_files.h"
#include "tests/registry/registry_fixture.h"

namespace ingot::registry {
namespace {

using core::Code;
using ::testing::HasSubstr;
using testing::ServerConnection;
using BlobRequest = FakeRegistry::BlobRequest;
constexpr size_t kMega = size_t{1} << 20;

class MendTest : public PullTest {
 protected:
  store::ModelName Name() const { return *store::ModelName::Parse(registry_.Name()); }
  core::Path BlobOf(size_t layer) const {
    return store_.layout().Blob(offered_->manifest().layers[layer].digest);
  }
  void Overwrite(const core::Path& path, uint64_t offset) {
    const auto file = core::Env::Posix().OpenWrite(path);
    ASSERT_TRUE((*file)->WriteAt(offset, core::AsBytes("damage")).ok());
  }
  core::Result<MendReport> RepairIt() {
    const auto sink = core::MakeNullSink();
    const store::RepairOptions what{.verify = {.model = Name()}, .dry_run = false};
    INGOT_ASSIGN(const store::RepairReport repaired, store::RepairStore(store_, what, *sink));
    return Mend(store_, Name(), repaired, options_, *sink);
  }
};

TEST_F(MendTest, FetchesWhatIsDamagedOrMissingAndNothingElse) {
  Offer({3 * kMega, 90000, 80000, 70000});
  MustPull();
  Overwrite(BlobOf(1), 500);
  std::filesystem::remove(BlobOf(2));
  registry_.ResetCounts();
  const auto report = RepairIt();
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->blobs_fetched, 2u);
  EXPECT_EQ(report->bytes_fetched, 170000u);
  EXPECT_EQ(registry_.body_bytes(), 170000u);
  EXPECT_EQ(registry_.manifest_requests(), 0);
  EXPECT_EQ(Damage(), "");
  EXPECT_EQ(FilesIn(store_.layout().Quarantine()), 1u);  // nothing is thrown away
  registry_.ResetCounts();
  EXPECT_EQ(RepairIt()->blobs_fetched, 0u);
  EXPECT_EQ(registry_.blob_requests(), 0);
}

TEST_F(MendTest, OfAShortBlobOnlyTheRestIsFetched) {
  Offer({3 * kMega, 90000});
  MustPull();
  std::filesystem::resize_file(BlobOf(0), 2 * kMega + 777);
  registry_.ResetCounts();
  const auto report = RepairIt();
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->bytes_fetched, kMega - 777);
  EXPECT_EQ(report->bytes_kept, 2 * kMega + 777);
  EXPECT_EQ(registry_.body_bytes(), kMega - 777);
  EXPECT_EQ(Damage(), "");
}

TEST_F(MendTest, AShortBlobThatIsDamagedAsWellIsFetchedWhole) {
  Offer({3 * kMega});
  MustPull();
  Overwrite(BlobOf(0), 1000);
  std::filesystem::resize_file(BlobOf(0), 2 * kMega);
  const auto report = RepairIt();
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->bytes_fetched, 4 * kMega);
  EXPECT_EQ(Damage(), "");
}

TEST_F(MendTest, AManifestThatCannotBeReadIsPulledAnewAndItsBlobsAreKept) {
  Offer({kMega, 500});
  MustPull();
  ASSERT_TRUE(core::WriteFileAtomic(env_, store_.layout().ManifestOf(Name()), "{ not json").ok());
  registry_.ResetCounts();
  const auto report = RepairIt();
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->manifest_fetched);
  EXPECT_EQ(registry_.blob_requests(), 0);
  EXPECT_EQ(store_.ReadExact(Name())->raw.bytes, offered_->raw.bytes);
}

TEST_F(MendTest, ARegistryThatDoesNotHaveTheBlobIsAskedOnceAndTheModelStaysAsItWas) {
  Offer({kMega, 500});
  MustPull();
  std::filesystem::remove(BlobOf(0));
  registry_.before = [](const testing::ServerRequest&, ServerConnection& connection) {
    connection.Answer(404, {}, "");
    return true;
  };
  const auto report = RepairIt();
  EXPECT_EQ(report.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(report.status().hint()), HasSubstr("create it again"));
  EXPECT_THAT(waiter_.waits(), ::testing::IsEmpty());
  EXPECT_TRUE(HasModel());
}

TEST_F(MendTest, AnInterruptedPullCanBeLookedAtAndIsForgottenWhenItIsDone) {
  Offer({3 * kMega, 90000});
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.content.size() < kMega) return false;
    if (blob.begin == 0) {
      registry_.SendBlob(blob, connection, kMega);
    } else {
      connection.Answer(404, {}, "");
    }
    return true;
  };
  EXPECT_EQ(MustFail().code(), Code::kNotFound);
  auto partial = FindPartialModel(store_, Name());
  ASSERT_TRUE(partial.ok() && partial->has_value());
  EXPECT_EQ((*partial)->model.raw.bytes, offered_->raw.bytes);
  EXPECT_FALSE((*partial)->running);
  EXPECT_EQ((*partial)->blobs, 4u);
  EXPECT_EQ((*partial)->blobs_here, 3u);
  EXPECT_EQ((*partial)->bytes_here, (*partial)->bytes - 2 * kMega);
  EXPECT_TRUE(store_.ReadConfig((*partial)->model.manifest()).ok());
  // What has come stays, however little the sweep waits.
  ASSERT_TRUE(store::CollectGarbage(store_, {.min_age_ns = 0}).ok());
  EXPECT_EQ((*FindPartialModel(store_, Name()))->blobs_here, 3u);

  registry_.on_blob = nullptr;
  MustPull();
  partial = FindPartialModel(store_, Name());
  ASSERT_TRUE(partial.ok());
  EXPECT_FALSE(partial->has_value());
  EXPECT_EQ(FilesIn(store::PullingOf(store_.layout())), 0u);
}

TEST_F(MendTest, WhileItIsPulledItSaysSo) {
  Offer({kMega});
  bool running = false;
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection&) {
    if (blob.content.size() < kMega) return false;
    const auto partial = FindPartialModel(store_, Name());
    running = partial.ok() && partial->has_value() && (*partial)->running;
    return false;
  };
  MustPull();
  EXPECT_TRUE(running);
}

}  // namespace
}  // namespace ingot::registry
