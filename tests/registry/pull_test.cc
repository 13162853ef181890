// Pulling from a registry that behaves, and over lines that do not.
#include "registry/pull.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <set>

#include "core/strings.h"
#include "store/session.h"
#include "tests/registry/registry_fixture.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::StrCat;
using ::testing::HasSubstr;
using testing::ServerConnection;
using testing::ServerRequest;

using BlobRequest = FakeRegistry::BlobRequest;
constexpr size_t kMega = size_t{1} << 20;

TEST_F(PullTest, FetchesEveryBlobOnceAndNothingTheSecondTime) {
  Offer({100, 5000, 3 * kMega, 0});
  const PullReport first = MustPull();
  EXPECT_EQ(first.blobs_fetched, 6u);
  EXPECT_EQ(first.bytes_fetched, registry_.total_size());
  EXPECT_EQ(registry_.body_bytes(), registry_.total_size());
  EXPECT_FALSE(first.unchanged);

  registry_.ResetCounts();
  const PullReport second = MustPull();
  EXPECT_TRUE(second.unchanged);
  EXPECT_EQ(second.blobs_present, 6u);
  EXPECT_EQ(registry_.blob_requests(), 0);
}

TEST_F(PullTest, SmallThingsComeFirst) {
  Offer({2 * kMega, 300, 70000});
  options_.streams = 1;
  std::vector<size_t> sizes;
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection&) {
    sizes.push_back(blob.content.size());
    return false;
  };
  MustPull();
  EXPECT_THAT(sizes, ::testing::ElementsAre(2, 49, 300, 70000, 2 * kMega));
}

TEST_F(PullTest, ALargeBlobComesInPartsOverSeveralConnections) {
  Offer({5 * kMega + 17});
  options_.range_bytes = kMega / 2;
  std::set<uint64_t> begins;
  std::mutex lock;
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection&) {
    const std::lock_guard<std::mutex> hold(lock);
    if (blob.ranged) begins.insert(blob.begin);
    return false;
  };
  const PullReport report = MustPull();
  EXPECT_EQ(begins.size(), 11u);
  EXPECT_GT(registry_.server().connections(), 2);
  EXPECT_EQ(report.bytes_fetched, registry_.total_size());
}

TEST_F(PullTest, BlobsOfOneDigestAreFetchedOnce) {
  offered_ = PutModel(source_, "me/m", {40000}, 1);
  store::Manifest manifest = offered_->manifest();
  manifest.layers.push_back(manifest.layers[0]);
  auto session = store::WriteSession::Begin(source_);
  offered_ = *(*session)->Commit(*store::ModelName::Parse("me/m"), manifest);
  registry_.Serve(source_, offered_->name);
  MustPull();
  EXPECT_EQ(registry_.blob_requests(), 3);
}

TEST_F(PullTest, GoesOnFromTheByteWhereTheLineWasCut) {
  Offer({700000, 2 * kMega, 90000});
  options_.range_bytes = kMega;
  std::mt19937 random(7);
  std::mutex lock;
  std::atomic<int> cuts = 0;
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection& connection) {
    uint64_t most = 0;
    {
      const std::lock_guard<std::mutex> hold(lock);
      most = 1 + random() % 150000;
    }
    cuts += most < blob.end - blob.begin ? 1 : 0;
    registry_.SendBlob(blob, connection, most);
    return true;
  };
  const PullReport report = MustPull();
  EXPECT_GT(cuts.load(), 15);
  // Not one byte was sent twice.
  EXPECT_EQ(report.bytes_fetched, registry_.total_size());
  EXPECT_EQ(registry_.body_bytes(), registry_.total_size());
}

TEST_F(PullTest, ConnectionsThatEndBeforeTheyAnswerAreTriedAgain) {
  Offer({90000});
  std::atomic<int> dropped = 0;
  registry_.before = [&](const ServerRequest&, ServerConnection& connection) {
    if (dropped++ % 3 == 2) return false;
    connection.Drop();
    return true;
  };
  MustPull();
}

TEST_F(PullTest, ASilentConnectionIsLeftAndItsBytesAreKept) {
  Offer({600000});
  options_.http.stall_timeout_ns = 300'000'000;
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.content.size() != 600000 || blob.begin > 0) return false;
    registry_.SendBlob(blob, connection, 100000);
    connection.Hang();
    return true;
  };
  const PullReport report = MustPull();
  EXPECT_EQ(registry_.body_bytes(), registry_.total_size());
  EXPECT_EQ(report.bytes_fetched, registry_.total_size());
}

