// Where a server listens, as INGOT_HOST and OLLAMA_HOST say it: "host", "host:port", ":port",
// "[::1]:port", "http://host:port". Values; any thread.
#ifndef INGOT_SERVER_ADDRESS_H_
#define INGOT_SERVER_ADDRESS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::server {

inline constexpr uint16_t kDefaultPort = 11434;

struct Address {
  std::string host = "127.0.0.1";
  uint16_t port = kDefaultPort;
  bool tls = false;

  // "127.0.0.1:11434", "[::1]:11434"
  std::string Text() const;
  // Where a client of this machine finds it: 127.0.0.1 for one that listens everywhere.
  Address ForClients() const;
};

core::Result<Address> ParseAddress(std::string_view text);
// INGOT_HOST, else OLLAMA_HOST, else loopback. `variable` gives nullopt for what is not set.
core::Result<Address> AddressFromEnvironment(
    const std::function<std::optional<std::string>(const char*)>& variable);

}  // namespace ingot::server

#endif  // INGOT_SERVER_ADDRESS_H_
