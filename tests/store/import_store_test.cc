// Models of another store's directory, taken over.
#include "store/import_store.h"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "store/session.h"
#include "store/verify.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::store {
namespace {

namespace fs = std::filesystem;
using core::Code;
using ::testing::HasSubstr;
using Outcome = ImportedModel::Outcome;

class ImportStoreTest : public ::testing::Test {
 protected:
  ImportStoreTest() { env_.SkipRealSyncs(); }

  static StoredModel Write(const Store& store, std::string_view name,
                           const std::vector<std::string>& contents) {
    const auto session = *WriteSession::Begin(store);
    const auto put = [&](std::string_view type, std::string layer, std::string_view content) {
      const BlobInfo blob = *session->PutBlob(content);
      return Layer{std::string(type), blob.digest, blob.size, "", std::move(layer)};
    };
    Manifest made{.config = put(kConfigMediaType, "", R"({"model_format":"gguf"})"), .layers = {}};
    for (const std::string& content : contents) {
      made.layers.push_back(
          put(kGgufModelMediaType, core::StrCat("part-", made.layers.size()), content));
    }
    return *session->Commit(*ModelName::Parse(name), made);
  }
  core::Result<ImportStoreReport> Import(const ImportStoreOptions& options = {}) {
    const auto sink = core::MakeNullSink();
    return ImportStore(source_, target_, options, *sink);
  }
  static std::string Damage(const Store& store) {
    const auto sink = core::MakeNullSink();
    const auto report = VerifyStore(store, {}, *sink);
    if (!report.ok()) return std::string(report.status().message());
    return report->Clean() ? "" : "damaged";
  }
  // Names, lengths and times of everything there.
  static std::string Listing(const fs::path& root) {
    std::vector<std::string> lines;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      struct stat info = {};
      stat(entry.path().c_str(), &info);
      lines.push_back(core::StrCat(entry.path().native(), " ", info.st_size, " ", info.st_mode));
    }
    std::sort(lines.begin(), lines.end());
    return core::Join(lines, "\n");
  }

  testing::TempDir dir_{testing::TempPlace::kMemory};
  testing::FaultEnv env_{core::Env::Posix()};
  Store source_{env_, core::Clock::System(), dir_ / "other"};
  Store target_{env_, core::Clock::System(), dir_ / "models"};
};

TEST_F(ImportStoreTest, TakesEveryModelOverAndLeavesTheOtherStoreAsItWas) {
  const StoredModel one = Write(source_, "one", {std::string(90000, 'a'), "shared"});
  const StoredModel two = Write(source_, "h.example/me/two:x", {"b", "shared"});
  const std::string before = Listing(source_.layout().root());
  const auto report = Import();
  ASSERT_TRUE(report.ok()) << report.status().message();
  ASSERT_EQ(report->models.size(), 2u);
  for (const ImportedModel& model : report->models) EXPECT_EQ(model.outcome, Outcome::kImported);
  EXPECT_EQ(report->cloned + report->linked + report->copied, 4u);  // config and "shared" once
  EXPECT_EQ(target_.Read(one.name)->raw.bytes, one.raw.bytes);
  EXPECT_EQ(target_.Read(two.name)->raw.bytes, two.raw.bytes);
  EXPECT_EQ(Damage(target_), "");
  EXPECT_EQ(Damage(source_), "");
  EXPECT_EQ(Listing(source_.layout().root()), before);
  // What is removed there stays here.
  fs::remove_all(source_.layout().root());
  EXPECT_EQ(Damage(target_), "");
}

TEST_F(ImportStoreTest, EveryWayGivesTheSameAndTheSecondTimeNothingHappens) {
  Write(source_, "one", {std::string(90000, 'a'), "b"});
  for (const Sharing sharing : {Sharing::kLink, Sharing::kCopy, Sharing::kAny}) {
    fs::remove_all(target_.layout().root());
    const auto first = Import({.models = {}, .sharing = sharing});
    ASSERT_TRUE(first.ok()) << first.status().message();
    EXPECT_EQ(first->models[0].outcome, Outcome::kImported);
    EXPECT_EQ(first->linked, sharing == Sharing::kLink ? 3u : first->linked);
    EXPECT_EQ(first->copied, sharing == Sharing::kCopy ? 3u : 0u);
    EXPECT_EQ(Damage(target_), "");
    const auto second = Import({.models = {}, .sharing = sharing});
    EXPECT_EQ(second->models[0].outcome, Outcome::kUnchanged);
    EXPECT_EQ(second->present, 3u);
    EXPECT_EQ(second->bytes, 0u);
  }
}

