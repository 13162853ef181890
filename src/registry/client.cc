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
// What may be sent to another place as it is, by anyone who says so.
bool KeepsMethod(const std::string& method, int status) {
  return method == "GET" || method == "HEAD" || status == 307 || status == 308;
}

// Passes on what was asked for, and keeps the beginning of anything else for a message.
class ContentSink : public BodySink {
 public:
  ContentSink(BodySink& sink, const std::vector<int>& wanted) : sink_(sink), wanted_(wanted) {}

  bool IsWanted(int status) const {
    return std::find(wanted_.begin(), wanted_.end(), status) != wanted_.end();
  }
  Status Begin(const HttpResponse& response) override {
    content_ = IsWanted(response.status);
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
  const std::vector<int>& wanted_;
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
                .source = url.Origin(),
                .http_status = status};
  if (const std::string* after = response.Find("retry-after"); after != nullptr && transient) {
    answer.retry_after_ns = ParseRetryAfter(*after, clock_.WallNs());
  }
  return answer;
}

Result<Url> RegistryClient::Follow(const Url& from, const std::string& location) const {
  Result<Url> next = from.Resolve(location);
  if (!next.ok()) return std::move(next).Context(from.Origin() + " redirects");
  if (from.secure() && !next->secure() && !insecure_) {
    return Status(Code::kPermission,
                  StrCat(from.Origin(), " redirects to ", next->Origin(), ", unencrypted"));
  }
  return next;
}

Answer RegistryClient::Renew(HttpClient& http, const Url& url, const HttpResponse& response,
                             const std::string& rejected, const std::string& text,
                             Renewals& renewals) {
  // A token that another thread got may be for less than this request needs: ours gets its turn.
  constexpr int kMostRenewals = 8;
  const std::string* challenge = response.Find("www-authenticate");
  const bool in_vain = renewals.own > 0 && authorizer_.Header() == rejected;
  if (challenge == nullptr || in_vain || ++renewals.all > kMostRenewals) {
    return Fail(url, response, text);
  }
  auto outcome = authorizer_.Renew(rejected, *challenge, response.peer_private, http);
  renewals.own += outcome.fresh ? 1 : 0;
  return {
      .status = std::move(outcome.status), .transient = outcome.transient, .source = url.Origin()};
}

Reply RegistryClient::Send(HttpClient& http, const Request& request, BodySink& sink) {
  Reply reply{{}, {}, request.url};
  const Url& url = reply.url;
  Renewals renewals;
  for (int hops = 0;;) {
    const bool own = SameOrigin(url, base_) && !request.bare;
    HttpRequest sent{.url = url,
                     .headers = request.headers,
                     .refuse_private = !SameOrigin(url, base_) && !private_.load(),
                     .method = request.method,
                     .body = request.body,
                     .answer_timeout_ns = request.answer_timeout_ns};
    const std::string authorization = own ? authorizer_.Header() : "";
    if (!authorization.empty()) sent.headers.push_back({"Authorization", authorization});
    ContentSink content(sink, request.wanted);
    Transfer transfer = http.Send(sent, content);
    reply.response = std::move(transfer.response);
    const HttpResponse& response = reply.response;
    if (own && response.status != 0) private_.store(response.peer_private);
    reply.answer = {.status = std::move(transfer.status),
                    .transient = transfer.transient,
                    .source = url.Origin()};
    if (!reply.answer.status.ok() || content.IsWanted(response.status)) return reply;
    if (response.status == 401 && own) {
      reply.answer = Renew(http, url, response, authorization, content.text(), renewals);
      if (!reply.answer.status.ok()) return reply;
      continue;
    }
    const std::string* location = response.Find("location");
    if (!IsRedirect(response.status) || location == nullptr ||
        !KeepsMethod(request.method, response.status)) {
      reply.answer = Fail(url, response, content.text());
      return reply;
    }
    if (++hops > kMostRedirects) {
      reply.answer = {.status = core::Corrupt(StrCat(base_.Origin(), " redirects more than ",
                                                     kMostRedirects, " times"))};
      return reply;
    }
    Result<Url> next = Follow(url, *location);
    if (!next.ok()) {
      reply.answer = {.status = std::move(next).status()};
      return reply;
    }
    reply.url = *std::move(next);
  }
}

Answer RegistryClient::Get(HttpClient& http, const std::string& path,
                           const std::vector<Header>& headers, BodySink& sink) {
  Result<Url> url = base_.Resolve(path);
  if (!url.ok()) return {.status = std::move(url).status()};
  return Send(http, Request{.url = *std::move(url), .headers = headers}, sink).answer;
}

std::string RegistryClient::ManifestPath(const store::ModelName& name) {
  return StrCat("/v2/", name.name_space(), "/", name.model(), "/manifests/", name.tag());
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
  Answer answer = Get(http, ManifestPath(name),
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
