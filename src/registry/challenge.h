// What a registry says it wants with a 401: the WWW-Authenticate header (RFC 9110, 11.6.1), of
// which the Bearer scheme of the Docker token protocol and Basic are known. Values; any thread.
#ifndef INGOT_REGISTRY_CHALLENGE_H_
#define INGOT_REGISTRY_CHALLENGE_H_

#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::registry {

struct Challenge {
  enum class Scheme { kBearer, kBasic };
  Scheme scheme = Scheme::kBearer;
  std::string realm;    // of Bearer: where tokens are given out
  std::string service;  // whom the token is for
  std::string scope;    // what it shall allow; several, separated by spaces
};

// The first challenge of a scheme that is known. Several may stand in one header.
core::Result<Challenge> ParseChallenge(std::string_view header);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_CHALLENGE_H_
