#include "store/repair.h"

#include <string>

#include "store/gc.h"
#include "tests/store/store_fixture.h"

namespace ingot::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RepairTest : public StoreTest {
 protected:
  RepairReport Repair(const RepairOptions& options = {}) {
    const auto sink = core::MakeNullSink();
    auto report = RepairStore(store_, options, *sink);
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *std::move(report) : RepairReport{};
  }
  VerifyReport Verify() {
    const auto sink = core::MakeNullSink();
    auto report = VerifyStore(store_, {}, *sink);
    EXPECT_TRUE(report.ok());
    return *std::move(report);
  }
};

TEST_F(RepairTest, ASoundStoreStaysAsItIs) {
  Write("tiny");
  const auto before = FilesBelow(store_.layout().root());
  const RepairReport report = Repair();
  EXPECT_THAT(report.quarantined, IsEmpty());
  EXPECT_THAT(report.models, IsEmpty());
  EXPECT_EQ(FilesBelow(store_.layout().root()), before);
}

TEST_F(RepairTest, SetsAlteredBlobsAsideAndSaysWhoLacksThem) {
  const StoredModel model = Write("tiny", {.seed = 1});
  const StoredModel other = Write("other", {.seed = 2});
  const Layer& layer = model.manifest().layers[0];
  const std::string good = ReadAll(BlobPath(layer));
  std::string bad = good;
  bad.back() ^= 1;
  WriteAll(BlobPath(layer), bad);

  const RepairReport report = Repair();
  ASSERT_THAT(report.quarantined, SizeIs(1));
  EXPECT_EQ(ReadAll(report.quarantined[0].to), bad);  // kept as it was
  EXPECT_FALSE(HasBlob(layer));
  ASSERT_THAT(report.models, SizeIs(1));
  EXPECT_EQ(report.models[0].name, model.name);
  EXPECT_THAT(report.models[0].missing, ElementsAre(layer.digest));
  EXPECT_EQ(report.models[0].missing_bytes, layer.size);
  EXPECT_FALSE(report.models[0].manifest_gone);
  EXPECT_TRUE(HasModel("tiny"));  // its manifest still says what to fetch

  // Writing the model again brings back just that.
  Write("tiny", {.seed = 1});
  EXPECT_TRUE(Verify().Clean());
  EXPECT_EQ(ReadAll(BlobPath(layer)), good);
  other.manifest().ForEachBlob([&](const Layer& l) { EXPECT_TRUE(HasBlob(l)); });
}

TEST_F(RepairTest, ASecondRunFindsOnlyWhatIsMissing) {
  const StoredModel model = Write("tiny");
  std::filesystem::resize_file(BlobPath(model.manifest().layers[0]), 3);
  EXPECT_THAT(Repair().quarantined, SizeIs(1));
  const RepairReport second = Repair();
  EXPECT_THAT(second.quarantined, IsEmpty());
  ASSERT_THAT(second.models, SizeIs(1));
  EXPECT_THAT(second.models[0].missing, SizeIs(1));
  EXPECT_TRUE(second.quarantine.empty());
}

TEST_F(RepairTest, ADryRunMovesNothing) {
  const StoredModel model = Write("tiny");
  WriteAll(BlobPath(model.manifest().layers[0]), "x");
  WriteAll(store_.layout().ManifestOf(NameOf("broken")), "{");
  const auto before = FilesBelow(store_.layout().root());
  const RepairReport report = Repair({.verify = {}, .dry_run = true});
  EXPECT_THAT(report.quarantined, SizeIs(2));
  EXPECT_EQ(FilesBelow(store_.layout().root()), before);
}

TEST_F(RepairTest, SetsUnreadableManifestsAsideAndKeepsTheirBlobs) {
  const StoredModel model = Write("me/tiny");
  Write("other", {.seed = 5});
  const std::filesystem::path manifest = store_.layout().ManifestOf(model.name);
  const std::string cut = model.raw.bytes.substr(0, model.raw.bytes.size() - 10);
  WriteAll(manifest, cut);
  const RepairReport report = Repair();
  ASSERT_THAT(report.quarantined, SizeIs(1));
  EXPECT_EQ(ReadAll(report.quarantined[0].to), cut);
  ASSERT_THAT(report.models, SizeIs(1));
  EXPECT_TRUE(report.models[0].manifest_gone);
  EXPECT_FALSE(std::filesystem::exists(manifest.parent_path().parent_path()));
  EXPECT_TRUE(Verify().Clean());
  // gc works again, and does not take what the manifest in quarantine may still stand for.
  LetAnHourPass();
  const auto gc = CollectGarbage(store_, {});
  ASSERT_TRUE(gc.ok()) << gc.status().message();
  EXPECT_EQ(gc->rescued.files, 3u);
  EXPECT_TRUE(HasBlob(model.manifest().layers[0]));
}

