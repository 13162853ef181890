#include "registry/uploader.h"

#include <algorithm>
#include <random>
#include <utility>

#include "core/log.h"
#include "core/strings.h"
#include "registry/crew.h"

namespace ingot::registry {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

constexpr int64_t kTellEveryNs = 1'000'000'000;
constexpr std::string_view kAgain = "The same command goes on from what the registry has by then.";

std::string LabelOf(const store::Layer& layer) {
  return layer.name.empty()
             ? layer.digest.ToString()
             : StrCat(layer.digest.ToString(), " (", core::Printable(layer.name), ")");
}

// A manifest in memory as the body of a request.
class TextSource : public BodySource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}
  uint64_t size() const override { return text_.size(); }
  Status Rewind() override {
    position_ = 0;
    return Status::Ok();
  }
  Result<size_t> Read(std::span<std::byte> out) override {
    const auto piece = core::AsBytes(text_.substr(position_, out.size()));
    std::copy(piece.begin(), piece.end(), out.begin());
    position_ += piece.size();
    return piece.size();
  }

 private:
  const std::string_view text_;
  size_t position_ = 0;
};

// Takes an answer nobody reads.
class Ignored : public BodySink {
 public:
  Status Begin(const HttpResponse&) override { return Status::Ok(); }
  Status Take(std::span<const std::byte>) override { return Status::Ok(); }
};

}  // namespace

Uploader::Uploader(const store::Store& store, RegistryClient& client, const store::ModelName& name,
                   const PushOptions& options, LayerObserver* observer)
    : store_(store),
      client_(client),
      name_(name),
      options_(options),
      observer_(observer),
      clock_(*options.http.clock),
      protocol_(client, name, options.http.stall_timeout_ns),
      journal_(store, StrCat(client.base().Origin(), "/", name.name_space(), "/", name.model())),
      seed_(std::random_device()()) {}

Status Uploader::Insist(int attempts, core::FunctionRef<Answer()> attempt,
                        core::FunctionRef<bool()> advanced) {
  Backoff backoff(options_.retry, attempts, seed_++);
  while (true) {
    const Answer answer = attempt();
    if (answer.status.ok() || !answer.transient) return answer.status;
    if (advanced()) backoff.Reset();
    const std::optional<int64_t> wait = backoff.Next(answer.retry_after_ns);
    if (!wait) {
      return answer.status
          .Context(StrCat("given up after ", backoff.failures(), " attempts in a row"))
          .WithHint(kAgain);
    }
    core::LogInfo("trying again",
                  {{"after", core::HumanDuration(static_cast<double>(*wait) * 1e-9)},
                   {"because", std::string(answer.status.message())}});
    INGOT_TRY(options_.waiter->Sleep(*wait, &stop_));
  }
}

Status Uploader::FindMissing(const std::vector<store::Layer>& blobs,
                             std::vector<store::Layer>& missing) {
  std::vector<char> lacks(blobs.size(), 0);
  const auto look = [&](size_t i, HttpClient& http, int attempts) {
    bool exists = false;
    const Status status = Insist(
        attempts, [&] { return protocol_.Exists(http, blobs[i], exists); }, [] { return false; });
    lacks[i] = exists ? 0 : 1;
    return status.code() == core::Code::kCancelled ? status : status.Context(LabelOf(blobs[i]));
  };
  // One alone first, which gets the token, and shows a wrong name soon.
  HttpClient http(options_.http);
  INGOT_TRY(look(0, http, options_.retry.contact_attempts));
  const int threads = std::clamp(options_.streams * 4, 1, kMostStreams);
  INGOT_TRY(ForEachWithHttp(
      blobs.size() - 1, threads, options_.http, stop_,
      [&](size_t i, HttpClient& own) { return look(i + 1, own, options_.retry.attempts); }));
  for (size_t i = 0; i < blobs.size(); ++i) {
    if (lacks[i] != 0) {
      missing.push_back(blobs[i]);
    } else {
      ++blobs_present_;
      there_bytes_ += blobs[i].size;
      journal_.Forget(blobs[i]);  // of a push that ended between the last answer and its own end
    }
  }
  return Status::Ok();
}

