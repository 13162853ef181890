#include "store/remove.h"

#include <string>

#include "store/lease.h"
#include "tests/store/store_fixture.h"

namespace ingot::store {
namespace {

using core::Code;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RemoveTest : public StoreTest {};

TEST_F(RemoveTest, TakesTheManifestItsDirectoriesAndItsBlobs) {
  Write("me/tiny");
  const auto report = RemoveModel(store_, NameOf("ME/tiny"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->name.Short(), "me/tiny:latest");
  EXPECT_EQ(report->blobs_removed, 6u);
  EXPECT_THAT(FilesBelow(store_.layout().Blobs()), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(store_.layout().Manifests()));
  EXPECT_TRUE(report->kept_because.ok());
}

TEST_F(RemoveTest, LeavesWhatOtherModelsNeed) {
  const StoredModel other = Write("other", {.seed = 1});
  const StoredModel model = Write("tiny", {.seed = 2});
  const auto report = RemoveModel(store_, NameOf("tiny"));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->blobs_removed, 3u);  // its tensors; config, config.json and license are shared
  EXPECT_GT(report->bytes_shared, 0u);
  EXPECT_TRUE(HasModel("other"));
  other.manifest().ForEachBlob([&](const Layer& layer) { EXPECT_TRUE(HasBlob(layer)); });
  EXPECT_FALSE(HasBlob(model.manifest().layers[0]));
}

TEST_F(RemoveTest, OtherTagsOfTheModelStay) {
  Write("tiny:a");
  Write("tiny:b");
  ASSERT_TRUE(RemoveModel(store_, NameOf("tiny:a")).ok());
  EXPECT_FALSE(HasModel("tiny:a"));
  EXPECT_TRUE(HasModel("tiny:b"));
}

TEST_F(RemoveTest, AModelThatIsNotThereIsAnError) {
  Write("tiny");
  const auto report = RemoveModel(store_, NameOf("tinny"));
  EXPECT_EQ(report.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(report.status().hint()), HasSubstr("tiny:latest"));
  EXPECT_TRUE(HasModel("tiny"));
}

TEST_F(RemoveTest, KeepsBlobsWhileAnotherManifestCannotBeRead) {
  const StoredModel model = Write("tiny");
  WriteAll(store_.layout().ManifestOf(NameOf("broken")), "{");
  const auto report = RemoveModel(store_, NameOf("tiny"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_FALSE(HasModel("tiny"));
  EXPECT_EQ(report->blobs_removed, 0u);
  EXPECT_THAT(std::string(report->kept_because.message()), HasSubstr("broken:latest"));
  model.manifest().ForEachBlob([&](const Layer& layer) { EXPECT_TRUE(HasBlob(layer)); });
}

TEST_F(RemoveTest, AModelWhoseManifestIsBrokenCanGo) {
  const StoredModel model = Write("tiny");
  WriteAll(store_.layout().ManifestOf(model.name), "garbage");
  const auto report = RemoveModel(store_, NameOf("tiny"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_FALSE(report->kept_because.ok());
  EXPECT_FALSE(std::filesystem::exists(store_.layout().ManifestOf(model.name)));
  EXPECT_TRUE(HasBlob(model.manifest().layers[0]));
}

TEST_F(RemoveTest, ABlobThatIsMissingIsNoObstacle) {
  const StoredModel model = Write("tiny");
  std::filesystem::remove(BlobPath(model.manifest().layers[0]));
  const auto report = RemoveModel(store_, NameOf("tiny"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->blobs_removed, 5u);
}

TEST_F(RemoveTest, ALeaseOfThisProcessCountsToo) {
  Write("tiny");
  {
    const auto lease = ModelLease::Take(store_, NameOf("tiny"));
    ASSERT_TRUE(lease.ok() && lease->protects());
    EXPECT_EQ(RemoveModel(store_, NameOf("tiny"))->blobs_removed, 0u);
    EXPECT_TRUE(store_.MapBlob(lease->model().manifest().layers[0]).ok());
  }
  Write("tiny");
  EXPECT_EQ(RemoveModel(store_, NameOf("tiny"))->blobs_removed, 6u);
}

}  // namespace
}  // namespace ingot::store
