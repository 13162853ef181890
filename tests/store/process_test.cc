// What several processes do to one store at the same time.
#include <string>

#include "store/gc.h"
#include "store/lease.h"
#include "store/locks.h"
#include "store/remove.h"
#include "store/verify.h"
#include "tests/store/store_fixture.h"
#include "tests/testing/child_process.h"

namespace ingot::store {
namespace {

using testing::ChildProcess;
using ::testing::IsEmpty;

class ProcessTest : public StoreTest {
 protected:
  std::unique_ptr<ChildProcess> Start(std::vector<std::string> args) {
    args.insert(args.begin(), {INGOT_STORE_ACTOR, store_.layout().root().string()});
    return std::make_unique<ChildProcess>(args);
  }
  bool Clean() {
    const auto sink = core::MakeNullSink();
    const auto report = VerifyStore(store_, {}, *sink);
    return report.ok() && report->Clean();
  }
};

TEST_F(ProcessTest, GcSparesWhatAnotherProcessIsWriting) {
  Write("other");
  const auto writer = Start({"write-slowly", "new", "7"});
  ASSERT_EQ(writer->ReadLine(), "ready");
  // No manifest names its blobs yet, and age is no protection.
  const auto report = CollectGarbage(store_, {.min_age_ns = 0});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->in_use.files, 2u);
  EXPECT_EQ(report->removed.size(), 0u);
  writer->WriteLine("go on");
  EXPECT_EQ(writer->Wait(), 0);
  EXPECT_TRUE(HasModel("new"));
  EXPECT_TRUE(Clean());
}

TEST_F(ProcessTest, GcCollectsWhatAKilledProcessWrote) {
  Write("other");
  const auto writer = Start({"write-slowly", "new", "7"});
  ASSERT_EQ(writer->ReadLine(), "ready");
  writer->Kill();
  EXPECT_EQ(writer->Wait(), -9);
  const auto report = CollectGarbage(store_, {.min_age_ns = 0});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->blobs.files, 2u);
  EXPECT_EQ(report->leftovers.files, 1u);  // its session
  EXPECT_THAT(FilesBelow(store_.layout().Sessions()), IsEmpty());
  EXPECT_TRUE(HasModel("other"));
  EXPECT_TRUE(Clean());
}

TEST_F(ProcessTest, RemovingSparesWhatAnotherProcessIsAboutToName) {
  // The model that goes and the model that comes share their blobs.
  const auto first = Start({"write-slowly", "old", "7"});
  ASSERT_EQ(first->ReadLine(), "ready");
  first->WriteLine("");
  ASSERT_EQ(first->Wait(), 0);
  const auto second = Start({"write-slowly", "new", "7"});
  ASSERT_EQ(second->ReadLine(), "ready");
  const auto report = RemoveModel(store_, NameOf("old"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->blobs_removed, 0u);
  EXPECT_GT(report->bytes_in_use, 0u);
  second->WriteLine("");
  EXPECT_EQ(second->Wait(), 0);
  EXPECT_FALSE(HasModel("old"));
  EXPECT_TRUE(Clean());
}

TEST_F(ProcessTest, AModelInUseKeepsItsBlobsThroughRemovalAndGc) {
  const StoredModel model = Write("tiny");
  const auto reader = Start({"lease", "tiny"});
  ASSERT_EQ(reader->ReadLine(), "ready");
  const auto removed = RemoveModel(store_, NameOf("tiny"));
  ASSERT_TRUE(removed.ok()) << removed.status().message();
  EXPECT_EQ(removed->blobs_removed, 0u);
  EXPECT_FALSE(HasModel("tiny"));
  ASSERT_TRUE(CollectGarbage(store_, {.min_age_ns = 0}).ok());
  model.manifest().ForEachBlob([&](const Layer& layer) { EXPECT_TRUE(HasBlob(layer)); });

  reader->WriteLine("done");
  EXPECT_EQ(reader->Wait(), 0);
  const auto report = CollectGarbage(store_, {.min_age_ns = 0});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->blobs.files, 6u);
  EXPECT_THAT(FilesBelow(store_.layout().Blobs()), IsEmpty());
  EXPECT_THAT(FilesBelow(store_.layout().Leases()), IsEmpty());
}

TEST_F(ProcessTest, ALeaseEndsWithItsProcess) {
  Write("tiny");
  const auto reader = Start({"lease", "tiny"});
  ASSERT_EQ(reader->ReadLine(), "ready");
  reader->Kill();
  reader->Wait();
  const auto removed = RemoveModel(store_, NameOf("tiny"));
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed->blobs_removed, 6u);
}

TEST_F(ProcessTest, TwoReadersShareALease) {
  Write("tiny");
  const auto first = Start({"lease", "tiny"});
  ASSERT_EQ(first->ReadLine(), "ready");
  const auto second = Start({"lease", "tiny"});
  ASSERT_EQ(second->ReadLine(), "ready");
  first->Kill();
  first->Wait();
  EXPECT_EQ(RemoveModel(store_, NameOf("tiny"))->blobs_removed, 0u);
  second->WriteLine("");
  EXPECT_EQ(second->Wait(), 0);
}

TEST_F(ProcessTest, OnlyOneBuildsAName) {
  const auto first = Start({"build", "me/tiny"});
  ASSERT_EQ(first->ReadLine(), "ready");
  const auto second = Start({"build", "ME/Tiny"});  // the same model
  EXPECT_EQ(second->ReadLine(), "busy");
  EXPECT_EQ(second->Wait(), 3);
  const auto other = Start({"build", "me/other"});
  EXPECT_EQ(other->ReadLine(), "ready");
  first->Kill();  // and the name is free again
  first->Wait();
  const auto third = Start({"build", "me/tiny"});
  EXPECT_EQ(third->ReadLine(), "ready");
}

TEST_F(ProcessTest, ManyProcessesLeaveASoundStore) {
  // Writers of the same and of different models, removals and collections, all at once.
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int round = 0; round < 4; ++round) {
    for (const std::string name : {"a", "b", "c"}) {
      children.push_back(Start({"write", name, std::to_string(round % 2), "8", "500"}));
    }
    children.push_back(Start({"gc"}));
    children.push_back(Start({"rm", "a"}));
    children.push_back(Start({"gc"}));
  }
  int failures = 0;
  for (const auto& child : children) {
    const std::string output = child->ReadLine();
    // Removing a model that is not there, or not there yet, is the only failure to expect.
    if (child->Wait() != 0 && output.find("not found") == std::string::npos) {
      ++failures;
      ADD_FAILURE() << output;
    }
  }
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(HasModel("b") && HasModel("c"));
  EXPECT_TRUE(Clean());
  ASSERT_TRUE(CollectGarbage(store_, {.min_age_ns = 0}).ok());
  EXPECT_TRUE(Clean());
  EXPECT_THAT(FilesBelow(store_.layout().Temp()), IsEmpty());
  EXPECT_THAT(FilesBelow(store_.layout().Sessions()), IsEmpty());
}

}  // namespace
}  // namespace ingot::store
