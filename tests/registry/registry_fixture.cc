#include "tests/registry/registry_fixture.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "core/strings.h"
#include "registry/extents.h"
#include "store/session.h"
#include "store/verify.h"

namespace ingot::registry {

using core::Status;
using core::StrCat;

Status FakeWaiter::Sleep(int64_t ns, const std::atomic<bool>* stop) {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    waits_.push_back(ns);
  }
  if (stop != nullptr && stop->load()) return core::Cancelled("given up");
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return Status::Ok();
}

std::vector<int64_t> FakeWaiter::waits() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return waits_;
}

std::string RandomBytes(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; i += 8) {
    const uint64_t word = random();
    std::memcpy(bytes.data() + i, &word, std::min<size_t>(8, size - i));
  }
  return bytes;
}

store::StoredModel PutModel(const store::Store& store, std::string_view name,
                            const std::vector<size_t>& sizes, uint64_t seed) {
  auto session = store::WriteSession::Begin(store);
  EXPECT_TRUE(session.ok());
  const auto put = [&](std::string_view media_type, std::string layer_name,
                       std::string_view content) {
    auto blob = (*session)->PutBlob(content);
    EXPECT_TRUE(blob.ok()) << blob.status().message();
    return store::Layer{std::string(media_type), blob->digest, blob->size, "",
                        std::move(layer_name)};
  };
  store::Manifest manifest{.config = put(store::kConfigMediaType, "",
                                         R"({"model_format":"gguf","architecture":"","os":""})"),
                           .layers = {}};
  for (size_t i = 0; i < sizes.size(); ++i) {
    manifest.layers.push_back(put(store::kGgufModelMediaType, StrCat("part-", i),
                                  RandomBytes(sizes[i], seed * 1000 + i)));
  }
  manifest.layers.push_back(put(store::kJsonMediaType, "config.json", "{}"));
  auto model = (*session)->Commit(*store::ModelName::Parse(name), manifest);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return *std::move(model);
}

FakeRegistry::FakeRegistry(const testing::TestServer::Certificate* certificate)
    : server_(std::make_unique<testing::TestServer>(
          [this](const testing::ServerRequest& request, testing::ServerConnection& connection) {
            Handle(request, connection);
          },
          certificate)) {}

std::string FakeRegistry::Name(std::string_view rest) const { return StrCat(Host(), "/", rest); }

void FakeRegistry::Serve(const store::Store& source, const store::ModelName& name) {
  const auto model = source.Read(name);
  ASSERT_TRUE(model.ok());
  const std::lock_guard<std::mutex> hold(lock_);
  manifests_["/v2/me/m/manifests/latest"] = model->raw.bytes;
  uint64_t total = 0;
  model->manifest().ForEachBlob([&](const store::Layer& layer) {
    blobs_[layer.digest.ToString()] =
        std::make_shared<const std::string>(*source.ReadBlob(layer, UINT64_MAX));
    total += layer.size;
  });
  total_size_ = total;
}

void FakeRegistry::ResetCounts() {
  blob_requests_ = 0;
  manifest_requests_ = 0;
  body_bytes_ = 0;
}

void FakeRegistry::SendBlob(const BlobRequest& blob, testing::ServerConnection& connection,
                            uint64_t most) {
  testing::Headers headers;
  if (blob.ranged) {
    headers.emplace_back("Content-Range",
                         StrCat("bytes ", blob.begin, "-", blob.end - 1, "/", blob.content.size()));
  }
  connection.Begin(blob.ranged ? 206 : 200, headers, blob.end - blob.begin);
  std::string_view body = blob.content.substr(blob.begin, blob.end - blob.begin);
  const bool cut = most < body.size();
  body = body.substr(0, most);
  if (cut) connection.Drop();
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, 65536);
    // Counted before the client can have it and the test look.
    body_bytes_ += piece.size();
    if (!connection.Write(piece)) {
      body_bytes_ -= piece.size();
      return connection.Drop();
    }
    body.remove_prefix(piece.size());
    if (const int speed = bytes_per_millisecond; speed > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(1000 * piece.size() / speed));
    }
  }
}

