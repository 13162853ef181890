#include "registry/client.h"

#include <algorithm>

#include "core/json.h"
#include "core/strings.h"
#include "registry/retry.h"
#include "registry/text_sink.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::Result;
using core::Status;
using core::StrCat;

constexpr int kMostRedirects = 10;
constexpr uint64_t kMostErrorText = 16384;  // what is kept of an answer that is an error

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}
bool IsContent(int status) { return status == 200 || status == 206; }

// Passes on what was asked for, and keeps the beginning of anything else for a message.
class ContentSink : public BodySink {
 public:
  explicit ContentSink(BodySink& sink) : sink_(sink) {}

  Status Begin(const HttpResponse& response) override {
    content_ = IsContent(response.status);
    text_.clear();
    return content_ ? sink_.Begin(response) : Status::Ok();
  }
  Status Take(std::span<const std::byte> data) override {
    if (content_) return sink_.Take(data);
    const size_t room = kMostErrorText - text_.size();
    text_.append(reinterpret_cast<const char*>(data.data()), std::min(room, data.size()));
    skipped_ += data.size();
    if (skipped_ <= kMostSkipped) return Status::Ok();
    return core::Exhausted("its answer is an error of more bytes than anyone reads");
  }
  const std::string& text() const { return text_; }

 private:
  static constexpr uint64_t kMostSkipped = 1 << 20;
  BodySink& sink_;
  bool content_ = false;
  std::string text_;
  uint64_t skipped_ = 0;
};

// {"errors":[{"code":…,"message":…}]}, or {"error":…}; else nothing.
std::string MessageOf(const std::string& body) {
  const Result<core::Json> json = core::ParseJson(body);
  if (!json.ok() || !json->is_object()) return "";
  if (const auto error = json->find("error"); error != json->end() && error->is_string()) {
    return core::Printable(error->get_ref<const std::string&>(), 200);
  }
  const auto errors = json->find("errors");
  if (errors == json->end() || !errors->is_array() || errors->empty()) return "";
  const core::Json& first = errors->front();
  const auto message = first.is_object() ? first.find("message") : first.end();
  if (!first.is_object() || message == first.end() || !message->is_string()) return "";
  return core::Printable(message->get_ref<const std::string&>(), 200);
}

}  // namespace

Result<Url> RegistryClient::BaseOf(const store::ModelName& name, bool insecure) {
  if (name.scheme() == store::Scheme::kHttp && !insecure) {
    return core::InvalidArgument(StrCat(name.Full(), ": plain HTTP is not encrypted"))
        .WithHint("--insecure allows it.");
  }
  return Url::Parse(StrCat(insecure ? "http://" : "https://", name.host(), "/"));
}

RegistryClient::RegistryClient(Url base, Credentials credentials, bool insecure,
                               const core::Clock& clock)
    : base_(base),
      insecure_(insecure),
      clock_(clock),
      authorizer_(std::move(base), std::move(credentials), insecure, clock) {}

std::string RegistryClient::BlobPath(const store::ModelName& name, const store::Digest& digest) {
  return StrCat("/v2/", name.name_space(), "/", name.model(), "/blobs/", digest.ToString());
}

Answer RegistryClient::Fail(const Url& url, const HttpResponse& response,
                            const std::string& body) const {
  const int status = response.status;
  const bool transient = status == 408 || status == 425 || status == 429 || status >= 500;
  Code code = Code::kIo;
  if (status == 404 || status == 410) code = Code::kNotFound;
  if (status == 401 || status == 403) code = Code::kPermission;
  if (status == 507) code = Code::kIo;
  const std::string message = MessageOf(body);
  Answer answer{.status = Status(code, StrCat(url.Origin(), " answers ", status,
                                              message.empty() ? "" : ": ", message)),
                .transient = transient,
                .retry_after_ns = std::nullopt,
                .source = url.Origin()};
  if (const std::string* after = response.Find("retry-after"); after != nullptr && transient) {
    answer.retry_after_ns = ParseRetryAfter(*after, clock_.WallNs());
  }
  return answer;
}

