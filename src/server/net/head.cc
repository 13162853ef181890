#include "server/net/head.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <openssl/rand.h>

#include "core/sha256.h"
#include "core/strings.h"
#include "server/errors.h"

namespace ingot::server {
namespace {

Reply Bad(int status, std::string_view message, const Request& request) {
  return ErrorReply(StyleOf(request.path), status, message, request.id);
}

// What a client sends that takes this server for a proxy: "http://HOST/PATH". The host in it
// counts, whatever the Host header says. False where it is malformed.
bool TakeAuthority(std::string_view& target, Request& request) {
  const size_t colon = target.find("://");
  const std::string_view scheme = target.substr(0, colon);
  if (!core::EqualsIgnoreCase(scheme, "http") && !core::EqualsIgnoreCase(scheme, "https")) {
    return false;
  }
  const std::string_view rest = target.substr(colon + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view host = rest.substr(0, end);
  if (host.empty() || host.find('@') != std::string_view::npos) return false;
  Headers headers;
  headers.Add("Host", std::string(host));
  for (const auto& [name, value] : request.headers) {
    if (!core::EqualsIgnoreCase(name, "host")) headers.Add(name, value);
  }
  request.headers = std::move(headers);
  target = end < rest.size() && rest[end] == '/' ? rest.substr(end) : std::string_view("/");
  return true;
}

}  // namespace

Reply ReadTarget(std::string_view method, std::string_view target, const HttpLimits& limits,
                 Request& request) {
  if (target.size() > limits.target_bytes) return Bad(414, "the address is too long", request);
  request.target = target;
  if (!target.starts_with("/") && target.find("://") != std::string_view::npos &&
      !TakeAuthority(target, request)) {
    return Bad(400, "the address is malformed", request);
  }
  const size_t question = target.find('?');
  std::optional<std::string> path = PercentDecode(target.substr(0, question));
  if (!path || path->empty() || path->front() != '/' || !core::IsValidUtf8(*path)) {
    return Bad(400, "the address is malformed", request);
  }
  request.path = *std::move(path);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  const std::optional<Method> known = ParseMethod(method);
  if (!known) return Bad(501, "the method is not known", request);
  request.method = *known;
  return Reply();
}

Reply CheckHead(const Request& request, bool http10, bool chunked) {
  const Headers& headers = request.headers;
  if (!http10 && headers.Find("host") == nullptr) {
    return Bad(400, "there is no Host header", request);
  }
  if (headers.Count("host") > 1) return Bad(400, "there are several Host headers", request);
  if (headers.Count("content-length") > 1) {
    return Bad(400, "there are several Content-Length headers", request);
  }
  const std::string_view length = headers.Get("content-length");
  if (!std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return Bad(400, "the Content-Length is no number", request);
  }
  if (headers.Find("transfer-encoding") != nullptr) {
    if (headers.Find("content-length") != nullptr) {
      return Bad(400, "both Content-Length and Transfer-Encoding are given", request);
    }
    if (!chunked || headers.Count("transfer-encoding") > 1 ||
        !core::EqualsIgnoreCase(headers.Get("transfer-encoding"), "chunked")) {
      return Bad(501, "no transfer encoding but chunked is known", request);
    }
  }
  const std::string_view encoding = headers.Get("content-encoding");
  if (!encoding.empty() && !core::EqualsIgnoreCase(encoding, "identity")) {
    return Bad(415, "a body must not be compressed", request);
  }
  const std::string_view expect = headers.Get("expect");
  if (!expect.empty() && !core::EqualsIgnoreCase(expect, "100-continue")) {
    return Bad(400, "the Expect header is not known", request);
  }
  return Reply();
}

std::string NewRequestId() {
  std::array<std::byte, 12> bytes = {};
  // Without randomness ids are merely the same.
  (void)RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return "req_" + core::HexLower(bytes);
}

}  // namespace ingot::server
