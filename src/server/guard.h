// Who may speak to the server from a browser: checks of Host against DNS rebinding, and of Origin,
// which lets no foreign page in unless it was listed. Pure; any thread.
#ifndef INGOT_SERVER_GUARD_H_
#define INGOT_SERVER_GUARD_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "server/http_types.h"

namespace ingot::server {

struct GuardOptions {
  std::vector<std::string> hosts;    // names beside our own that a Host may be; "*": any
  std::vector<std::string> origins;  // "https://app.example.com", "app://*"; "*": any
  std::string own_host;              // what this machine is called
};

class Guard {
 public:
  explicit Guard(GuardOptions options);

  // kPermission, saying what to do, or OK. Any address as a number is fine, for it was not looked
  // up; so are localhost and what is surely local.
  core::Status CheckHost(const Headers& headers) const;
  // The origin of a page that may read answers: "" where no page asks, or one of our own. A page of
  // anybody else is kPermission.
  core::Result<std::string> CheckOrigin(const Request& request) const;

 private:
  bool AllowsHost(std::string_view name) const;
  bool AllowsOrigin(std::string_view origin) const;

  GuardOptions options_;
};

// The headers that let a page of a listed origin read an answer. Nothing for "".
void AddCorsHeaders(const std::string& origin, Headers& headers);
// The answer to OPTIONS, which asks beforehand.
Reply PreflightReply(const std::string& origin, const Request& request);

// "[::1]:80" and "localhost:80" without their ports, in lower case.
std::string HostName(std::string_view host);
bool IsAddress(std::string_view host);   // of either family, without brackets
bool IsLoopback(std::string_view host);  // "127.0.0.1", "::1", "localhost"

}  // namespace ingot::server

#endif  // INGOT_SERVER_GUARD_H_