void FakeRegistry::Handle(const testing::ServerRequest& request,
                          testing::ServerConnection& connection) {
  if (const auto first = before.Now(); *first && (*first)(request, connection)) return;
  constexpr std::string_view kBlobs = "/v2/me/m/blobs/";
  const std::string digest =
      request.target.starts_with(kBlobs) ? request.target.substr(kBlobs.size()) : "";
  std::optional<std::string> manifest;
  std::shared_ptr<const std::string> content;  // stays while it is sent, whatever is served next
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (const auto found = manifests_.find(request.target); found != manifests_.end()) {
      manifest = found->second;
    } else if (const auto blob = blobs_.find(digest); blob != blobs_.end()) {
      content = blob->second;
    }
  }
  if (manifest) {
    ++manifest_requests_;
    connection.Answer(200, {{"Content-Type", std::string(store::kManifestMediaType)}}, *manifest);
    return;
  }
  if (content == nullptr) {
    connection.Answer(404, {}, R"({"errors":[{"code":"NAME_UNKNOWN","message":"no such thing"}]})");
    return;
  }
  if (request.method == "HEAD") {
    connection.Begin(200, {}, content->size());
    return;
  }
  BlobRequest blob{request, digest, *content, 0, content->size(), false, ++blob_requests_};
  const std::string range = request.Header("range");
  if (!range.empty()) {
    const size_t dash = range.find('-');
    blob.begin = *core::ParseUint(std::string_view(range).substr(6, dash - 6));
    blob.end = *core::ParseUint(std::string_view(range).substr(dash + 1)) + 1;
    blob.ranged = true;
  }
  if (const auto way = on_blob.Now(); *way && (*way)(blob, connection)) return;
  SendBlob(blob, connection);
}

PullTest::PullTest() {
  env_.SkipRealSyncs();
  options_.insecure = true;
  options_.waiter = &waiter_;
  options_.environment = [this](const char* name) -> std::optional<std::string> {
    const auto found = environment_.find(name);
    if (found == environment_.end()) return std::nullopt;
    return found->second;
  };
}

void PullTest::Offer(const std::vector<size_t>& sizes, uint64_t seed) {
  offered_ = PutModel(source_, "me/m", sizes, seed);
  registry_.Serve(source_, offered_->name);
}

core::Result<PullReport> PullTest::PullIt(const std::string& name) {
  const auto sink = core::MakeNullSink();
  const auto parsed = store::ModelName::Parse(name.empty() ? registry_.Name() : name);
  if (!parsed.ok()) return parsed.status();
  return Pull(store_, *parsed, options_, *sink);
}

std::string PullTest::Damage() const {
  const auto sink = core::MakeNullSink();
  const auto report = store::VerifyStore(store_, {}, *sink);
  if (!report.ok()) return std::string(report.status().message());
  if (!report->findings.empty()) return report->findings[0].detail;
  return report->Clean() ? "" : "a manifest cannot be read";
}

bool PullTest::HasModel() const {
  return store_.ReadExact(*store::ModelName::Parse(registry_.Name())).ok();
}

size_t PullTest::FilesIn(const std::filesystem::path& directory) const {
  std::error_code absent;
  const std::filesystem::directory_iterator files(directory, absent);
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

PullReport PullTest::MustPull() {
  auto report = PullIt();
  EXPECT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(Damage(), "");
  if (!report.ok()) return PullReport{.model = *offered_};
  EXPECT_EQ(report->model.raw.bytes, offered_->raw.bytes);
  EXPECT_TRUE(HasModel());
  EXPECT_EQ(FilesIn(store_.layout().Partials()), 0u);
  offered_->manifest().ForEachBlob([&](const store::Layer& layer) {
    EXPECT_EQ(*store_.ReadBlob(layer, UINT64_MAX), *source_.ReadBlob(layer, UINT64_MAX));
  });
  return *std::move(report);
}

Status PullTest::MustFail() {
  const auto report = PullIt();
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(Damage(), "");
  EXPECT_FALSE(HasModel());
  return report.status();
}

}  // namespace ingot::registry
