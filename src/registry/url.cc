#include "registry/url.h"

#include <arpa/inet.h>
#include <libpsl.h>

#include <array>
#include <memory>

#include <curl/curl.h>

#include "core/strings.h"

namespace ingot::registry {
namespace {

using core::Result;
using core::StrCat;

constexpr size_t kLongestUrl = 16384;

using UrlHandle = std::unique_ptr<CURLU, void (*)(CURLU*)>;

// One part of a parsed address; empty where it has none.
std::string Part(CURLU* handle, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, void (*)(void*)> owner(text, &curl_free);
  return text;
}

}  // namespace

Result<Url> Url::Make(const std::string* base, std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return core::InvalidArgument(StrCat("the address ", core::Quoted(text, 300), ": ", why));
  };
  if (text.size() > kLongestUrl) return refuse(StrCat("is longer than ", kLongestUrl, " bytes"));
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '\\') {
      return refuse("holds a space, a backslash or a control character");
    }
  }
  const UrlHandle handle(curl_url(), &curl_url_cleanup);
  if (handle == nullptr) return core::Internal("no memory for an address");
  if (base != nullptr && curl_url_set(handle.get(), CURLUPART_URL, base->c_str(), 0) != CURLUE_OK) {
    return core::Internal("an address that was good is so no longer");
  }
  const std::string copy(text);
  const CURLUcode code =
      curl_url_set(handle.get(), CURLUPART_URL, copy.c_str(), CURLU_DISALLOW_USER);
  if (code == CURLUE_USER_NOT_ALLOWED) return refuse("holds a user's name");
  if (code != CURLUE_OK) return refuse(curl_url_strerror(code));
  curl_url_set(handle.get(), CURLUPART_FRAGMENT, nullptr, 0);

  Url url;
  const std::string scheme = core::ToLower(Part(handle.get(), CURLUPART_SCHEME));
  if (scheme != "https" && scheme != "http") return refuse("is neither http nor https");
  url.secure_ = scheme == "https";
  url.host_ = core::ToLower(Part(handle.get(), CURLUPART_HOST));
  if (url.host_.starts_with('[') && url.host_.ends_with(']')) {
    url.host_ = url.host_.substr(1, url.host_.size() - 2);
  }
  while (url.host_.ends_with('.')) url.host_.pop_back();
  const auto port = core::ParseUint(Part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  if (url.host_.empty()) return refuse("has no host");
  if (!port || *port == 0 || *port > 65535) return refuse("has no valid port");
  url.port_ = static_cast<uint16_t>(*port);
  url.text_ = Part(handle.get(), CURLUPART_URL);
  return url;
}

Result<Url> Url::Parse(std::string_view text) { return Make(nullptr, text); }

Result<Url> Url::Resolve(std::string_view location) const { return Make(&text_, location); }

std::string Url::Origin() const {
  const bool bracket = host_.find(':') != std::string::npos;
  return StrCat(secure_ ? "https://" : "http://", bracket ? "[" : "", host_, bracket ? "]" : "",
                ":", port_);
}

bool SameOrigin(const Url& a, const Url& b) {
  return a.secure() == b.secure() && a.host() == b.host() && a.port() == b.port();
}

bool IsIpLiteral(std::string_view host) {
  const std::string text(host.substr(0, host.find('%')));  // without an IPv6 zone
  std::array<unsigned char, 16> address = {};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

bool SameOwner(std::string_view host, std::string_view other) {
  if (core::EqualsIgnoreCase(host, other)) return true;
  if (IsIpLiteral(host) || IsIpLiteral(other)) return false;
  const psl_ctx_t* list = psl_builtin();
  if (list == nullptr) return false;
  const std::string a = core::ToLower(host);
  const std::string b = core::ToLower(other);
  const char* domain_a = psl_registrable_domain(list, a.c_str());
  const char* domain_b = psl_registrable_domain(list, b.c_str());
  return domain_a != nullptr && domain_b != nullptr &&
         std::string_view(domain_a) == std::string_view(domain_b);
}

std::string EscapeQuery(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-_.~";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += StrCat('%', kDigits[byte >> 4], kDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace ingot::registry
