// Pushing to a registry that behaves, and over lines that do not.
#include "registry/push.h"

#include <random>

#include "core/strings.h"
#include "registry/hash_trail.h"
#include "registry/upload_protocol.h"
#include "tests/registry/push_fixture.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::StrCat;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ServerConnection;
using testing::ServerRequest;

constexpr size_t kMega = size_t{1} << 20;

TEST_F(PushTest, SendsEveryBlobOnceAndNothingTheSecondTime) {
  Make({100, 5000, 3 * kMega, 0});
  const PushReport first = MustPush();
  EXPECT_EQ(first.blobs_sent, 6u);
  EXPECT_EQ(first.bytes_sent, total_);
  EXPECT_EQ(registry_.body_bytes(), total_);
  EXPECT_EQ(registry_.open_uploads(), 0u);
  const auto log = registry_.log();
  EXPECT_THAT(log.back().target, HasSubstr("/manifests/latest"));
  EXPECT_EQ(log.back().method, "PUT");

  registry_.Forget();
  const PushReport second = MustPush();
  EXPECT_EQ(second.blobs_present, 6u);
  EXPECT_EQ(second.bytes_present, total_);
  EXPECT_EQ(registry_.requests("POST"), 0);
  EXPECT_EQ(registry_.body_bytes(), 0u);
}

TEST_F(PushTest, SmallBlobsGoInOneRequestAndLargeOnesInParts) {
  Make({300, 2 * kMega + 5});
  options_.part_bytes = kMega;
  MustPush();
  EXPECT_EQ(registry_.requests("PATCH"), 3);
  EXPECT_EQ(registry_.requests("POST"), 4);
  EXPECT_EQ(registry_.requests("PUT"), 5);  // one a blob, and the manifest
}

TEST_F(PushTest, ADamagedBlobIsNeverFinishedThereAndEndsThePush) {
  for (const uint64_t part : {4 * kMega, kMega / 2}) {
    Make({2 * kMega, 700}, part);
    options_.part_bytes = part;
    options_.streams = 1;
    const store::Layer layer = model_->manifest().layers[0];
    {
      const auto file = core::Env::Posix().OpenWrite(store_.layout().Blob(layer.digest));
      ASSERT_TRUE((*file)->WriteAt(1'300'000, core::AsBytes("damage")).ok());
    }
    const core::Status status = MustFail();
    EXPECT_EQ(status.code(), Code::kCorrupt);
    EXPECT_THAT(std::string(status.message()), HasSubstr("damaged"));
    EXPECT_THAT(std::string(status.hint()), HasSubstr("ingot repair"));
    EXPECT_FALSE(registry_.Has("me/m", layer.digest.ToString()));
    EXPECT_EQ(registry_.open_uploads(), 0u);  // and it was told to forget what it got
    EXPECT_EQ(FilesIn(store::UploadsOf(store_.layout())), 0u);
  }
}

TEST_F(PushTest, ABlobThatIsNotHereEndsItBeforeAnybodyIsAsked) {
  Make({2 * kMega, 700});
  std::filesystem::remove(store_.layout().Blob(model_->manifest().layers[1].digest));
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("part-1"));
  EXPECT_THAT(registry_.log(), IsEmpty());
}

TEST_F(PushTest, BlobsOfOtherRepositoriesThereAreTakenOver) {
  Make({90000, 4000});
  const store::Layer shared = model_->manifest().layers[0];
  registry_.Put("me/other", *store_.ReadBlob(shared, kMega));
  // The store knows of a model there that has it.
  auto session = *store::WriteSession::Begin(store_);
  ASSERT_TRUE(session->Commit(Named("me/other"), model_->raw.bytes).ok());
  const PushReport report = MustPush();
  EXPECT_EQ(report.blobs_mounted, 1u);
  EXPECT_EQ(report.bytes_sent, total_ - shared.size);
  EXPECT_EQ(registry_.body_bytes(), total_ - shared.size);
}

TEST_F(PushTest, WhereTakingOverIsForbiddenTheBlobIsSent) {
  Make({90000});
  auto session = *store::WriteSession::Begin(store_);
  ASSERT_TRUE(session->Commit(Named("me/other"), model_->raw.bytes).ok());
  registry_.before = [](const ServerRequest& request, ServerConnection& connection) {
    if (request.target.find("mount=") == std::string::npos) return false;
    connection.Answer(403, {}, "");
    return true;
  };
  EXPECT_EQ(MustPush().bytes_sent, total_);
}

TEST_F(PushTest, ARegistryThatWantsNoDigestAtTheBeginningGetsNone) {
  Make({90000, 800, 900});
  options_.streams = 1;
  registry_.refuses_digest = true;
  MustPush();
  EXPECT_EQ(registry_.requests("POST"), 6);  // refused once, then known
}

