#include "registry/http.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <curl/curl.h>

#include "core/env.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "registry/address.h"

namespace ingot::registry {
namespace {

using core::Status;
using core::StrCat;

constexpr int kPollMs = 100;                  // how soon Ctrl-C is noticed in a silent transfer
constexpr size_t kMostHeaderBytes = 1 << 18;  // of one answer, all of them together
constexpr long kBufferBytes = 512L * 1024;

// libcurl's own start, which is safe from any thread since 7.84.
bool StartCurl() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

// Errors that come from what was asked, or from who answers, and not from the line.
bool IsFinal(CURLcode code) {
  constexpr std::array kFinal = {
      CURLE_UNSUPPORTED_PROTOCOL,  CURLE_URL_MALFORMAT,        CURLE_PEER_FAILED_VERIFICATION,
      CURLE_SSL_CACERT_BADFILE,    CURLE_SSL_CERTPROBLEM,      CURLE_SSL_INVALIDCERTSTATUS,
      CURLE_BAD_FUNCTION_ARGUMENT, CURLE_UNKNOWN_OPTION,       CURLE_OUT_OF_MEMORY,
      CURLE_COULDNT_RESOLVE_PROXY, CURLE_BAD_CONTENT_ENCODING, CURLE_SSL_ENGINE_NOTFOUND,
      CURLE_LOGIN_DENIED,
  };
  for (const CURLcode final_code : kFinal) {
    if (code == final_code) return true;
  }
  return false;
}

}  // namespace

const std::string* HttpResponse::Find(std::string_view name) const {
  for (const Header& header : headers) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}

struct HttpClient::Impl {
  explicit Impl(const HttpOptions& o) : options(o) {}
  ~Impl() {
    if (easy != nullptr) curl_easy_cleanup(easy);
    if (multi != nullptr) curl_multi_cleanup(multi);
  }

  void Configure(const HttpRequest& request, curl_slist* headers);
  void ConfigureMethod(const HttpRequest& request);
  CURLcode Drive();
  Status CheckAlive() const;
  Transfer Finish(const Url& url, CURLcode code);
  bool BeginBody();
  bool OnHeader(std::string_view line);
  bool OnBody(std::span<const std::byte> data);
  size_t OnSend(std::span<std::byte> out);
  bool OnRewind();
  curl_socket_t OpenSocket(const curl_sockaddr& address);

  const HttpOptions options;
  CURL* easy = nullptr;
  CURLM* multi = nullptr;
  std::array<char, CURL_ERROR_SIZE> error = {};

  // Of the request that runs.
  BodySink* sink = nullptr;
  BodySource* source = nullptr;
  uint64_t unsent = 0;            // bytes of source
  int64_t answer_timeout_ns = 0;  // once nothing is unsent
  HttpResponse response;
  Status failure;  // ours or the sink's: goes before what libcurl says
  size_t header_bytes = 0;
  bool begun = false;        // the sink has seen the answer
  bool sink_failed = false;  // failure is the sink's, or the source's
  bool through_proxy = false;
  bool refuse_private = false;
  bool refused_private = false;
  int64_t last_sign = 0;  // of life
};

HttpClient::HttpClient(const HttpOptions& options) : impl_(std::make_unique<Impl>(options)) {
  if (!StartCurl()) return;
  impl_->easy = curl_easy_init();
  impl_->multi = curl_multi_init();
}
HttpClient::~HttpClient() = default;

// Lines of the header come one by one, of interim answers, too: each begins with a status line,
// ends with an empty one, and the last counts.
bool HttpClient::Impl::OnHeader(std::string_view line) {
  last_sign = options.clock->MonotonicNs();
  header_bytes += line.size();
  if (header_bytes > kMostHeaderBytes) {
    failure =
        core::Exhausted(StrCat("its answer has more than ", kMostHeaderBytes, " bytes of headers"));
    return false;
  }
  line = core::Trim(line);
  if (line.starts_with("HTTP/")) {
    response.headers.clear();
    return true;
  }
  if (line.empty()) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status < 200 || BeginBody();
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  response.headers.push_back({core::ToLower(core::Trim(line.substr(0, colon))),
                              std::string(core::Trim(line.substr(colon + 1)))});
  return true;
}

bool HttpClient::Impl::BeginBody() {
  if (begun) return true;
  begun = true;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  // Identity was asked for: another encoding would be undone without a bound on what comes out.
  const std::string* encoding = response.Find("content-encoding");
  if (encoding != nullptr && !core::EqualsIgnoreCase(*encoding, "identity")) {
    failure = core::Unsupported(StrCat("its answer is encoded as ", core::Quoted(*encoding, 40),
                                       ", which was not asked for"));
    return false;
  }
  // A connection that was kept is not opened again: its address is asked for, not remembered.
  char* ip = nullptr;
  if (!through_proxy && curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip) == CURLE_OK && ip) {
    response.peer_private = IsPrivateHost(ip);
  }
  if (refuse_private && response.peer_private) {
    refused_private = true;
    return false;
  }
  failure = sink->Begin(response);
  sink_failed = !failure.ok();
  return failure.ok();
}