TEST_F(PullTest, AnEndlessSilenceIsAnErrorAndNoHang) {
  Offer({600});
  options_.http.stall_timeout_ns = 200'000'000;
  options_.retry.contact_attempts = 2;
  registry_.before = [](const ServerRequest&, ServerConnection& connection) {
    connection.Hang();
    connection.Drop();
    return true;
  };
  const core::Status status = MustFail();
  EXPECT_THAT(std::string(status.message()), HasSubstr("nothing came for"));
}

TEST_F(PullTest, AStormOfServerErrorsIsSatOut) {
  Offer({90000, 800});
  std::atomic<int> errors = 0;
  registry_.before = [&](const ServerRequest&, ServerConnection& connection) {
    if (errors++ % 3 == 2) return false;
    connection.Answer(503, {}, "busy");
    return true;
  };
  MustPull();
  EXPECT_GE(waiter_.waits().size(), 6u);
}

TEST_F(PullTest, WaitsGrowToMinutesAndThenItIsGivenUp) {
  Offer({90000});
  options_.streams = 1;
  registry_.on_blob = [](const BlobRequest&, ServerConnection& connection) {
    connection.Answer(500, {}, "no");
    return true;
  };
  const core::Status status = MustFail();
  EXPECT_THAT(std::string(status.message()), HasSubstr("answers 500"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("given up after 10 attempts"));
  EXPECT_THAT(std::string(status.hint()), HasSubstr("goes on from"));
  const std::vector<int64_t> waits = waiter_.waits();
  ASSERT_EQ(waits.size(), 9u);
  int64_t longest = options_.retry.first_ns;
  for (const int64_t wait : waits) {
    EXPECT_LE(wait, longest);
    EXPECT_GE(wait, longest / 2);
    longest = std::min(longest * 2, options_.retry.longest_ns);
  }
  EXPECT_GE(waits.back(), int64_t{60} * 1'000'000'000);
}

TEST_F(PullTest, WaitsAsLongAsTheServerAsks) {
  Offer({90000});
  options_.streams = 1;
  registry_.on_blob = [](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.number != 1) return false;
    connection.Answer(429, {{"Retry-After", "37"}}, "");
    return true;
  };
  MustPull();
  EXPECT_THAT(waiter_.waits(), ::testing::ElementsAre(int64_t{37} * 1'000'000'000));
}

TEST_F(PullTest, DoesNotWaitForHours) {
  Offer({90000});
  registry_.on_blob = [](const BlobRequest&, ServerConnection& connection) {
    connection.Answer(429, {{"Retry-After", "86400"}}, "");
    return true;
  };
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("answers 429"));
  EXPECT_THAT(waiter_.waits(), ::testing::IsEmpty());
}

TEST_F(PullTest, PartsThatWereNotAskedForAreRefused) {
  Offer({3 * kMega});
  options_.range_bytes = kMega;
  std::atomic<int> wrong = 0;
  const auto lie = [&](const BlobRequest& blob, ServerConnection& connection) {
    ++wrong;
    const uint64_t begin = blob.begin == 0 ? kMega : 0;
    connection.Begin(206,
                     {{"Content-Range",
                       StrCat("bytes ", begin, "-", begin + kMega - 1, "/", blob.content.size())}},
                     kMega);
    connection.Write(blob.content.substr(begin, kMega));
    return true;
  };
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection& connection) {
    return blob.ranged && wrong == 0 && lie(blob, connection);
  };
  MustPull();
  EXPECT_GT(wrong.load(), 0);

  std::filesystem::remove_all(store_.layout().root());
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection& connection) {
    return blob.ranged && lie(blob, connection);
  };
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("were asked for"));
}

TEST_F(PullTest, WrongBytesAreFetchedOnceMoreAndNeverKept) {
  Offer({250000});
  std::atomic<int> wrong = 0;
  int limit = 1;
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.content.size() != 250000 || wrong >= limit) return false;
    ++wrong;
    std::string body(blob.content);
    body[123456] ^= 1;
    connection.Answer(200, {}, body);
    return true;
  };
  MustPull();
  EXPECT_EQ(wrong.load(), 1);

  std::filesystem::remove_all(store_.layout().root());
  wrong = 0;
  limit = 100;
  const core::Status status = MustFail();
  EXPECT_EQ(status.code(), Code::kCorrupt);
  EXPECT_THAT(std::string(status.message()), HasSubstr("for the second time"));
  EXPECT_EQ(wrong.load(), 2);
}

TEST_F(PullTest, ABlobOfAnotherLengthIsRefused) {
  Offer({250000});
  registry_.on_blob = [](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.content.size() != 250000) return false;
    connection.Answer(200, {}, std::string(blob.content) + "x");
    return true;
  };
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("the manifest says 250000 bytes"));
}

