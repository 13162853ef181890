#include "store/session.h"

#include <string>
#include <thread>

#include "store/blob_writer.h"
#include "store/lease.h"
#include "tests/store/store_fixture.h"

namespace ingot::store {
namespace {

using core::Code;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SessionTest : public StoreTest {
 protected:
  std::unique_ptr<WriteSession> Begin() {
    auto session = WriteSession::Begin(store_);
    EXPECT_TRUE(session.ok()) << session.status().message();
    return *std::move(session);
  }
  std::filesystem::path PathOf(std::string_view content) {
    return store_.layout().Blob(Digest::Of(content));
  }
  std::vector<std::string> Leftovers() {
    std::vector<std::string> files = FilesBelow(store_.layout().Temp());
    for (std::string& file : FilesBelow(store_.layout().Sessions())) files.push_back(file);
    return files;
  }
};

TEST_F(SessionTest, ABlobIsNamedByItsContent) {
  const auto session = Begin();
  auto writer = session->NewBlob();
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Append("one ").ok());
  ASSERT_TRUE((*writer)->Append("two").ok());
  const auto blob = (*writer)->Commit();
  ASSERT_TRUE(blob.ok()) << blob.status().message();
  EXPECT_EQ(blob->digest, Digest::Of("one two"));
  EXPECT_EQ(blob->size, 7u);
  EXPECT_FALSE(blob->reused);
  EXPECT_EQ(ReadAll(PathOf("one two")), "one two");
}

TEST_F(SessionTest, TakesUpBytesThatWerePlacedAheadWhenTheirTurnComes) {
  const auto session = Begin();
  auto writer = session->NewBlob({.digest = Digest::Of("one two three"), .size = 13});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->PlaceAhead(7, core::AsBytes(" thr")).ok());
  ASSERT_TRUE((*writer)->Append("one ").ok());
  ASSERT_TRUE((*writer)->PlaceAhead(11, core::AsBytes("ee")).ok());
  EXPECT_FALSE((*writer)->PlaceAhead(12, core::AsBytes("ee")).ok());  // beyond the end
  EXPECT_FALSE((*writer)->PlaceAhead(3, core::AsBytes("x")).ok());    // its turn has passed
  ASSERT_TRUE((*writer)->Append("two").ok());
  EXPECT_FALSE((*writer)->AppendPlaced(7).ok());  // so many were not placed
  ASSERT_TRUE((*writer)->AppendPlaced(6).ok());
  const auto blob = (*writer)->Commit();
  ASSERT_TRUE(blob.ok()) << blob.status().message();
  EXPECT_EQ(ReadAll(PathOf("one two three")), "one two three");
}

TEST_F(SessionTest, NothingIsThereBeforeCommit) {
  const auto session = Begin();
  {
    auto writer = session->NewBlob();
    ASSERT_TRUE((*writer)->Append("half").ok());
    EXPECT_THAT(FilesBelow(store_.layout().Blobs()), IsEmpty());
  }
  EXPECT_THAT(FilesBelow(store_.layout().Temp()), IsEmpty());  // given up, and gone
}

TEST_F(SessionTest, LeavesNothingOfItsOwnBehind) {
  Write("tiny");
  Write("tiny");  // all blobs reused
  EXPECT_THAT(Leftovers(), IsEmpty());
}

TEST_F(SessionTest, AGoodBlobIsReusedAndMadeToLookFresh) {
  const auto session = Begin();
  ASSERT_TRUE(session->PutBlob("content").ok());
  const auto path = PathOf("content");
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(48);
  std::filesystem::last_write_time(path, old);
  const auto inode = core::Env::Posix().Stat(path)->inode;
  const auto again = session->PutBlob("content");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->reused);
  EXPECT_EQ(core::Env::Posix().Stat(path)->inode, inode);
  EXPECT_GT(std::filesystem::last_write_time(path), old + std::chrono::hours(47));
}

TEST_F(SessionTest, ABlobIsNotBelievedForItsName) {
  const auto session = Begin();
  const std::string content = "the real content";
  for (const std::string& bad : {std::string("the real c"), std::string("the fake content"),
                                 std::string("the real content and more")}) {
    WriteAll(PathOf(content), bad);
    const auto blob = session->PutBlob(content);
    ASSERT_TRUE(blob.ok()) << blob.status().message();
    EXPECT_FALSE(blob->reused);
    EXPECT_EQ(ReadAll(PathOf(content)), content);
  }
  // What was there is kept: it may be somebody's only copy.
  EXPECT_THAT(FilesBelow(store_.layout().Quarantine()), SizeIs(3));
}

TEST_F(SessionTest, ADirectoryInABlobsPlaceIsSetAside) {
  const auto session = Begin();
  std::filesystem::create_directories(PathOf("content"));
  const auto blob = session->PutBlob("content");
  ASSERT_TRUE(blob.ok()) << blob.status().message();
  EXPECT_EQ(ReadAll(PathOf("content")), "content");
}

