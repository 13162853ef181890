// Which proxy a request goes through, by the environment's convention: HTTPS_PROXY for https,
// http_proxy (in lower case only: a web server may be made to set the other) for http, ALL_PROXY
// for both, and NO_PROXY with hosts and domains that are reached directly. Decided here and not in
// libcurl, because a request through a proxy shows the proxy's address, not its target's. Values.
#ifndef INGOT_REGISTRY_PROXY_H_
#define INGOT_REGISTRY_PROXY_H_

#include <string>

#include "registry/environment.h"
#include "registry/url.h"

namespace ingot::registry {

struct ProxySettings {
  std::string http;
  std::string https;
  std::string none;  // comma-separated hosts and domains, or "*"

  static ProxySettings From(const Environment& environment);
  // Empty: directly.
  std::string For(const Url& url) const;
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_PROXY_H_
