#include "registry/proxy.h"

#include <initializer_list>
#include <string_view>

#include "core/strings.h"

namespace ingot::registry {
namespace {

std::string FirstOf(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (auto value = environment(name); value && !value->empty()) return *value;
  }
  return "";
}

}  // namespace

ProxySettings ProxySettings::From(const Environment& environment) {
  const std::string all = FirstOf(environment, {"all_proxy", "ALL_PROXY"});
  ProxySettings settings;
  settings.http = FirstOf(environment, {"http_proxy"});
  settings.https = FirstOf(environment, {"https_proxy", "HTTPS_PROXY"});
  if (settings.http.empty()) settings.http = all;
  if (settings.https.empty()) settings.https = all;
  settings.none = FirstOf(environment, {"no_proxy", "NO_PROXY"});
  return settings;
}

std::string ProxySettings::For(const Url& url) const {
  const std::string& proxy = url.secure() ? https : http;
  if (proxy.empty()) return "";
  for (std::string_view entry : core::Split(none, ',')) {
    entry = core::Trim(entry);
    if (entry == "*") return "";
    while (entry.starts_with('.')) entry.remove_prefix(1);
    const std::string domain = core::ToLower(entry);
    if (domain.empty()) continue;
    if (url.host() == domain || url.host().ends_with("." + domain)) return "";
  }
  return proxy;
}

}  // namespace ingot::registry