TEST_F(SessionTest, WhatWasNotExpectedIsNotStored) {
  const auto session = Begin();
  auto writer = session->NewBlob({.digest = Digest::Of("right"), .size = {}});
  ASSERT_TRUE((*writer)->Append("wrong").ok());
  EXPECT_EQ((*writer)->Commit().status().code(), Code::kCorrupt);

  auto too_long = session->NewBlob({.digest = {}, .size = 3});
  EXPECT_EQ((*too_long)->Append("four").code(), Code::kCorrupt);
  auto too_short = session->NewBlob({.digest = {}, .size = 3});
  ASSERT_TRUE((*too_short)->Append("ab").ok());
  EXPECT_THAT(std::string((*too_short)->Commit().status().message()),
              HasSubstr("expected 3 bytes, 2 bytes arrived"));
  auto right = session->NewBlob({.digest = Digest::Of("abc"), .size = 3});
  ASSERT_TRUE((*right)->Append("abc").ok());
  EXPECT_TRUE((*right)->Commit().ok());
  EXPECT_THAT(FilesBelow(store_.layout().Blobs()), SizeIs(1));
}

TEST_F(SessionTest, ReuseBelievesAsMuchAsItIsTold) {
  const auto session = Begin();
  ASSERT_TRUE(session->PutBlob("content").ok());
  const Digest digest = Digest::Of("content");
  EXPECT_TRUE(*session->Reuse(digest, 7, Trust::kSize));
  EXPECT_TRUE(*session->Reuse(digest, 7, Trust::kRehash));
  EXPECT_FALSE(*session->Reuse(digest, 8, Trust::kSize));
  WriteAll(PathOf("content"), "CONTENT");
  EXPECT_TRUE(*session->Reuse(digest, 7, Trust::kSize));
  EXPECT_FALSE(*session->Reuse(digest, 7, Trust::kRehash));
  EXPECT_FALSE(*session->Reuse(Digest::Of("absent"), 6, Trust::kSize));
}

TEST_F(SessionTest, AManifestNeedsItsBlobs) {
  const auto session = Begin();
  const auto config = session->PutBlob("{}");
  Manifest manifest{.config = {std::string(kConfigMediaType), config->digest, 2, "", ""},
                    .layers = {{std::string(kTensorMediaType), Digest::Of("x"), 1, "", "w"}}};
  const auto missing = session->Commit(NameOf("m"), manifest);
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("layer \"w\""));
  ASSERT_TRUE(session->PutBlob("x").ok());
  manifest.layers[0].size = 2;
  EXPECT_THAT(std::string(session->Commit(NameOf("m"), manifest).status().message()),
              HasSubstr("expected a file of 2 bytes, found 1"));
  EXPECT_FALSE(HasModel("m"));
  manifest.layers[0].size = 1;
  EXPECT_TRUE(session->Commit(NameOf("m"), manifest).ok());
  EXPECT_TRUE(HasModel("m"));
}

TEST_F(SessionTest, AManifestIsStoredByteForByte) {
  const auto session = Begin();
  const auto config = session->PutBlob("{}");
  const std::string bytes =
      "{ \"schemaVersion\": 2, \"config\": {\"mediaType\":\"a/b\", \"digest\":\"" +
      config->digest.ToString() + "\", \"size\": 2, \"annotations\": {}}, \"layers\": [] } ";
  ASSERT_TRUE(session->Commit(NameOf("m"), bytes).ok());
  EXPECT_EQ(ReadAll(store_.layout().ManifestOf(NameOf("m"))), bytes);
  EXPECT_FALSE(session->Commit(NameOf("m"), std::string("{}")).ok());
  EXPECT_EQ(store_.Read(NameOf("m"))->raw.id, Digest::Of(bytes));
}

TEST_F(SessionTest, ThreadsMayWriteTogether) {
  const auto session = Begin();
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        // Half of the blobs are the same in every thread.
        const std::string content =
            "blob " + std::to_string(i) + (i % 2 == 0 ? "" : " of " + std::to_string(t));
        if (!session->PutBlob(content).ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_THAT(FilesBelow(store_.layout().Blobs()), SizeIs(25 + 4 * 25));
  EXPECT_THAT(FilesBelow(store_.layout().Temp()), IsEmpty());
}

TEST_F(SessionTest, ClaimsCanBeReadEvenBehindATornLine) {
  const Digest a = Digest::Of("a"), b = Digest::Of("b");
  WriteAll(dir_ / "s", "\n" + a.FileName() + "\n\n" + b.FileName().substr(0, 20) + "\n" +
                           b.FileName() + "\n\nsha256-");
  const auto claims = ReadSessionClaims(core::Env::Posix(), dir_ / "s");
  ASSERT_TRUE(claims.ok());
  EXPECT_THAT(*claims, ::testing::ElementsAre(a, b));
}

TEST_F(SessionTest, AStoreThatMayNotBeWrittenSaysSo) {
  WriteAll(dir_ / "file", "");
  const Store store(core::Env::Posix(), clock_, dir_ / "file/models");
  const auto session = WriteSession::Begin(store);
  ASSERT_FALSE(session.ok());
  EXPECT_THAT(std::string(session.status().message()), HasSubstr("preparing the model store"));
}

}  // namespace
}  // namespace ingot::store