Answer RegistryClient::Get(HttpClient& http, const std::string& path,
                           const std::vector<Header>& headers, BodySink& sink) {
  Result<Url> first = base_.Resolve(path);
  if (!first.ok()) return {.status = first.status()};
  Url url = *std::move(first);
  bool renewed = false;
  for (int hops = 0;;) {
    const bool own = SameOrigin(url, base_);
    HttpRequest request{url, headers, !own && !private_.load()};
    const std::string authorization = own ? authorizer_.Header() : "";
    if (!authorization.empty()) request.headers.push_back({"Authorization", authorization});
    ContentSink content(sink);
    Transfer transfer = http.Get(request, content);
    const HttpResponse& response = transfer.response;
    if (own && response.status != 0) private_.store(response.peer_private);
    if (!transfer.status.ok()) {
      return {.status = std::move(transfer.status),
              .transient = transfer.transient,
              .source = url.Origin()};
    }
    if (IsContent(response.status)) return {.source = url.Origin()};
    if (response.status == 401 && own && !renewed) {
      const std::string* challenge = response.Find("www-authenticate");
      if (challenge == nullptr) return Fail(url, response, content.text());
      auto outcome = authorizer_.Renew(authorization, *challenge, response.peer_private, http);
      if (!outcome.status.ok()) {
        return {.status = std::move(outcome.status),
                .transient = outcome.transient,
                .source = url.Origin()};
      }
      renewed = true;
      continue;
    }
    const std::string* location = response.Find("location");
    if (!IsRedirect(response.status) || location == nullptr) {
      return Fail(url, response, content.text());
    }
    if (++hops > kMostRedirects) {
      return {.status = core::Corrupt(
                  StrCat(base_.Origin(), " redirects more than ", kMostRedirects, " times"))};
    }
    Result<Url> next = url.Resolve(*location);
    if (!next.ok()) return {.status = next.status().Context(url.Origin() + " redirects")};
    if (url.secure() && !next->secure() && !insecure_) {
      return {.status = Status(Code::kPermission, StrCat(url.Origin(), " redirects to ",
                                                         next->Origin(), ", unencrypted"))};
    }
    url = *std::move(next);
  }
}

RegistryClient::ManifestAnswer RegistryClient::GetManifest(HttpClient& http,
                                                           const store::ModelName& name) {
  // Notes what the registry says of the manifest on the way.
  class ManifestSink : public TextSink {
   public:
    ManifestSink() : TextSink(store::kMaxManifestBytes) {}
    Status Begin(const HttpResponse& response) override {
      const std::string* digest = response.Find("docker-content-digest");
      stated = digest == nullptr ? "" : *digest;
      return TextSink::Begin(response);
    }
    std::string stated;
  };
  ManifestSink sink;
  const std::string path =
      StrCat("/v2/", name.name_space(), "/", name.model(), "/manifests/", name.tag());
  Answer answer = Get(http, path,
                      {{"Accept", std::string(store::kManifestMediaType)},
                       {"Accept", std::string(store::kOciManifestMediaType)}},
                      sink);
  if (!answer.status.ok()) return {std::move(answer), ""};
  // Digests of other kinds are none of ours to check.
  if (sink.stated.starts_with("sha256:")) {
    const Result<store::Digest> stated = store::Digest::Parse(sink.stated);
    const store::Digest found = store::Digest::Of(sink.text());
    if (!stated.ok() || *stated != found) {
      answer.status = core::Corrupt(StrCat("the manifest: the registry states ",
                                           core::Printable(sink.stated, 100), ", its bytes have ",
                                           found.ToString()));
      answer.transient = true;  // damaged on the way, perhaps
      return {std::move(answer), ""};
    }
  }
  return {std::move(answer), sink.TakeText()};
}

}  // namespace ingot::registry