TEST_F(ImportStoreTest, WhereNothingCanBeSharedItIsCopied) {
  // Another file system than the test's.
  const testing::TempDir disk;
  struct stat here = {}, there = {};
  stat(dir_.path().c_str(), &here);
  stat(disk.path().c_str(), &there);
  const Store far(env_, core::Clock::System(), disk / "models");
  Write(source_, "one", {std::string(90000, 'a')});
  const auto sink = core::MakeNullSink();
  const auto report = ImportStore(source_, far, {}, *sink);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(Damage(far), "");
  if (here.st_dev != there.st_dev) {
    EXPECT_EQ(report->copied, 2u);
  }
}

TEST_F(ImportStoreTest, ADamagedModelIsNotTakenAndTheOthersAre) {
  const StoredModel bad = Write(source_, "bad", {std::string(90000, 'a')});
  Write(source_, "good", {"fine"});
  Write(source_, "lost", {"gone"});
  {
    const auto file = env_.OpenWrite(source_.layout().Blob(bad.manifest().layers[0].digest));
    ASSERT_TRUE((*file)->WriteAt(5, core::AsBytes("damage")).ok());
  }
  fs::remove(source_.layout().Blob(Digest::Of("gone")));
  fs::create_directories(source_.layout().Manifests() / "h/n/m");
  ASSERT_TRUE(core::WriteFileAtomic(env_, source_.layout().Manifests() / "h/n/m/t", "{").ok());
  for (const Sharing sharing : {Sharing::kAny, Sharing::kCopy}) {
    const auto report = Import({.models = {}, .sharing = sharing});
    ASSERT_TRUE(report.ok()) << report.status().message();
    std::map<std::string, std::string> outcomes;
    for (const ImportedModel& model : report->models) {
      outcomes[model.name.model()] = OutcomeName(model.outcome);
      if (model.name.model() == "bad") {
        EXPECT_THAT(std::string(model.error.message()), HasSubstr("part-0"));
      }
    }
    EXPECT_EQ(outcomes["bad"], "failed");
    EXPECT_EQ(outcomes["lost"], "failed");
    EXPECT_EQ(outcomes["m"], "failed");
    EXPECT_NE(outcomes["good"], "failed");
    EXPECT_EQ(Damage(target_), "");
    EXPECT_EQ(target_.Scan()->models.size(), 1u);
    EXPECT_TRUE(fs::is_empty(target_.layout().Temp()));
  }
}

TEST_F(ImportStoreTest, AnotherModelOfThatNameIsKeptUnlessToldOtherwise) {
  const StoredModel theirs = Write(source_, "one", {"theirs"});
  const StoredModel ours = Write(target_, "one", {"ours"});
  EXPECT_EQ(Import()->models[0].outcome, Outcome::kKept);
  EXPECT_EQ(target_.Read(ours.name)->raw.id, ours.raw.id);
  EXPECT_EQ(Import({.models = {}, .replace = true})->models[0].outcome, Outcome::kImported);
  EXPECT_EQ(target_.Read(ours.name)->raw.id, theirs.raw.id);
}

TEST_F(ImportStoreTest, OnlyTheNamedOnesWhereSomeAreNamed) {
  Write(source_, "one", {"1"});
  Write(source_, "two", {"2"});
  const auto report = Import({.models = {*ModelName::Parse("two")}});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(target_.Scan()->models.size(), 1u);
  EXPECT_EQ(Import({.models = {*ModelName::Parse("three")}}).status().code(), Code::kNotFound);
}

TEST_F(ImportStoreTest, WhatIsNoStoreOrTheSameOneIsRefused) {
  EXPECT_EQ(Import().status().code(), Code::kNotFound);
  Write(target_, "one", {"1"});
  fs::create_directory_symlink(target_.layout().root(), dir_ / "link");
  const Store same(env_, core::Clock::System(), dir_ / "link");
  const auto sink = core::MakeNullSink();
  EXPECT_EQ(ImportStore(same, target_, {}, *sink).status().code(), Code::kInvalidArgument);
}

TEST_F(ImportStoreTest, ADiskThatFillsUpIsNeverASuccessAndTheNextRunCompletesIt) {
  Write(source_, "one", {std::string(5000, 'a'), "b"});
  env_.Heal();
  ASSERT_TRUE(Import({.models = {}, .sharing = Sharing::kCopy}).ok());
  const size_t operations = env_.operations();
  for (size_t i = 0; i < operations; ++i) {
    fs::remove_all(target_.layout().root());
    env_.Heal();
    env_.FailAt(i, core::Status(Code::kNoSpace, "the disk is full"),
                testing::FaultMode::kFromThenOn);
    const auto report = Import({.models = {}, .sharing = Sharing::kCopy});
    env_.Heal();
    if (report.ok() && report->models[0].outcome == Outcome::kImported) {
      EXPECT_EQ(target_.Scan()->models.size(), 1u) << i;
    }
    ASSERT_EQ(Damage(target_), "") << i;
    ASSERT_TRUE(Import().ok());
    ASSERT_EQ(target_.Scan()->models.size(), 1u) << i;
  }
}

}  // namespace
}  // namespace ingot::store
