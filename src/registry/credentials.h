// What a person gave us to show a registry, looked for in this order:
//
//   1. INGOT_REGISTRY_TOKEN     a bearer token, for the registry that the command names
//   2. docker's config.json     "auths" of $DOCKER_CONFIG or ~/.docker; helpers named there are
//                               programs, and are not run
//   3. netrc                    $NETRC or ~/.netrc
//   4. a signing key            $INGOT_REGISTRY_KEY or ~/.ollama/id_ed25519
//
// Whom they are shown to is decided in authorizer.h. Values; any thread.
#ifndef INGOT_REGISTRY_CREDENTIALS_H_
#define INGOT_REGISTRY_CREDENTIALS_H_

#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/status.h"
#include "registry/environment.h"
#include "registry/signing_key.h"
#include "registry/url.h"

namespace ingot::registry {

struct Login {
  std::string user;
  std::string password;
};

struct Credentials {
  std::string token;    // a bearer token as it is
  std::string refresh;  // an identity token, which a token server takes instead of a login
  std::optional<Login> login;
  std::optional<SigningKey> key;
};

// A file that is there and cannot be read, or holds nonsense, is an error naming it.
core::Result<Credentials> FindCredentials(core::Env& env, const Environment& environment,
                                          const Url& registry);

// The entry of host (or host:port) in docker's config.json; empty credentials where there is none.
core::Result<Credentials> FromDockerConfig(std::string_view text, const Url& registry);

// The login of host in a netrc file, or its default entry.
std::optional<Login> FromNetrc(std::string_view text, std::string_view host);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_CREDENTIALS_H_