bool HttpClient::Impl::OnBody(std::span<const std::byte> data) {
  last_sign = options.clock->MonotonicNs();
  if (!BeginBody()) return false;
  failure = sink->Take(data);
  sink_failed = !failure.ok();
  return failure.ok();
}

size_t HttpClient::Impl::OnSend(std::span<std::byte> out) {
  last_sign = options.clock->MonotonicNs();
  if (unsent == 0) return 0;
  const core::Result<size_t> size =
      source->Read(out.first(static_cast<size_t>(std::min<uint64_t>(out.size(), unsent))));
  if (!size.ok() || *size == 0) {
    failure = size.ok() ? core::Internal("a request ended before its time") : size.status();
    sink_failed = true;
    return CURL_READFUNC_ABORT;
  }
  unsent -= *size;
  return *size;
}

bool HttpClient::Impl::OnRewind() {
  if (source == nullptr) return true;
  failure = source->Rewind();
  sink_failed = !failure.ok();
  unsent = source->size();
  return failure.ok();
}

curl_socket_t HttpClient::Impl::OpenSocket(const curl_sockaddr& address) {
  last_sign = options.clock->MonotonicNs();
  if (refuse_private && !through_proxy && IsPrivateAddress(address.addr)) {
    refused_private = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
}

void HttpClient::Impl::ConfigureMethod(const HttpRequest& request) {
  if (request.method == "GET") return;
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "DELETE") return;
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(unsent));
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_READDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_READFUNCTION, +[](char* out, size_t size, size_t count, void* self) -> size_t {
        return static_cast<HttpClient::Impl*>(self)->OnSend(
            std::as_writable_bytes(std::span(out, size * count)));
      });
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_SEEKFUNCTION, +[](void* self, curl_off_t offset, int origin) -> int {
        const bool start = offset == 0 && origin == SEEK_SET;
        return start && static_cast<HttpClient::Impl*>(self)->OnRewind() ? CURL_SEEKFUNC_OK
                                                                         : CURL_SEEKFUNC_FAIL;
      });
}

void HttpClient::Impl::Configure(const HttpRequest& request, curl_slist* headers) {
  curl_easy_reset(easy);  // options; connections stay
  ConfigureMethod(request);
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, request.url.text().c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_USERAGENT, "ingot/" INGOT_VERSION);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_BUFFERSIZE, kBufferBytes);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ns / 1'000'000));
  set(CURLOPT_ERRORBUFFER, error.data());
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  const std::string proxy = options.proxies.For(request.url);
  through_proxy = !proxy.empty();
  set(CURLOPT_PROXY, proxy.c_str());  // empty: libcurl does not look at the environment either
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

  using Self = HttpClient::Impl;
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_HEADERFUNCTION, +[](char* data, size_t, size_t count, void* self) -> size_t {
        return static_cast<Self*>(self)->OnHeader({data, count}) ? count : 0;
      });
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_WRITEFUNCTION, +[](char* data, size_t, size_t count, void* self) -> size_t {
        const auto bytes = core::AsBytes(std::string_view(data, count));
        return static_cast<Self*>(self)->OnBody(bytes) ? count : 0;
      });
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_OPENSOCKETFUNCTION,
      +[](void* self, curlsocktype, curl_sockaddr* address) -> curl_socket_t {
        return static_cast<Self*>(self)->OpenSocket(*address);
      });
}