TEST_F(PullTest, ARegistryThatKnowsNoPartsSendsTheWholeOnce) {
  Offer({3 * kMega, 400000});
  options_.range_bytes = kMega / 2;
  std::atomic<int> whole = 0;
  registry_.on_blob = [&](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.ranged) {
      // Only the beginning of an answer nobody reads: the peer leaves.
      connection.Begin(200, {}, blob.content.size());
      connection.Drop();
      return true;
    }
    whole += blob.content.size() == 3 * kMega ? 1 : 0;
    return false;
  };
  const PullReport report = MustPull();
  EXPECT_EQ(whole.load(), 1);
  EXPECT_EQ(report.bytes_fetched, registry_.total_size());
  EXPECT_EQ(registry_.body_bytes(), registry_.total_size());
}

TEST_F(PullTest, WhatDoesNotExistIsNotAskedForAgain) {
  Offer({90000});
  registry_.on_blob = [](const BlobRequest& blob, ServerConnection& connection) {
    if (blob.content.size() != 90000) return false;
    connection.Answer(404, {}, "");
    return true;
  };
  EXPECT_EQ(MustFail().code(), Code::kNotFound);
  EXPECT_LE(registry_.blob_requests(), 3);
  EXPECT_THAT(waiter_.waits(), ::testing::IsEmpty());

  const auto unknown = PullIt(registry_.Name("me/nothing"));
  EXPECT_EQ(unknown.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("no such thing"));
  EXPECT_THAT(std::string(unknown.status().hint()), HasSubstr("MODEL:TAG"));
}

TEST_F(PullTest, AManifestThatIsNotWhatTheRegistryStatesIsRefused) {
  Offer({90000});
  registry_.before = [this](const ServerRequest& request, ServerConnection& connection) {
    if (request.target.find("/manifests/") == std::string::npos) return false;
    connection.Answer(200, {{"Docker-Content-Digest", "sha256:" + std::string(64, 'a')}},
                      offered_->raw.bytes);
    return true;
  };
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("the registry states"));
}

TEST_F(PullTest, HostileManifestsAreRefused) {
  Offer({10});
  // The server may still be sending an answer when the next pull begins.
  static const std::array<std::string, 5> kTexts = {
      "{}", "", "<html>",
      R"({"schemaVersion":2,"config":{"mediaType":"x","digest":"../../etc","size":1}})",
      R"({"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:ab","size":1}})"};
  const auto next = std::make_shared<std::atomic<size_t>>(0);
  registry_.before = [next](const ServerRequest& request, ServerConnection& connection) {
    if (request.target.find("/manifests/") == std::string::npos) return false;
    connection.Answer(200, {}, kTexts[next->load()]);
    return true;
  };
  for (const std::string& text : kTexts) {
    EXPECT_EQ(MustFail().code(), Code::kCorrupt) << text;
    if (next->load() + 1 < kTexts.size()) next->fetch_add(1);
  }
}

TEST_F(PullTest, EncodedAnswersAreRefused) {
  Offer({10});
  registry_.before = [](const ServerRequest& request, ServerConnection& connection) {
    EXPECT_EQ(request.Header("accept-encoding"), "identity");
    connection.Answer(200, {{"Content-Encoding", "gzip"}}, "\x1f\x8b");
    return true;
  };
  EXPECT_THAT(std::string(MustFail().message()), HasSubstr("encoded as \"gzip\""));
}

TEST_F(PullTest, ConfigsOfTheWrongHostAreUsageErrors) {
  const auto plain = [&] {
    PullOptions options = options_;
    options.insecure = false;
    const auto sink = core::MakeNullSink();
    return Pull(store_, *store::ModelName::Parse("http://127.0.0.1:1/me/m"), options, *sink);
  }();
  EXPECT_EQ(plain.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(plain.status().hint()), HasSubstr("--insecure"));
}

TEST_F(PullTest, TellsOfEachLayerAndOfTheWhole) {
  Offer({90000, 4000});
  class Observer : public PullObserver {
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
  ASSERT_TRUE(
      Pull(store_, *store::ModelName::Parse(registry_.Name()), options_, *sink, &observer).ok());
  EXPECT_EQ(observer.finished["part-0"], 90000u);
  EXPECT_EQ(observer.finished.size(), 4u);
  EXPECT_EQ(done, registry_.total_size());
  EXPECT_EQ(total, registry_.total_size());
}

}  // namespace
}  // namespace ingot::registry
