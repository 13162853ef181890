#include "store/gc.h"

#include <string>

#include "store/blob_writer.h"
#include "store/copy.h"
#include "store/quarantine.h"
#include "store/remove.h"
#include "tests/store/store_fixture.h"

namespace ingot::store {
namespace {

using core::Code;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GcTest : public StoreTest {
 protected:
  // A model whose manifest is gone: six blobs that nobody needs.
  StoredModel WriteOrphans() {
    const StoredModel model = Write("orphan", {.seed = 9});
    std::filesystem::remove(store_.layout().ManifestOf(model.name));
    return model;
  }
  GcReport Collect(const GcOptions& options = {}) {
    auto report = CollectGarbage(store_, options);
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *std::move(report) : GcReport{};
  }
  void PutBlobFile(const std::string& name) { WriteAll(store_.layout().Blobs() / name, "1234"); }
};

TEST_F(GcTest, AStoreThatDoesNotExistHasNoGarbage) {
  EXPECT_THAT(Collect().removed, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(store_.layout().root()));
}

TEST_F(GcTest, RemovesWhatNobodyNeedsOnceItIsAnHourOld) {
  const StoredModel kept = Write("kept", {.seed = 1});
  const StoredModel orphan = WriteOrphans();
  GcReport report = Collect();
  EXPECT_EQ(report.young.files, 3u);  // the orphan's tensors; the rest is shared with kept
  EXPECT_THAT(report.removed, IsEmpty());
  LetAnHourPass();
  report = Collect();
  EXPECT_EQ(report.blobs.files, 3u);
  EXPECT_EQ(report.blobs.bytes, 3 * orphan.manifest().layers[0].size);
  EXPECT_EQ(report.needed.files, 6u);
  EXPECT_FALSE(HasBlob(orphan.manifest().layers[0]));
  kept.manifest().ForEachBlob([&](const Layer& layer) { EXPECT_TRUE(HasBlob(layer)); });
  EXPECT_THAT(Collect().removed, IsEmpty());
}

TEST_F(GcTest, ADryRunSaysTheSameAndRemovesNothing) {
  WriteOrphans();
  LetAnHourPass();
  const GcReport dry = Collect({.dry_run = true});
  EXPECT_EQ(dry.blobs.files, 6u);
  EXPECT_THAT(FilesBelow(store_.layout().Blobs()), SizeIs(6));
  EXPECT_EQ(Collect().removed, dry.removed);
}

TEST_F(GcTest, RemovesNothingWhileAManifestCannotBeRead) {
  WriteOrphans();
  LetAnHourPass();
  for (const std::string& content : {std::string(), std::string("{"), std::string("\0\0\0", 3),
                                     std::string(R"({"schemaVersion":2})")}) {
    WriteAll(store_.layout().ManifestOf(NameOf("broken")), content);
    const auto report = CollectGarbage(store_, {});
    EXPECT_EQ(report.status().code(), Code::kCorrupt);
    EXPECT_THAT(std::string(report.status().message()), HasSubstr("broken:latest"));
    EXPECT_THAT(FilesBelow(store_.layout().Blobs()), SizeIs(6));
  }
  std::filesystem::remove(store_.layout().ManifestOf(NameOf("broken")));
  std::filesystem::create_symlink("nowhere", store_.layout().ManifestOf(NameOf("broken")));
  EXPECT_FALSE(CollectGarbage(store_, {}).ok());
  EXPECT_THAT(FilesBelow(store_.layout().Blobs()), SizeIs(6));
}

TEST_F(GcTest, RemovesNothingWhereThereIsNoManifestsDirectory) {
  WriteOrphans();
  LetAnHourPass();
  std::filesystem::remove_all(store_.layout().Manifests());
  const auto report = CollectGarbage(store_, {});
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(std::string(report.status().hint()), HasSubstr("INGOT_MODELS"));
  EXPECT_THAT(FilesBelow(store_.layout().Blobs()), SizeIs(6));
}

TEST_F(GcTest, SparesOtherProgramsWorkAndStrangersWhateverTheirAge) {
  Write("tiny");
  const std::string hex = Digest::Of("x").Hex();
  for (const std::string& name :
       {"sha256-" + hex + ".tmp", "sha256-" + hex + "-partial", "sha256-" + hex + "-partial-3",
        std::string("sha256-2718281828"), std::string("notes.txt")}) {
    PutBlobFile(name);
  }
  std::filesystem::create_directory(store_.layout().Blobs() / "sha256-dir");
  LetAnHourPass();
  const GcReport report = Collect();
  EXPECT_THAT(report.removed, IsEmpty());
  EXPECT_EQ(report.partials.files, 4u);
  EXPECT_EQ(report.partials.bytes, 16u);
  EXPECT_EQ(report.strangers.files, 2u);
}

TEST_F(GcTest, BlobsOfTheOldNameFormAreBlobs) {
  const StoredModel model = Write("tiny");
  const Layer& layer = model.manifest().layers[0];
  std::filesystem::rename(BlobPath(layer), store_.layout().Blobs() / layer.digest.ToString());
  PutBlobFile(Digest::Of("unneeded").ToString());
  LetAnHourPass();
  const GcReport report = Collect();
  EXPECT_THAT(report.removed, SizeIs(1));
  EXPECT_TRUE(std::filesystem::exists(store_.layout().Blobs() / layer.digest.ToString()));
}

TEST_F(GcTest, AManifestUnderAStrangeNameStillProtects) {
  const StoredModel model = Write("tiny");
  const std::filesystem::path manifest = store_.layout().ManifestOf(model.name);
  std::filesystem::rename(manifest, manifest.parent_path() / "bad name");
  LetAnHourPass();
  const GcReport report = Collect();
  EXPECT_THAT(report.removed, IsEmpty());
  EXPECT_EQ(report.needed.files, 6u);
}

TEST_F(GcTest, BlobsOfAManifestInQuarantineStay) {
  const StoredModel model = WriteOrphans();
  // Cut in the middle: it does not parse, but its first digests can be found.
  WriteAll(store_.layout().Quarantine() / "20260101T000000Z/manifests/h/n/m/t",
           model.raw.bytes.substr(0, model.raw.bytes.size() / 2));
  LetAnHourPass();
  const GcReport report = Collect({.dry_run = true});
  EXPECT_GT(report.rescued.files, 0u);
  EXPECT_EQ(report.rescued.files + report.blobs.files, 6u);
  EXPECT_GT(report.blobs.files, 0u);
}

TEST_F(GcTest, RemovesWhatDeadProcessesLeft) {
  Write("tiny");
  WriteAll(store_.layout().Temp() / "4194304-1.0", "half a blob");
  WriteAll(store_.layout().Sessions() / "4194304-1", "");
  WriteAll(store_.layout().Leases() / Digest::Of("gone").Hex(), "not even a manifest");
  const auto session = WriteSession::Begin(store_);
  ASSERT_TRUE(session.ok());
  const auto blob = (*session)->NewBlob();
  const GcReport report = Collect();
  EXPECT_EQ(report.leftovers.files, 3u);
  EXPECT_THAT(FilesBelow(store_.layout().Temp()), SizeIs(1));
  EXPECT_THAT(FilesBelow(store_.layout().Sessions()), SizeIs(1));
}

TEST_F(GcTest, RemovesEmptyManifestDirectories) {
  Write("tiny");
  const auto manifests = store_.layout().Manifests();
  std::filesystem::create_directories(manifests / "example.com/a/b");
  std::filesystem::create_directories(manifests / "registry.ollama.ai/empty");
  Collect();
  EXPECT_FALSE(std::filesystem::exists(manifests / "example.com"));
  EXPECT_FALSE(std::filesystem::exists(manifests / "registry.ollama.ai/empty"));
  EXPECT_TRUE(HasModel("tiny"));
}

TEST_F(GcTest, FreesWhatAReplacedModelNeeded) {
  Write("tiny", {.seed = 1});
  Write("tiny", {.seed = 2});
  LetAnHourPass();
  EXPECT_EQ(Collect().blobs.files, 3u);
  EXPECT_TRUE(HasModel("tiny"));
}

class CopyTest : public StoreTest {};

TEST_F(CopyTest, CopiesTheManifestByteForByteAndSharesBlobs) {
  const StoredModel model = Write("tiny");
  const size_t files = FilesBelow(store_.layout().Blobs()).size();
  const auto copy = CopyModel(store_, NameOf("TINY"), NameOf("me/copy:x"));
  ASSERT_TRUE(copy.ok()) << copy.status().message();
  EXPECT_EQ(copy->raw.id, model.raw.id);
  EXPECT_EQ(ReadAll(store_.layout().ManifestOf(NameOf("me/copy:x"))), model.raw.bytes);
  EXPECT_EQ(FilesBelow(store_.layout().Blobs()).size(), files);
  ASSERT_TRUE(RemoveModel(store_, NameOf("tiny")).ok());
  EXPECT_TRUE(store_.MapBlob(copy->manifest().layers[0]).ok());
}

TEST_F(CopyTest, RefusesWhatMakesNoSense) {
  Write("tiny");
  EXPECT_EQ(CopyModel(store_, NameOf("tiny"), NameOf("TINY")).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(CopyModel(store_, NameOf("absent"), NameOf("x")).status().code(), Code::kNotFound);
  EXPECT_FALSE(HasModel("x"));
}

TEST_F(CopyTest, ReplacesWhatBoreTheName) {
  const StoredModel one = Write("one", {.seed = 1});
  Write("two", {.seed = 2});
  ASSERT_TRUE(CopyModel(store_, NameOf("one"), NameOf("Two")).ok());
  EXPECT_EQ(store_.Read(NameOf("two"))->raw.id, one.raw.id);
}

TEST_F(CopyTest, DoesNotMultiplyADamagedModel) {
  const StoredModel model = Write("tiny");
  std::filesystem::remove(BlobPath(model.manifest().layers[1]));
  EXPECT_FALSE(CopyModel(store_, NameOf("tiny"), NameOf("copy")).ok());
  EXPECT_FALSE(HasModel("copy"));
}

}  // namespace
}  // namespace ingot::store
