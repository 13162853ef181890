#include "store/store.h"

#include <string>

#include "tests/store/store_fixture.h"

namespace ingot::store {
namespace {

using core::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(StoreTest, ADirectoryThatDoesNotExistIsAnEmptyStore) {
  const auto scan = store_.Scan();
  ASSERT_TRUE(scan.ok()) << scan.status().message();
  EXPECT_THAT(scan->models, IsEmpty());
  const auto model = store_.Read(NameOf("m"));
  EXPECT_EQ(model.status().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(store_.layout().root()));  // looking made nothing
}

TEST_F(StoreTest, ReadsWhatWasWritten) {
  const StoredModel written = Write("me/tiny:a");
  const auto model = store_.Read(NameOf("me/tiny:a"));
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->manifest(), written.manifest());
  EXPECT_EQ(model->raw.id, Digest::Of(ReadAll(store_.layout().ManifestOf(written.name))));
  const auto text = store_.ReadBlob(*model->manifest().Find(kLicenseMediaType), 1000);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "Do as you like.");
  const auto config = store_.ReadConfig(model->manifest());
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->model_format, "safetensors");
}

TEST_F(StoreTest, DirectoriesAreAsTheOriginalMakesThem) {
  Write("tiny");
  for (const auto& path : {store_.layout().Blobs(), store_.layout().Manifests()}) {
    using std::filesystem::perms;
    const perms mode = std::filesystem::status(path).permissions();
    EXPECT_EQ(mode & perms(0755), perms(0755)) << path;
    EXPECT_EQ(mode & perms::others_write, perms::none) << path;
  }
}

TEST_F(StoreTest, FindsAModelWhateverTheCase) {
  Write("Me/Tiny:Q4");
  const auto canonical = store_.Canonical(NameOf("me/TINY:q4"));
  ASSERT_TRUE(canonical.ok());
  EXPECT_EQ(canonical->Short(), "Me/Tiny:Q4");
  EXPECT_TRUE(HasModel("mE/tINY:Q4"));
  // As far as something lies there.
  EXPECT_EQ(store_.Canonical(NameOf("me/tiny:other"))->Short(), "Me/Tiny:other");
  EXPECT_EQ(store_.Canonical(NameOf("ME/new"))->Short(), "Me/new:latest");
  EXPECT_EQ(store_.Canonical(NameOf("Elsewhere.com/a/b"))->Short(), "Elsewhere.com/a/b:latest");
}

TEST_F(StoreTest, AnExactSpellingWinsOverAnother) {
  const StoredModel lower = Write("tiny");
  const std::filesystem::path upper =
      store_.layout().Manifests() / "registry.ollama.ai/library/TINY/latest";
  WriteAll(upper, ReadAll(store_.layout().ManifestOf(lower.name)));
  EXPECT_EQ(store_.Canonical(NameOf("TINY"))->model(), "TINY");
  EXPECT_EQ(store_.Canonical(NameOf("tiny"))->model(), "tiny");
}

TEST_F(StoreTest, WritingUnderAnotherCaseReplacesTheModel) {
  Write("Tiny", {.seed = 1});
  const StoredModel second = Write("tiny", {.seed = 2});
  EXPECT_EQ(second.name.Short(), "Tiny:latest");
  const auto scan = store_.Scan();
  ASSERT_THAT(scan->models, SizeIs(1));
  EXPECT_EQ(scan->models[0].raw.id, second.raw.id);
}

TEST_F(StoreTest, SuggestsTheModelThatWasMeant) {
  Write("qwen3");
  const auto model = store_.Read(NameOf("qwem3"));
  EXPECT_EQ(model.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("\"qwem3:latest\" not found"));
  EXPECT_THAT(std::string(model.status().hint()), HasSubstr("`qwen3:latest`?"));
}

TEST_F(StoreTest, ScanTellsGoodFromBad) {
  Write("b");
  Write("a");
  const std::filesystem::path root = store_.layout().Manifests();
  const std::filesystem::path library = root / "registry.ollama.ai/library";
  WriteAll(library / "broken/latest", "{");
  WriteAll(library / "a/.DS_Store", "x");
  WriteAll(library / "note.txt", "too shallow");
  WriteAll(library / "deep/er/est/file", "too deep");
  WriteAll(root / "bad host/n/m/t", "x");
  const auto scan = store_.Scan();
  ASSERT_TRUE(scan.ok()) << scan.status().message();
  ASSERT_THAT(scan->models, SizeIs(2));
  EXPECT_EQ(scan->models[0].name.Short(), "a:latest");
  ASSERT_THAT(scan->unreadable, SizeIs(1));
  EXPECT_EQ(scan->unreadable[0].name->Short(), "broken:latest");
  EXPECT_THAT(scan->strangers, ElementsAre(root / "bad host/n/m/t", library / "a/.DS_Store"));
  EXPECT_THAT(std::string(scan->RequireAllReadable().message()),
              HasSubstr("the manifest of broken:latest cannot be read"));
}

TEST_F(StoreTest, ManifestsAndBlobsMayBeLinks) {
  const StoredModel model = Write("tiny");
  const std::filesystem::path manifest = store_.layout().ManifestOf(model.name);
  std::filesystem::rename(manifest, dir_ / "elsewhere");
  std::filesystem::create_symlink(dir_ / "elsewhere", manifest);
  const Layer& layer = model.manifest().layers[0];
  std::filesystem::rename(BlobPath(layer), dir_ / "blob");
  std::filesystem::create_symlink(dir_ / "blob", BlobPath(layer));
  EXPECT_TRUE(HasModel("tiny"));
  EXPECT_TRUE(store_.MapBlob(layer).ok());
  EXPECT_THAT(store_.Scan()->models, SizeIs(1));
}

TEST_F(StoreTest, AManifestLargerThanAnyIsNotRead) {
  const std::filesystem::path path = store_.layout().ManifestOf(NameOf("huge"));
  WriteAll(path, "{");
  std::filesystem::resize_file(path, kMaxManifestBytes + 1);
  EXPECT_EQ(store_.Read(NameOf("huge")).status().code(), Code::kExhausted);
}

TEST_F(StoreTest, ABlobOfAnotherSizeOrContentIsAnError) {
  const StoredModel model = Write("tiny");
  const Layer& license = *model.manifest().Find(kLicenseMediaType);
  WriteAll(BlobPath(license), "Do as you lake.");
  const auto altered = store_.ReadBlob(license, 1000);
  EXPECT_EQ(altered.status().code(), Code::kCorrupt);
  EXPECT_THAT(std::string(altered.status().message()), HasSubstr(license.digest.FileName()));
  WriteAll(BlobPath(license), "Do as");
  EXPECT_THAT(std::string(store_.OpenBlob(license).status().message()),
              HasSubstr("expected 15 bytes, found 5"));
  EXPECT_FALSE(store_.MapBlob(license).ok());
  EXPECT_EQ(store_.ReadBlob(license, 3).status().code(), Code::kExhausted);
  std::filesystem::remove(BlobPath(license));
  EXPECT_EQ(store_.OpenBlob(license).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace ingot::store