TEST_F(RepairTest, AManifestThatStatesAWrongSizeIsNotBelieved) {
  const StoredModel model = Write("tiny");
  Manifest wrong = model.manifest();
  wrong.layers[0].size += 1;
  WriteAll(store_.layout().ManifestOf(NameOf("wrong")), EncodeManifest(wrong));
  const RepairReport report = Repair();
  ASSERT_THAT(report.models, SizeIs(1));
  EXPECT_EQ(report.models[0].name, NameOf("wrong"));
  EXPECT_TRUE(report.models[0].manifest_gone);
  EXPECT_TRUE(HasModel("tiny"));
  EXPECT_TRUE(HasBlob(model.manifest().layers[0]));  // the blob is sound
  EXPECT_TRUE(Verify().Clean());
}

TEST_F(RepairTest, BadTensorsWithTheRightDigestStayForAPersonToDecide) {
  const auto session = *WriteSession::Begin(store_);
  const BlobInfo blob = *session->PutBlob("not a tensor file");
  ASSERT_TRUE(session
                  ->Commit(NameOf("odd"), Manifest{.config = {std::string(kTensorMediaType),
                                                              blob.digest, blob.size, "", "w"},
                                                   .layers = {}})
                  .ok());
  const RepairReport report = Repair();
  EXPECT_THAT(report.quarantined, IsEmpty());
  ASSERT_THAT(report.models, SizeIs(1));
  EXPECT_TRUE(report.models[0].bad_content);
}

TEST_F(RepairTest, WhatIsNoFileIsSetAside) {
  const StoredModel model = Write("tiny");
  const std::filesystem::path path = BlobPath(model.manifest().layers[0]);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  WriteAll(path / "inside", "x");
  EXPECT_THAT(Repair().quarantined, SizeIs(1));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(RepairTest, OldNamesBecomeNew) {
  const StoredModel model = Write("tiny");
  const Layer& good = model.manifest().layers[0];
  const Layer& bad = model.manifest().layers[1];
  for (const Layer* layer : {&good, &bad}) {
    std::filesystem::rename(BlobPath(*layer), store_.layout().Blobs() / layer->digest.ToString());
  }
  WriteAll(store_.layout().Blobs() / bad.digest.ToString(), "altered");
  const RepairReport report = Repair();
  EXPECT_THAT(report.renamed, SizeIs(1));
  EXPECT_THAT(report.quarantined, SizeIs(1));
  EXPECT_TRUE(HasBlob(good));
  EXPECT_FALSE(HasBlob(bad));
}

TEST_F(RepairTest, RunsOfTheSameSecondDoNotCollide) {
  const StoredModel model = Write("tiny");
  const Layer& layer = model.manifest().layers[0];
  for (int i = 0; i < 3; ++i) {
    WriteAll(BlobPath(layer), "bad " + std::to_string(i));
    EXPECT_THAT(Repair().quarantined, SizeIs(1));
  }
  EXPECT_THAT(FilesBelow(store_.layout().Quarantine()), SizeIs(3));
}

TEST_F(RepairTest, OneModelCanBeRepaired) {
  const StoredModel a = Write("a", {.seed = 1});
  const StoredModel b = Write("b", {.seed = 2});
  WriteAll(BlobPath(a.manifest().layers[0]), "x");
  WriteAll(BlobPath(b.manifest().layers[0]), "x");
  EXPECT_THAT(Repair({.verify = {.model = NameOf("a")}}).quarantined, SizeIs(1));
  EXPECT_FALSE(HasBlob(a.manifest().layers[0]));
  EXPECT_TRUE(HasBlob(b.manifest().layers[0]));
}

}  // namespace
}  // namespace ingot::store