Status HttpClient::Impl::CheckAlive() const {
  INGOT_TRY(core::CheckInterrupted());
  if (options.stop != nullptr && options.stop->load()) return core::Cancelled("given up");
  const int64_t silent = options.clock->MonotonicNs() - last_sign;
  const int64_t most = unsent == 0 ? std::max(options.stall_timeout_ns, answer_timeout_ns)
                                   : options.stall_timeout_ns;
  if (silent <= most) return Status::Ok();
  return core::IoError(
      StrCat("nothing came for ", core::HumanDuration(static_cast<double>(silent) * 1e-9)));
}

CURLcode HttpClient::Impl::Drive() {
  if (curl_multi_add_handle(multi, easy) != CURLM_OK) return CURLE_FAILED_INIT;
  CURLcode result = CURLE_OK;
  for (int running = 1; running > 0;) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) {
      result = CURLE_FAILED_INIT;
      break;
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) result = message->data.result;
    }
    if (running == 0) break;
    if (const Status alive = CheckAlive(); !alive.ok()) {
      if (failure.ok()) failure = alive;
      result = CURLE_ABORTED_BY_CALLBACK;
      break;
    }
    curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
  }
  curl_multi_remove_handle(multi, easy);
  return result;
}

Transfer HttpClient::Impl::Finish(const Url& url, CURLcode code) {
  Transfer transfer;
  transfer.response = std::move(response);
  if (refused_private) {
    transfer.status =
        core::Status(core::Code::kPermission,
                     StrCat(url.Origin(),
                            " is an address of a private network, and the registry is not in one"));
  } else if (!failure.ok()) {
    // What we ended ourselves for want of bytes may go better next time.
    transfer.transient = !sink_failed && failure.code() == core::Code::kIo;
    const bool as_it_is = sink_failed || failure.code() == core::Code::kCancelled;
    transfer.status = as_it_is ? failure : failure.Context(url.Origin());
  } else if (code != CURLE_OK) {
    const std::string text = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
    transfer.status = core::IoError(StrCat(url.Origin(), ": ", core::Printable(text, 300)));
    transfer.transient = !IsFinal(code);
  }
  return transfer;
}

Transfer HttpClient::Send(const HttpRequest& request, BodySink& sink) {
  Impl& impl = *impl_;
  if (impl.easy == nullptr || impl.multi == nullptr) {
    return {{}, core::Internal("libcurl does not start"), false};
  }
  impl.sink = &sink;
  impl.response = {};
  impl.failure = Status::Ok();
  impl.header_bytes = 0;
  impl.begun = impl.refused_private = impl.sink_failed = false;
  impl.refuse_private = request.refuse_private;
  impl.last_sign = impl.options.clock->MonotonicNs();
  impl.error[0] = '\0';
  impl.source = request.body;
  impl.unsent = 0;
  impl.answer_timeout_ns = request.answer_timeout_ns;
  if (!impl.OnRewind()) return impl.Finish(request.url, CURLE_ABORTED_BY_CALLBACK);
  // Through a proxy the proxy resolves the name, so its text is all there is to judge.
  if (request.refuse_private && !impl.options.proxies.For(request.url).empty() &&
      IsPrivateHost(request.url.host())) {
    impl.refused_private = true;
    return impl.Finish(request.url, CURLE_COULDNT_CONNECT);
  }

  curl_slist* list = curl_slist_append(nullptr, "Accept-Encoding: identity");
  for (const Header& header : request.headers) {
    list = curl_slist_append(list, StrCat(header.name, ": ", header.value).c_str());
  }
  impl.Configure(request, list);
  const CURLcode code = impl.Drive();
  Transfer transfer = impl.Finish(request.url, code);
  curl_slist_free_all(list);
  return transfer;
}

}  // namespace ingot::registry