TEST_F(PushTest, GoesOnFromWhatTheRegistryHasWhenTheLineIsCut) {
  Make({700000, 2 * kMega, 90000});
  options_.part_bytes = kMega / 2;
  std::mt19937 random(7);
  std::mutex lock;
  std::atomic<int> cuts = 0;
  registry_.most = [&](const ServerRequest& request) {
    const std::lock_guard<std::mutex> hold(lock);
    const uint64_t most = 1 + random() % 250000;
    cuts += most < *core::ParseUint(request.Header("content-length")) ? 1 : 0;
    return most;
  };
  MustPush();
  EXPECT_GT(cuts.load(), 10);
  EXPECT_EQ(registry_.body_bytes(), total_);  // not one byte was taken twice
}

TEST_F(PushTest, ARegistryThatForgetsACutUploadGetsItAnew) {
  Make({2 * kMega});
  options_.part_bytes = kMega;
  registry_.forgets_parts = true;
  std::atomic<int> cuts = 0;
  registry_.most = [&](const ServerRequest& request) {
    return request.Header("content-length") == "1048576" && cuts++ == 1 ? 5000 : UINT64_MAX;
  };
  MustPush();
  EXPECT_EQ(registry_.body_bytes(), total_ + kMega + 5000);
}

TEST_F(PushTest, ARegistryThatTakesHalfOfAPartGetsTheRest) {
  Make({kMega + 1});
  options_.part_bytes = kMega / 2;
  registry_.keeps_half = true;
  MustPush();
}

TEST_F(PushTest, AnUploadWithBytesOfAnotherRequestIsGivenUpAndBegunAnew) {
  Make({3 * kMega});
  options_.part_bytes = kMega;
  registry_.doubles_a_part = true;
  MustPush();
  EXPECT_EQ(registry_.open_uploads(), 0u);
  EXPECT_EQ(registry_.body_bytes(), total_ + kMega);
}

TEST_F(PushTest, TheNextPushGoesOnWithUploadsOfTheLast) {
  Make({3 * kMega});
  options_.part_bytes = kMega;
  options_.retry.attempts = 1;
  registry_.most = [&](const ServerRequest& request) {
    return request.Header("content-range").starts_with("2097152-") ? 400000 : UINT64_MAX;
  };
  EXPECT_EQ(MustFail().code(), Code::kIo);
  EXPECT_EQ(FilesIn(store::UploadsOf(store_.layout())), 1u);
  registry_.most = nullptr;
  const PushReport report = MustPush();
  EXPECT_EQ(report.bytes_resumed, 2 * kMega + 400000);
  EXPECT_EQ(registry_.body_bytes(), total_);
  EXPECT_EQ(report.bytes_sent + report.bytes_resumed + report.bytes_present, total_);
  EXPECT_EQ(FilesIn(store::UploadsOf(store_.layout())), 0u);
}

TEST_F(PushTest, AJournalOfNonsenseIsNotBelieved) {
  Make({3 * kMega});
  options_.part_bytes = kMega;
  options_.retry.attempts = 1;
  registry_.most = [&](const ServerRequest& request) {
    return request.Header("content-range").starts_with("1048576-") ? 1 : UINT64_MAX;
  };
  EXPECT_EQ(MustFail().code(), Code::kIo);
  registry_.most = nullptr;
  options_.retry.attempts = 10;
  std::string header;
  for (const char* address : {"", "nonsense", "http://127.0.0.1:1/v2/me/m/blobs/uploads/u1",
                              "http://%/v2/me/m/blobs/uploads/gone", "gopher://x/"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(store::UploadsOf(store_.layout()))) {
      const std::string text = *core::ReadSmallFile(env_, entry.path(), 10000);
      header = text.substr(0, text.find('\n') + 1);
      std::string line = address;
      if (const size_t at = line.find('%'); at != std::string::npos) {
        line.replace(at, 1, registry_.Host());
      }
      ASSERT_TRUE(core::WriteFileAtomic(env_, entry.path(), StrCat(header, line, "\n")).ok());
    }
    if (std::string_view(address).find(":1/") != std::string_view::npos) {
      // Nobody is there: an error of that address, and no success.
      EXPECT_EQ(MustFail().code(), Code::kIo);
      continue;
    }
    EXPECT_EQ(MustPush().bytes_resumed, 0u) << address;
    registry_.Clear();
    std::filesystem::create_directories(store::UploadsOf(store_.layout()));
    const core::Path file =
        store::UploadsOf(store_.layout()) /
        StrCat(model_->manifest().layers[0].digest.Hex(), "-",
               store::Digest::Of(StrCat("http://", registry_.Host(), "/me/m")).Hex().substr(0, 16));
    ASSERT_TRUE(core::WriteFileAtomic(env_, file, header + "x\n").ok());
  }
}

