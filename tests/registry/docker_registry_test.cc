// Pulling from, and pushing to, a real registry: Debian's docker-registry on loopback, which wants
// tokens that an authorization server of the test signs.
#include "tests/registry/docker_registry.h"

#include "core/strings.h"
#include "registry/push.h"
#include "store/session.h"
#include "tests/registry/registry_fixture.h"

namespace ingot::registry {
namespace {

using core::StrCat;

constexpr size_t kMega = size_t{1} << 20;

class DockerRegistryTest : public PullTest {
 protected:
  PushOptions MakePushOptions() {
    PushOptions push;
    push.insecure = true;
    push.waiter = &waiter_;
    push.environment = options_.environment;
    push.part_bytes = kMega;
    return push;
  }
  // A model of the source store under a name at the registry.
  store::ModelName Name(const std::string& rest) const {
    return *store::ModelName::Parse(docker_.Host() + "/" + rest);
  }
  void LogIn() { environment_["NETRC"] = docker_.netrc(); }

  testing::DockerRegistry docker_{dir_ / "docker"};
};

TEST_F(DockerRegistryTest, WhatItHasIsPulledWithATokenAndNotWithout) {
  Offer({3 * kMega, 70000, 900});
  docker_.Lay(source_, *offered_);
  const std::string name = docker_.Host() + "/me/m";
  EXPECT_EQ(PullIt(name).status().code(), core::Code::kPermission);
  LogIn();
  docker_.grants = false;
  EXPECT_EQ(PullIt(name).status().code(), core::Code::kPermission);
  docker_.grants = true;
  options_.range_bytes = kMega;
  const auto report = PullIt(name);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->model.raw.bytes, offered_->raw.bytes);
  EXPECT_EQ(report->bytes_fetched, registry_.total_size());
  EXPECT_EQ(Damage(), "");
  EXPECT_EQ(docker_.tokens(), 2);
  EXPECT_EQ(PullIt(name + ":other").status().code(), core::Code::kNotFound);
}

TEST_F(DockerRegistryTest, WhatIsPushedIsPulledElsewhereByteForByte) {
  const store::ModelName name = Name("me/m:v1");
  const store::StoredModel model =
      PutModel(source_, name.Full(), {3 * kMega + 11, 2 * kMega, 70000, 900, 0}, 7);
  const auto sink = core::MakeNullSink();
  const PushOptions push = MakePushOptions();
  EXPECT_EQ(Push(source_, name, push, *sink).status().code(), core::Code::kPermission);
  LogIn();
  const auto first = Push(source_, name, push, *sink);
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ(first->bytes_sent, model.manifest().TotalSize());
  EXPECT_EQ(first->blobs_sent, 7u);
  const auto second = Push(source_, name, push, *sink);
  ASSERT_TRUE(second.ok()) << second.status().message();
  EXPECT_EQ(second->bytes_sent, 0u);
  EXPECT_EQ(second->blobs_present, 7u);

  const auto pulled = PullIt(docker_.Host() + "/me/m:v1");
  ASSERT_TRUE(pulled.ok()) << pulled.status().message();
  EXPECT_EQ(pulled->model.raw.id, model.raw.id);
  EXPECT_EQ(pulled->model.raw.bytes, model.raw.bytes);
  EXPECT_EQ(pulled->bytes_fetched, model.manifest().TotalSize());
  EXPECT_EQ(Damage(), "");
  model.manifest().ForEachBlob([&](const store::Layer& layer) {
    EXPECT_EQ(*store_.ReadBlob(layer, UINT64_MAX), *source_.ReadBlob(layer, UINT64_MAX));
  });
}

TEST_F(DockerRegistryTest, BlobsAreTakenOverFromAnotherRepository) {
  LogIn();
  const auto sink = core::MakeNullSink();
  const store::StoredModel model = PutModel(source_, Name("me/m").Full(), {2 * kMega, 900}, 7);
  ASSERT_TRUE(Push(source_, Name("me/m"), MakePushOptions(), *sink).ok());
  auto session = *store::WriteSession::Begin(source_);
  ASSERT_TRUE(session->Commit(Name("me/copy"), model.raw.bytes).ok());
  const auto report = Push(source_, Name("me/copy"), MakePushOptions(), *sink);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->blobs_mounted, 4u);
  EXPECT_EQ(report->bytes_sent, 0u);
  const auto pulled = PullIt(docker_.Host() + "/me/copy");
  ASSERT_TRUE(pulled.ok()) << pulled.status().message();
  EXPECT_EQ(pulled->model.raw.id, model.raw.id);
}

}  // namespace
}  // namespace ingot::registry
