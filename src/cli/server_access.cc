#include "cli/server_access.h"

#include <chrono>
#include <cstdlib>

namespace ingot::cli {

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::string FirstVariable(const char* one, const char* other) {
  if (const auto value = Variable(one)) return *value;
  return Variable(other).value_or("");
}

const char* NumberVariable(const char* ours, const char* theirs) {
  return !Variable(ours) && Variable(theirs).value_or("0") != "0" ? theirs : ours;
}

core::Result<server::Client> ServerClient() {
  INGOT_ASSIGN(const server::Address address, server::AddressFromEnvironment(Variable));
  server::ClientOptions options;
  options.key = Variable("INGOT_API_KEY").value_or("");
  return server::Client(address, options);
}

std::optional<server::Client> RunningServer() {
  const auto address = server::AddressFromEnvironment(Variable);
  if (!address.ok() || address->tls) return std::nullopt;
  server::ClientOptions quick;
  quick.connect_time = std::chrono::milliseconds(300);
  quick.silence = std::chrono::milliseconds(1000);
  const auto reply = server::Client(*address, quick).Call(server::Method::kGet, "/health", "");
  if (!reply.ok() || reply->status != 200 || !server::IsIngot(*reply)) return std::nullopt;
  auto client = ServerClient();
  if (!client.ok()) return std::nullopt;
  return *std::move(client);
}

}  // namespace ingot::cli
