#include "server/guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/strings.h"

namespace ingot::server {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

// Names that no public name server can give an address to.
constexpr std::array<std::string_view, 3> kLocalEnds = {".localhost", ".local", ".internal"};

std::string_view SchemeOf(const Request& request) { return request.tls ? "https" : "http"; }

}  // namespace

std::string HostName(std::string_view host) {
  if (host.starts_with("[")) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return "";
    const std::string_view rest = host.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(":")) return "";
    return core::ToLower(host.substr(1, end - 1));
  }
  const size_t colon = host.find(':');
  // An address of IPv6 without brackets is no Host.
  if (colon != std::string_view::npos && host.find(':', colon + 1) != std::string_view::npos) {
    return "";
  }
  std::string name = core::ToLower(host.substr(0, colon));
  // "localhost." is the same name, said in full.
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return name;
}

bool IsAddress(std::string_view host) {
  const std::string text(host);
  std::array<unsigned char, 16> address = {};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  return host.starts_with("127.") && IsAddress(host);
}

Guard::Guard(GuardOptions options) : options_(std::move(options)) {
  options_.own_host = core::ToLower(options_.own_host);
  for (std::string& host : options_.hosts) host = core::ToLower(host);
}

bool Guard::AllowsHost(std::string_view name) const {
  if (name.empty()) return false;
  if (name == "localhost" || IsAddress(name)) return true;
  if (!options_.own_host.empty() && name == options_.own_host) return true;
  if (std::any_of(kLocalEnds.begin(), kLocalEnds.end(),
                  [&](std::string_view end) { return name.ends_with(end); })) {
    return true;
  }
  return std::any_of(options_.hosts.begin(), options_.hosts.end(),
                     [&](const std::string& host) { return host == "*" || host == name; });
}

Status Guard::CheckHost(const Headers& headers) const {
  if (headers.Count("host") > 1) return core::InvalidArgument("there are several Host headers");
  const std::string* host = headers.Find("host");
  // HTTP/1.0 knows none; a browser always says one.
  if (host == nullptr) return Status::Ok();
  if (AllowsHost(HostName(*host))) return Status::Ok();
  return Status(core::Code::kPermission,
                StrCat("the Host ", core::Quoted(*host, 100), " is not known here"))
      .WithHint("Start the server with --allow-host NAME, or set INGOT_HOSTS, to let it in.");
}

bool Guard::AllowsOrigin(std::string_view origin) const {
  return std::any_of(options_.origins.begin(), options_.origins.end(),
                     [&](std::string_view listed) {
                       if (listed == "*" || core::EqualsIgnoreCase(listed, origin)) return true;
                       // "http://localhost:*", "app://*"
                       if (!listed.ends_with("*") || listed.size() < 2) return false;
                       listed.remove_suffix(1);
                       return origin.size() > listed.size() &&
                              core::EqualsIgnoreCase(origin.substr(0, listed.size()), listed);
                     });
}

Result<std::string> Guard::CheckOrigin(const Request& request) const {
  const std::string* origin = request.headers.Find("origin");
  if (origin == nullptr) return std::string();
  if (request.headers.Count("origin") > 1) {
    return core::InvalidArgument("there are several Origin headers");
  }
  const std::string own = StrCat(SchemeOf(request), "://", request.headers.Get("host"));
  if (core::EqualsIgnoreCase(*origin, own)) return std::string();
  if (AllowsOrigin(*origin)) return *origin;
  return Status(core::Code::kPermission,
                StrCat("pages of ", core::Quoted(*origin, 100), " may not ask here"))
      .WithHint("List the origin in INGOT_ORIGINS to let it in.");
}

void AddCorsHeaders(const std::string& origin, Headers& headers) {
  if (origin.empty()) return;
  headers.Add("Access-Control-Allow-Origin", origin);
  headers.Add("Vary", "Origin");
}

Reply PreflightReply(const std::string& origin, const Request& request) {
  Reply reply;
  reply.status = 204;
  reply.content_type.clear();
  reply.headers.Add("Allow", "GET, HEAD, POST, DELETE, OPTIONS");
  if (origin.empty()) return reply;
  AddCorsHeaders(origin, reply.headers);
  reply.headers.Add("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE, OPTIONS");
  reply.headers.Add("Access-Control-Max-Age", "600");
  // What the page wants to send, if that is a list of names and nothing else.
  const std::string_view wanted = request.headers.Get("access-control-request-headers");
  const bool plain = std::all_of(wanted.begin(), wanted.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == ',' || c == ' ';
  });
  if (plain && !wanted.empty()) {
    reply.headers.Add("Access-Control-Allow-Headers", std::string(wanted));
  }
  return reply;
}

}  // namespace ingot::server
