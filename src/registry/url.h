// Addresses of registries and of what they redirect to. Whoever holds a Url holds an absolute
// http or https address without a user, a fragment or control characters, taken apart by the very
// library that connects to it, so that no two parsers disagree on where it leads. Values; any
// thread.
#ifndef INGOT_REGISTRY_URL_H_
#define INGOT_REGISTRY_URL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::registry {

class Url {
 public:
  static core::Result<Url> Parse(std::string_view text);
  // What a Location header means that came from here: absolute, or relative to this.
  core::Result<Url> Resolve(std::string_view location) const;

  const std::string& text() const { return text_; }
  const std::string& host() const { return host_; }  // lower case; IPv6 without brackets
  uint16_t port() const { return port_; }
  bool secure() const { return secure_; }
  // "https://host:port", for messages: a query may hold a signature, which nobody should see.
  std::string Origin() const;

 private:
  Url() = default;
  static core::Result<Url> Make(const std::string* base, std::string_view text);

  std::string text_;
  std::string host_;
  uint16_t port_ = 0;
  bool secure_ = false;
};

// Scheme, host and port are the same.
bool SameOrigin(const Url& a, const Url& b);

// "127.0.0.1", "::1".
bool IsIpLiteral(std::string_view host);

// Whether one owner answers for both hosts: the same host, or names below one registrable domain
// ("auth.example.co.uk" and "registry.example.co.uk", but not two names of "co.uk").
bool SameOwner(std::string_view host, std::string_view other);

// text percent-encoded for a query.
std::string EscapeQuery(std::string_view text);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_URL_H_