TEST_F(PushTest, AStormOfServerErrorsIsSatOut) {
  Make({90000, 800, 2 * kMega});
  options_.part_bytes = kMega;
  std::mutex lock;
  std::map<std::string, int> errors;
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    const std::lock_guard<std::mutex> hold(lock);
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (++errors[request.method + path] > 2) return false;
    connection.Answer(503, {}, "");
    return true;
  };
  MustPush();
  EXPECT_GE(waiter_.waits().size(), 12u);
}

TEST_F(PushTest, WaitsAsLongAsTheServerAsks) {
  Make({90000});
  options_.streams = 1;
  std::atomic<int> posts = 0;
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.method != "POST" || posts++ > 0) return false;
    connection.Answer(429, {{"Retry-After", "37"}}, "");
    return true;
  };
  MustPush();
  EXPECT_THAT(waiter_.waits(), ElementsAre(int64_t{37} * 1'000'000'000));
}

TEST_F(PushTest, ASilentRegistryIsLeft) {
  Make({600000});
  options_.http.stall_timeout_ns = 150'000'000;
  std::atomic<int> hung = 0;
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.method != "PUT" || hung++ > 0) return false;
    connection.ReadBody(100000);
    connection.Hang();
    connection.Drop();
    return true;
  };
  MustPush();
  EXPECT_GE(hung.load(), 2);
}

TEST_F(PushTest, ARefusalIsNotTriedAgain) {
  Make({90000, 700});
  options_.streams = 1;
  registry_.before = [](const ServerRequest& request, ServerConnection& connection) {
    if (request.method != "POST") return false;
    connection.Answer(403, {}, R"({"errors":[{"code":"DENIED","message":"not yours"}]})");
    return true;
  };
  const core::Status status = MustFail();
  EXPECT_EQ(status.code(), Code::kPermission);
  EXPECT_THAT(std::string(status.message()), HasSubstr("not yours"));
  EXPECT_THAT(std::string(status.hint()), HasSubstr("may need a login"));
  EXPECT_EQ(registry_.requests("POST"), 1);
  EXPECT_THAT(waiter_.waits(), IsEmpty());
}

TEST_F(PushTest, TokensThatExpireOnTheWayAreRenewed) {
  Make({90000, 700, 2 * kMega});
  options_.part_bytes = kMega / 2;
  options_.streams =
      1;  // a new token must not be used up before the one who asked for it has had it
  std::mutex lock;
  int tokens = 0, uses = 0;
  testing::TestServer auth([&](const ServerRequest&, ServerConnection& connection) {
    const std::lock_guard<std::mutex> hold(lock);
    uses = 0;
    connection.Answer(200, {}, StrCat(R"({"token":"t)", ++tokens, R"("})"));
  });
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    const std::lock_guard<std::mutex> hold(lock);
    if (request.Header("authorization") == StrCat("Bearer t", tokens) && uses++ < 6) return false;
    connection.Answer(
        401, {{"WWW-Authenticate", StrCat("Bearer realm=\"http://", auth.Host(), "/\"")}}, "");
    return true;
  };
  MustPush();
  EXPECT_GT(tokens, 2);
}

TEST_F(PushTest, BytesThatArriveAsOthersAreSentOnceMore) {
  Make({90000});
  int wrong = 0;
  registry_.before = [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.method != "PUT" || request.target.find("/manifests/") != std::string::npos) {
      return false;
    }
    if (wrong++ > 0) return false;
    connection.ReadBody();
    connection.Answer(400, {}, R"({"errors":[{"code":"DIGEST_INVALID","message":"others"}]})");
    return true;
  };
  MustPush();
  EXPECT_GT(wrong, 1);
}

TEST_F(PushTest, AManifestTakenForAnotherIsNoSuccess) {
  Make({900});
  options_.retry.attempts = 3;
  registry_.before = [](const ServerRequest& request, ServerConnection& connection) {
    if (request.target.find("/manifests/") == std::string::npos) return false;
    connection.ReadBody();
    connection.Answer(201, {{"Docker-Content-Digest", "sha256:" + std::string(64, 'a')}}, "");
    return true;
  };
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("says that it is sha256:aaaa"));
}

TEST_F(PushTest, AnUploadIsNotFollowedToAPlainOrPrivatePlace) {
  Make({900});
  registry_.before = [](const ServerRequest& request, ServerConnection& connection) {
    if (request.method != "POST") return false;
    connection.Answer(202, {{"Location", "gopher://127.0.0.1/u"}}, "");
    return true;
  };
  EXPECT_EQ(MustFail().code(), Code::kInvalidArgument);
}

