#include "registry/upload_protocol.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/strings.h"
#include "registry/text_sink.h"

namespace ingot::registry {
namespace {

using core::Result;
using core::StrCat;

constexpr std::string_view kSignedPrefix = "x-signed-header-";
// No registry can be slower than this with what it has to do once it has all of a blob.
constexpr uint64_t kSlowestHashing = uint64_t{50} << 20;  // bytes a second

// Takes an answer that says what it has to say in its headers.
class NoBody : public BodySink {
 public:
  core::Status Begin(const HttpResponse&) override { return core::Status::Ok(); }
  core::Status Take(std::span<const std::byte> data) override {
    taken_ += data.size();
    if (taken_ <= 1 << 20) return core::Status::Ok();
    return core::Exhausted("its answer goes on for longer than anyone reads");
  }

 private:
  uint64_t taken_ = 0;
};

// What libcurl says itself, or what would change whom a request reaches.
bool IsOurs(std::string_view name) {
  constexpr std::array<std::string_view, 8> kOurs = {
      "host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect",
      "te",   "upgrade"};
  return std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
}

std::vector<Header> SignedHeaders(const HttpResponse& response) {
  std::vector<Header> headers;
  for (const Header& header : response.headers) {
    if (!header.name.starts_with(kSignedPrefix)) continue;
    const std::string name = header.name.substr(kSignedPrefix.size());
    if (!name.empty() && !IsOurs(name)) headers.push_back({name, header.value});
  }
  return headers;
}

const std::string* SessionAddress(const HttpResponse& response) {
  const std::string* own = response.Find("docker-upload-location");
  if (own != nullptr || response.status == 307) return own;
  return response.Find("location");
}

Answer Wrong(const Answer& from, const std::string& what) {
  return {.status = core::Corrupt(StrCat(from.source, ": ", what)),
          .transient = false,
          .source = from.source};
}

}  // namespace

std::optional<uint64_t> ParseUploadRange(std::string_view text) {
  text = core::Trim(text);
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto begin = core::ParseUint(text.substr(0, dash));
  const auto last = core::ParseUint(text.substr(dash + 1));
  if (!begin || *begin != 0 || !last || *last > store::kMaxBlobBytes) return std::nullopt;
  // One byte and none at all are written alike: none is the safe reading.
  return *last == 0 ? 0 : *last + 1;
}

UploadProtocol::UploadProtocol(RegistryClient& client, const store::ModelName& name,
                               int64_t stall_timeout_ns)
    : client_(client),
      repository_(StrCat("/v2/", name.name_space(), "/", name.model())),
      stall_timeout_ns_(stall_timeout_ns) {}

int64_t UploadProtocol::Patience(uint64_t size) const {
  return 2 * stall_timeout_ns_ + static_cast<int64_t>(size / kSlowestHashing) * 1'000'000'000;
}

Answer UploadProtocol::Send(HttpClient& http, const Request& request, HttpResponse* response) {
  NoBody sink;
  Reply reply = client_.Send(http, request, sink);
  if (response != nullptr) *response = std::move(reply.response);
  return std::move(reply.answer);
}

Result<Url> UploadProtocol::WithDigest(const Url& address, const store::Layer& layer,
                                       const std::string& etag) const {
  const char* separator = address.text().find('?') == std::string::npos ? "?" : "&";
  return Url::Parse(StrCat(address.text(), separator,
                           "digest=", EscapeQuery(layer.digest.ToString()),
                           etag.empty() ? "" : "&etag=" + EscapeQuery(etag)));
}

Answer UploadProtocol::Exists(HttpClient& http, const store::Layer& layer, bool& exists) {
  exists = false;
  Result<Url> url = client_.base().Resolve(StrCat(repository_, "/blobs/", layer.digest.ToString()));
  if (!url.ok()) return {.status = std::move(url).status()};
  HttpResponse response;
  Answer answer =
      Send(http, {.url = *std::move(url), .method = "HEAD", .wanted = {200, 404}}, &response);
  if (!answer.status.ok()) return answer;
  const std::string* length = response.Find("content-length");
  const auto size = length == nullptr ? std::nullopt : core::ParseUint(*length);
  exists = response.status == 200 && size.value_or(layer.size) == layer.size;
  return answer;
}

Answer UploadProtocol::Move(const Reply& reply, UploadSession& session) const {
  const std::string* address = SessionAddress(reply.response);
  if (address == nullptr) return reply.answer;  // it stays where it is
  Result<Url> next = client_.Follow(reply.url, *address);
  if (!next.ok()) return {.status = std::move(next).status(), .source = reply.answer.source};
  session.address = *std::move(next);
  return reply.answer;
}

Answer UploadProtocol::Open(HttpClient& http, const store::Layer& layer, const std::string& query,
                            int& status, std::optional<UploadSession>& session) {
  Result<Url> url = client_.base().Resolve(
      StrCat(repository_, "/blobs/uploads/", query.empty() ? "" : "?", query));
  if (!url.ok()) return {.status = std::move(url).status()};
  NoBody sink;
  const Reply reply = client_.Send(
      http,
      {.url = *std::move(url),
       .method = "POST",
       .headers = {{"X-Redirect-Uploads", "2"}, {"X-Content-Length", StrCat(layer.size)}},
       .answer_timeout_ns = Patience(0),
       .wanted = {201, 202}},
      sink);
  status = reply.response.status;
  if (!reply.answer.status.ok() || status == 201) return reply.answer;
  if (SessionAddress(reply.response) == nullptr) {
    return Wrong(reply.answer, "it opens an upload and does not say where");
  }
  UploadSession open{.address = reply.url};
  Answer answer = Move(reply, open);
  if (!answer.status.ok()) return answer;
  open.redirects_parts = reply.response.Find("docker-upload-location") != nullptr;
  if (const std::string* direct = reply.response.Find("x-direct-upload-url"); direct != nullptr) {
    Result<Url> target = client_.Follow(reply.url, *direct);
    if (!target.ok()) return {.status = std::move(target).status(), .source = answer.source};
    open.direct = *std::move(target);
    open.direct_headers = SignedHeaders(reply.response);
  }
  session = std::move(open);
  return answer;
}

Answer UploadProtocol::Begin(HttpClient& http, const store::Layer& layer,
                             const std::string& mount_from, Begun& begun,
                             std::optional<UploadSession>& session) {
  const std::string digest = EscapeQuery(layer.digest.ToString());
  std::string mount;
  if (!mount_from.empty()) {
    mount = StrCat("mount=", digest, "&from=", EscapeQuery(mount_from));
  }
  while (true) {
    const bool plain = plain_.load();
    std::vector<std::string> query;
    if (!plain) query.push_back("digest=" + digest);
    if (!mount.empty()) query.push_back(mount);
    int status = 0;
    Answer answer = Open(http, layer, core::Join(query, "&"), status, session);
    if (answer.status.ok()) {
      begun = Begun::kOpen;
      if (status == 202) return answer;
      begun = mount.empty() ? Begun::kPresent : Begun::kMounted;
      bool exists = false;
      answer = Exists(http, layer, exists);
      if (!answer.status.ok() || exists) return answer;
      answer = Wrong(answer, "it says that it has the blob, and has it not");
    }
    if (answer.transient || answer.status.code() == core::Code::kCancelled) return answer;
    // It may not know one or the other of what was said beyond the plain protocol, or not let us
    // read where the blob could be mounted from.
    if (!mount.empty()) {
      mount.clear();
    } else if (!plain) {
      const bool understood = status == 401 || status == 403 || status == 404 || status == 0;
      if (understood) return answer;
      plain_.store(true);
    } else {
      return answer;
    }
  }
}

Answer UploadProtocol::Where(HttpClient& http, const store::Layer& layer, UploadSession& session,
                             uint64_t& offset) {
  NoBody sink;
  const Reply reply = client_.Send(http, {.url = session.address, .wanted = {200, 204}}, sink);
  if (!reply.answer.status.ok()) return reply.answer;
  const std::string* range = reply.response.Find("range");
  const auto there = range == nullptr ? 0 : ParseUploadRange(*range);
  if (!there || *there > layer.size) {
    return Wrong(reply.answer, StrCat("it has bytes ", core::Quoted(*range, 80),
                                      " of an upload of ", layer.size));
  }
  offset = *there;
  return Move(reply, session);
}

Answer UploadProtocol::SendPart(HttpClient& http, UploadSession& session, Extent part,
                                BlobSource& source, uint64_t& offset, bool& sent_elsewhere) {
  sent_elsewhere = false;
  Request request{.url = session.address,
                  .method = "PATCH",
                  .headers = {{"Content-Type", "application/octet-stream"},
                              {"Content-Range", StrCat(part.begin, "-", part.end - 1)}},
                  .body = &source,
                  .answer_timeout_ns = Patience(part.size()),
                  .wanted = {200, 202, 204}};
  if (session.redirects_parts) {
    request.headers.push_back({"X-Redirect-Uploads", "1"});
    request.wanted.push_back(307);
  }
  NoBody sink;
  const Reply reply = client_.Send(http, request, sink);
  if (!reply.answer.status.ok()) return reply.answer;
  const std::string* range = reply.response.Find("range");
  if (reply.response.status == 307) {
    const std::string* location = reply.response.Find("location");
    if (location == nullptr) return Wrong(reply.answer, "it redirects a part and not where");
    Result<Url> target = client_.Follow(reply.url, *location);
    if (!target.ok()) return {.status = std::move(target).status(), .source = reply.answer.source};
    source.WantMd5();
    Answer stored = Send(http,
                         {.url = *std::move(target),
                          .method = "PUT",
                          .body = &source,
                          .answer_timeout_ns = Patience(part.size()),
                          .bare = true,
                          .wanted = {200, 201, 202}},
                         nullptr);
    if (!stored.status.ok()) return stored;
    sent_elsewhere = true;
    range = nullptr;
  }
  const auto there = range == nullptr ? part.end : ParseUploadRange(*range);
  if (!there || *there < part.begin || *there > part.end) {
    // It has bytes of another request, of a push that was killed and of which some were still under
    // way, and nobody knows which: no part fits to that any more.
    Answer answer = Wrong(reply.answer, StrCat("it took bytes ", part.begin, "-", part.end - 1,
                                               " and says it has ", core::Quoted(*range, 80)));
    answer.http_status = kMixedUp;
    return answer;
  }
  // One byte and none are written alike, and here it cannot be none.
  offset = part.end == 1 ? 1 : *there;
  if (offset == part.begin) {
    Answer answer = Wrong(reply.answer, "it took nothing of a part");
    answer.transient = true;
    return answer;
  }
  return Move(reply, session);
}

Answer UploadProtocol::SendWhole(HttpClient& http, const store::Layer& layer,
                                 const UploadSession& session, BlobSource& source) {
  Result<Url> url = WithDigest(session.address, layer, "");
  if (!url.ok()) return {.status = std::move(url).status()};
  return Send(http,
              {.url = *std::move(url),
               .method = "PUT",
               .headers = {{"Content-Type", "application/octet-stream"}},
               .body = &source,
               .answer_timeout_ns = Patience(layer.size),
               .wanted = {200, 201, 204}},
              nullptr);
}

Answer UploadProtocol::SendDirect(HttpClient& http, const UploadSession& session,
                                  BlobSource& source) {
  return Send(http,
              {.url = *session.direct,
               .method = "PUT",
               .headers = session.direct_headers,
               .body = &source,
               .answer_timeout_ns = Patience(source.size()),
               .bare = true,
               .wanted = {200, 201}},
              nullptr);
}

Answer UploadProtocol::Finish(HttpClient& http, const store::Layer& layer,
                              const UploadSession& session, const std::string& etag) {
  Result<Url> url = WithDigest(session.address, layer, etag);
  if (!url.ok()) return {.status = std::move(url).status()};
  return Send(http,
              {.url = *std::move(url),
               .method = "PUT",
               .answer_timeout_ns = Patience(layer.size),
               .wanted = {200, 201, 204}},
              nullptr);
}

void UploadProtocol::Cancel(HttpClient& http, const UploadSession& session) {
  Send(http, {.url = session.address, .method = "DELETE", .wanted = {200, 202, 204}}, nullptr);
}

}  // namespace ingot::registry