Status Uploader::Send(const std::vector<store::Layer>& blobs, const MountSources& mounts,
                      core::Progress& progress) {
  for (const store::Layer& layer : blobs) total_ += layer.size;
  progress.SetTotal(total_.load());
  const int threads = std::clamp(options_.streams, 1, kMostStreams);
  return ForEachWithHttp(
      blobs.size(), threads, options_.http, stop_, [&](size_t i, HttpClient& http) {
        const auto mount = mounts.find(blobs[i].digest);
        const Status status =
            SendBlob(blobs[i], mount == mounts.end() ? "" : mount->second, http, progress);
        return status.code() == core::Code::kCancelled ? status : status.Context(LabelOf(blobs[i]));
      });
}

Status Uploader::SendBlob(const store::Layer& layer, const std::string& mount_from,
                          HttpClient& http, core::Progress& progress) {
  const int64_t began = clock_.MonotonicNs();
  int64_t told = began;
  const auto tell = [&](uint64_t done, bool finished) {
    const int64_t now = clock_.MonotonicNs();
    if (observer_ == nullptr || (!finished && now - told < kTellEveryNs)) return;
    told = now;
    const std::lock_guard<std::mutex> hold(observer_lock_);
    observer_->OnLayer({layer, done, static_cast<double>(now - began) * 1e-9, finished});
  };
  uint64_t at = 0;
  const auto moved = [&](uint64_t position) {
    if (position < at) {
      // What has to be sent again adds to the whole.
      total_ += at - position;
      progress.SetTotal(total_.load());
    } else {
      progress.Add(position - at);
      tell(position, /*finished=*/false);
    }
    at = position;
  };
  uint64_t sent = 0;
  const auto counted = [&](uint64_t position) {
    if (position > at) sent += position - at;
    moved(position);
  };
  BlobUpload upload(protocol_, journal_, store_, layer, mount_from, options_, counted);
  INGOT_TRY(Insist(
      options_.retry.attempts, [&] { return upload.Try(http); },
      [&] { return upload.Advanced(); }));
  // What an earlier push had sent, moved over without a byte of ours.
  sent_ += sent - std::min(sent, upload.resumed());
  resumed_ += upload.resumed();
  moved(layer.size);
  if (upload.end() == BlobUpload::End::kSent) {
    ++blobs_sent_;
  } else {
    there_bytes_ += layer.size;
    ++(upload.end() == BlobUpload::End::kMounted ? blobs_mounted_ : blobs_present_);
  }
  tell(layer.size, /*finished=*/true);
  return Status::Ok();
}

Status Uploader::SendManifest(const store::RawManifest& manifest) {
  INGOT_ASSIGN(const Url url, client_.base().Resolve(RegistryClient::ManifestPath(name_)));
  HttpClient http(options_.http);
  TextSource source(manifest.bytes);
  return Insist(
             options_.retry.attempts,
             [&] {
               Ignored sink;
               Reply reply =
                   client_.Send(http,
                                {.url = url,
                                 .method = "PUT",
                                 .headers = {{"Content-Type", manifest.manifest.media_type}},
                                 .body = &source,
                                 .answer_timeout_ns = 4 * options_.http.stall_timeout_ns,
                                 .wanted = {200, 201, 202, 204}},
                                sink);
               const std::string* stated = reply.response.Find("docker-content-digest");
               if (reply.answer.status.ok() && stated != nullptr &&
                   stated->starts_with("sha256:") && *stated != manifest.id.ToString()) {
                 reply.answer = {
                     .status = core::Corrupt(
                         StrCat(reply.answer.source, " took the manifest and says that it is ",
                                core::Printable(*stated, 100), ", not ", manifest.id.ToString())),
                     .transient = true};
               }
               return reply.answer;
             },
             [] { return false; })
      .Context("the manifest");
}

void Uploader::Count(PushReport& report) const {
  report.blobs_sent = blobs_sent_.load();
  report.blobs_present = blobs_present_.load();
  report.blobs_mounted = blobs_mounted_.load();
  report.bytes_sent = sent_.load();
  report.bytes_resumed = resumed_.load();
  report.bytes_present = there_bytes_.load();
}

}  // namespace ingot::registry