TEST_F(PushTest, TellsOfEachLayerAndOfTheWhole) {
  Make({90000, 4000});
  class Observer : public LayerObserver {
   public:
    void OnLayer(const LayerEvent& event) override {
      if (event.finished) finished[event.layer.name] = event.done;
    }
    std::map<std::string, uint64_t> finished;
  };
  Observer observer;
  uint64_t done = 0, total = 0;
  const auto sink = core::MakeFunctionSink([&](const core::ProgressEvent& event) {
    done = event.done;
    total = event.total;
  });
  ASSERT_TRUE(Push(store_, model_->name, options_, *sink, &observer).ok());
  EXPECT_EQ(observer.finished["part-0"], 90000u);
  EXPECT_EQ(observer.finished.size(), 4u);
  EXPECT_EQ(done, total_);
  EXPECT_EQ(total, total_);
}

TEST(HashTrailTest, GivesTheSameHashHoweverOftenItGoesBack) {
  const testing::TempDir dir(testing::TempPlace::kMemory);
  const std::string content = RandomBytes(5 * kMega, 3);
  core::Env& env = core::Env::Posix();
  ASSERT_TRUE(core::WriteFileAtomic(env, dir / "f", content).ok());
  const auto file = *env.OpenRead(dir / "f");
  HashTrail trail(kMega);
  std::mt19937 random(5);
  for (int i = 0; i < 8; ++i) {
    const uint64_t offset = random() % content.size();
    ASSERT_TRUE(trail.MoveTo(*file, offset).ok());
    EXPECT_EQ(trail.Value(), core::Sha256::Of(core::AsBytes(content).first(offset)));
  }
  ASSERT_TRUE(trail.MoveTo(*file, content.size()).ok());
  EXPECT_EQ(trail.Value(), core::Sha256::Of(core::AsBytes(content)));
  EXPECT_FALSE(trail.MoveTo(*file, content.size() + 1).ok());
}

TEST(UploadRangeTest, ReadsWhatRegistriesWrite) {
  EXPECT_EQ(ParseUploadRange("0-99"), 100u);
  EXPECT_EQ(ParseUploadRange("bytes=0-99"), 100u);
  EXPECT_EQ(ParseUploadRange("0-0"), 0u);
  for (const char* text : {"", "-", "5-9", "0-", "0-x", "99", "0-99999999999999999999"}) {
    EXPECT_EQ(ParseUploadRange(text), std::nullopt) << text;
  }
}

// Ollama's registry names the storage's own address: for the whole, or part by part.
class DirectPushTest : public PushTest {
 protected:
  DirectPushTest() : PushTest(UploadRegistry::Kind::kDirect) {}
};
TEST_F(DirectPushTest, TheWholeGoesToTheStorageWithItsHeadersAndWithoutAToken) {
  Make({2 * kMega, 90000});
  environment_["INGOT_REGISTRY_TOKEN"] = "secret";
  options_.part_bytes = kMega;
  MustPush();
  EXPECT_EQ(registry_.requests("PATCH"), 0);
  int stored = 0;
  for (const ServerRequest& request : registry_.log()) {
    if (!request.target.starts_with("/blob/")) continue;
    ++stored;
    EXPECT_THAT(request.target, HasSubstr("?signature=a%2Fb"));
    EXPECT_EQ(request.Header("content-type"), "application/x-weights");
    EXPECT_EQ(request.Header("x-amz-acl"), "private");
    EXPECT_THAT(request.Header("host"), HasSubstr("127.0.0.1:"));
  }
  EXPECT_EQ(stored, 4);
}

TEST_F(DirectPushTest, WhenTheLineToTheStorageIsCutAnotherAddressIsAskedFor) {
  Make({2 * kMega});
  std::atomic<int> cuts = 0;
  registry_.most = [&](const ServerRequest& request) {
    const bool cut = request.target.starts_with("/blob/") && cuts++ < 2;
    return cut ? 1 : UINT64_MAX;
  };
  MustPush();
}

class RedirectPushTest : public PushTest {
 protected:
  RedirectPushTest() : PushTest(UploadRegistry::Kind::kRedirects) {}
};
TEST_F(RedirectPushTest, PartsGoWhereTheyAreRedirectedAndTheirSumsTell) {
  Make({3 * kMega + 1, 90000});
  options_.storage_part_bytes = kMega;
  environment_["INGOT_REGISTRY_TOKEN"] = "secret";
  MustPush();
  int stored = 0;
  for (const ServerRequest& request : registry_.log()) {
    stored += request.target.starts_with("/part/") ? 1 : 0;
  }
  EXPECT_EQ(stored, 7);  // four of the large one, three small ones
}

}  // namespace
}  // namespace ingot::registry
