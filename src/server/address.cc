#include "server/address.h"

#include "core/checked.h"
#include "core/strings.h"

namespace ingot::server {

using core::Result;
using core::StrCat;

std::string Address::Text() const {
  const bool bare_v6 = host.find(':') != std::string::npos;
  return StrCat(bare_v6 ? "[" : "", host, bare_v6 ? "]:" : ":", port);
}

Address Address::ForClients() const {
  Address address = *this;
  if (host == "0.0.0.0" || host.empty()) address.host = "127.0.0.1";
  if (host == "::") address.host = "::1";
  return address;
}

Result<Address> ParseAddress(std::string_view text) {
  const std::string shown = core::Quoted(text, 200);
  const auto wrong = [&](std::string_view why) {
    return core::InvalidArgument(StrCat("the address ", shown, ": ", why))
        .WithHint("Write it as 127.0.0.1:11434.");
  };
  Address address;
  std::string_view rest = core::Trim(text);
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    address.port = 80;
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
    address.port = 443;
    address.tls = true;
  } else if (rest.find("://") != std::string_view::npos) {
    return wrong("expected http or https");
  }
  rest = rest.substr(0, rest.find('/'));
  std::string_view host = rest;
  std::optional<std::string_view> port;
  if (rest.starts_with("[")) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return wrong("a bracket is not closed");
    host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':') return wrong("expected a colon behind the bracket");
    if (!rest.empty()) port = rest.substr(1);
  } else if (const size_t colon = rest.find(':');
             colon != std::string_view::npos &&
             rest.find(':', colon + 1) == std::string_view::npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
  }
  if (!host.empty()) address.host = host;
  for (const char c : address.host) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return wrong("it has white space");
  }
  if (port) {
    const std::optional<uint64_t> number = core::ParseUint(*port);
    const std::optional<uint16_t> fits =
        number ? core::CheckedCast<uint16_t>(*number) : std::nullopt;
    if (!fits) return wrong("the port is no number up to 65535");
    address.port = *fits;
  }
  return address;
}

Result<Address> AddressFromEnvironment(
    const std::function<std::optional<std::string>(const char*)>& variable) {
  for (const char* name : {"INGOT_HOST", "OLLAMA_HOST"}) {
    if (const auto value = variable(name)) return ParseAddress(*value).Context(name);
  }
  return Address();
}

}  // namespace ingot::server
