#include "store/verify.h"

#include <sys/resource.h>

#include <mutex>
#include <string>

#include "store/remove.h"
#include "tests/store/store_fixture.h"

namespace ingot::store {
namespace {

using core::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class VerifyTest : public StoreTest {
 protected:
  VerifyReport Verify(const VerifyOptions& options = {}) {
    const auto sink = core::MakeNullSink();
    auto report = VerifyStore(store_, options, *sink);
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *std::move(report) : VerifyReport{};
  }
  // The one thing that is wrong.
  BlobFinding OnlyFinding() {
    const VerifyReport report = Verify();
    EXPECT_FALSE(report.Clean());
    EXPECT_THAT(report.findings, SizeIs(1));
    return report.findings.empty() ? BlobFinding{Digest::Of(""), {}, "", "", {}, 0}
                                   : report.findings[0];
  }
  // A model whose one tensor blob has that content.
  StoredModel WriteWithTensorBlob(std::string_view content) {
    const auto session = *WriteSession::Begin(store_);
    const BlobInfo config = *session->PutBlob("{}");
    const BlobInfo tensor = *session->PutBlob(content);
    return *session->Commit(
        NameOf("odd"),
        Manifest{.config = {std::string(kConfigMediaType), config.digest, config.size, "", ""},
                 .layers = {{std::string(kTensorMediaType), tensor.digest, tensor.size, "", "w"}}});
  }
};

TEST_F(VerifyTest, ASoundStoreIsClean) {
  Write("a", {.seed = 1});
  Write("b", {.seed = 2});
  const VerifyReport report = Verify();
  EXPECT_TRUE(report.Clean());
  EXPECT_EQ(report.models, 2u);
  EXPECT_EQ(report.blobs, 9u);
  EXPECT_THAT(report.unreferenced, IsEmpty());
}

TEST_F(VerifyTest, AnEmptyStoreIsClean) { EXPECT_TRUE(Verify().Clean()); }

TEST_F(VerifyTest, FindsWhatIsMissing) {
  const StoredModel model = Write("tiny");
  const Layer& layer = model.manifest().layers[1];
  std::filesystem::remove(BlobPath(layer));
  const BlobFinding finding = OnlyFinding();
  EXPECT_EQ(finding.fault, BlobFault::kMissing);
  EXPECT_EQ(finding.digest, layer.digest);
  EXPECT_EQ(finding.layer, layer.name);
  EXPECT_EQ(finding.size, layer.size);
  EXPECT_THAT(finding.models, ElementsAre(model.name));
}

TEST_F(VerifyTest, FindsWhatIsTruncated) {
  const StoredModel model = Write("tiny");
  const Layer& layer = model.manifest().layers[0];
  std::filesystem::resize_file(BlobPath(layer), layer.size - 1);
  const BlobFinding finding = OnlyFinding();
  EXPECT_EQ(finding.fault, BlobFault::kTruncated);
  EXPECT_THAT(finding.detail, HasSubstr("expected " + std::to_string(layer.size) +
                                        " bytes, found " + std::to_string(layer.size - 1)));
}

TEST_F(VerifyTest, FindsOneFlippedBitAnywhere) {
  const StoredModel model = Write("tiny", {.elements = 1000});
  const Layer& layer = model.manifest().layers[0];
  const std::string good = ReadAll(BlobPath(layer));
  for (const size_t at : {size_t{0}, size_t{20}, good.size() / 2, good.size() - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    WriteAll(BlobPath(layer), bad);
    EXPECT_EQ(OnlyFinding().fault, BlobFault::kAltered) << at;
  }
  WriteAll(BlobPath(layer), good + "x");
  EXPECT_EQ(OnlyFinding().fault, BlobFault::kAltered);
  WriteAll(BlobPath(layer), good);
  EXPECT_TRUE(Verify().Clean());
}

TEST_F(VerifyTest, NamesEveryModelThatIsHurt) {
  const StoredModel a = Write("a", {.seed = 1});
  const StoredModel b = Write("b", {.seed = 2});
  WriteAll(BlobPath(*a.manifest().Find(kLicenseMediaType)), "Do as you lake.");
  const BlobFinding finding = OnlyFinding();
  EXPECT_EQ(finding.fault, BlobFault::kAltered);
  EXPECT_EQ(finding.layer, kLicenseMediaType);
  EXPECT_THAT(finding.models, ElementsAre(a.name, b.name));
}

TEST_F(VerifyTest, ReportsManifestsThatCannotBeRead) {
  Write("tiny");
  WriteAll(store_.layout().ManifestOf(NameOf("broken")), "{");
  const VerifyReport report = Verify();
  EXPECT_FALSE(report.Clean());
  ASSERT_THAT(report.unreadable, SizeIs(1));
  EXPECT_EQ(report.unreadable[0].name->Short(), "broken:latest");
  EXPECT_THAT(report.findings, IsEmpty());
}

TEST_F(VerifyTest, UnneededAndForeignFilesAreNoDamage) {
  const StoredModel model = Write("tiny");
  std::filesystem::remove(store_.layout().ManifestOf(model.name));
  const std::filesystem::path blobs = store_.layout().Blobs();
  WriteAll(blobs / "sha256-123", "x");
  WriteAll(blobs / "notes.txt", "x");
  const VerifyReport report = Verify();
  EXPECT_TRUE(report.Clean());
  EXPECT_THAT(report.unreferenced, SizeIs(6));
  EXPECT_EQ(report.partials, 1u);
  EXPECT_THAT(report.strangers, ElementsAre(blobs / "notes.txt"));
}

TEST_F(VerifyTest, AnAlteredBlobThatNobodyNeedsIsDamageAllTheSame) {
  Write("tiny");
  WriteAll(store_.layout().Blob(Digest::Of("x")), "y");
  const BlobFinding finding = OnlyFinding();
  EXPECT_EQ(finding.fault, BlobFault::kAltered);
  EXPECT_THAT(finding.models, IsEmpty());
}

TEST_F(VerifyTest, ChecksTheHeadersOfTensors) {
  std::string blob = TensorBlob("w", 16, 1);
  WriteWithTensorBlob(blob);
  EXPECT_TRUE(Verify().Clean());
  // Truncated before it was stored: the digest is right, the tensors are not.
  WriteWithTensorBlob(blob.substr(0, blob.size() - 4));
  EXPECT_EQ(OnlyFinding().fault, BlobFault::kBadContent);
  WriteWithTensorBlob("short");
  EXPECT_EQ(OnlyFinding().fault, BlobFault::kBadContent);
  WriteWithTensorBlob(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10));
  EXPECT_EQ(OnlyFinding().fault, BlobFault::kBadContent);
}

TEST_F(VerifyTest, AManifestThatStatesAnotherSizeIsFound) {
  const StoredModel model = Write("tiny");
  const Layer& license = *model.manifest().Find(kLicenseMediaType);
  Manifest wrong = model.manifest();
  for (Layer& layer : wrong.layers) {
    if (layer.media_type == kLicenseMediaType) layer.size += 1;
  }
  WriteAll(store_.layout().ManifestOf(NameOf("wrong")), EncodeManifest(wrong));
  const BlobFinding finding = OnlyFinding();
  EXPECT_EQ(finding.fault, BlobFault::kSizeMismatch);
  EXPECT_EQ(finding.digest, license.digest);
}

TEST_F(VerifyTest, WhatBearsABlobsNameMustBeAFile) {
  const StoredModel model = Write("tiny");
  const std::filesystem::path path = BlobPath(model.manifest().layers[0]);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_EQ(OnlyFinding().fault, BlobFault::kNotAFile);
  std::filesystem::remove(path);
  std::filesystem::create_symlink("/dev/zero", path);
  EXPECT_EQ(OnlyFinding().fault, BlobFault::kNotAFile);
  std::filesystem::remove(path);
  std::filesystem::create_symlink("nowhere", path);
  EXPECT_EQ(OnlyFinding().fault, BlobFault::kNotAFile);
}

TEST_F(VerifyTest, KnowsTheOldFormOfNames) {
  const StoredModel model = Write("tiny");
  const Layer& layer = model.manifest().layers[0];
  std::filesystem::rename(BlobPath(layer), store_.layout().Blobs() / layer.digest.ToString());
  EXPECT_EQ(OnlyFinding().fault, BlobFault::kOldName);
}

TEST_F(VerifyTest, OneModelCanBeChecked) {
  const StoredModel a = Write("a", {.seed = 1});
  Write("b", {.seed = 2});
  std::filesystem::remove(BlobPath(a.manifest().layers[0]));
  EXPECT_TRUE(Verify({.model = NameOf("B")}).Clean());
  const VerifyReport report = Verify({.model = NameOf("a")});
  EXPECT_FALSE(report.Clean());
  EXPECT_EQ(report.blobs, 6u);
  const auto sink = core::MakeNullSink();
  EXPECT_EQ(VerifyStore(store_, {.model = NameOf("c")}, *sink).status().code(), Code::kNotFound);
  WriteAll(store_.layout().ManifestOf(NameOf("broken")), "{");
  EXPECT_THAT(Verify({.model = NameOf("broken")}).unreadable, SizeIs(1));
}

TEST_F(VerifyTest, NeedsFewDescriptorsHoweverManyBlobs) {
  Write("many", {.seed = 1, .tensors = 400, .elements = 1});
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {48, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const VerifyReport report = Verify();
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(report.Clean());
  EXPECT_EQ(report.blobs, 403u);
}

// Removes a model as soon as the first bytes were checked.
class MeddlingSink : public core::ProgressSink {
 public:
  explicit MeddlingSink(std::function<void()> meddle) : meddle_(std::move(meddle)) {}
  void Show(const core::ProgressEvent&) override { std::call_once(once_, meddle_); }
  void Line(std::string_view) override {}

 private:
  std::once_flag once_;
  std::function<void()> meddle_;
};

TEST_F(VerifyTest, AModelRemovedMeanwhileIsNotReported) {
  for (int i = 0; i < 20; ++i) Write("m" + std::to_string(i), {.seed = i});
  MeddlingSink sink([&] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(RemoveModel(store_, NameOf("m" + std::to_string(i))).ok());
    }
  });
  const auto report = VerifyStore(store_, {}, sink);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->Clean());
  EXPECT_THAT(report->unreferenced, IsEmpty());
  EXPECT_FALSE(HasModel("m0"));
}

}  // namespace
}  // namespace ingot::store
