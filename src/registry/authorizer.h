// Tokens for one registry: got when it asks (a 401 that names a realm), shown to the registry
// alone, renewed once they are refused. Several requests that are refused at once make one renewal.
//
// A realm gets credentials only when it is the registry's own host, shares its registrable domain,
// or, for a registry on an address of its own (127.0.0.1:5000), is at that address; and only over
// TLS unless plain HTTP was asked for. So no registry can have us hand what we know to a stranger.
//
// Thread-safe.
#ifndef INGOT_REGISTRY_AUTHORIZER_H_
#define INGOT_REGISTRY_AUTHORIZER_H_

#include <mutex>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/status.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/http.h"

namespace ingot::registry {

class Authorizer {
 public:
  Authorizer(Url registry, Credentials credentials, bool insecure, const core::Clock& clock);

  // For the next request to the registry: the value of its Authorization header, or empty.
  std::string Header() const;

  struct Outcome {
    core::Status status;
    bool transient = false;
    bool fresh = false;  // this call got it, and not another thread before
  };
  // The registry refused `rejected` (a value of Header) with this challenge. OK when Header has
  // another one now. registry_private: it answers from a private network, so its realm may, too.
  Outcome Renew(const std::string& rejected, std::string_view challenge, bool registry_private,
                HttpClient& http);

 private:
  Outcome FetchToken(const Challenge& challenge, bool registry_private, HttpClient& http,
                     std::string& token);
  core::Result<Url> TokenUrl(const Challenge& challenge) const;
  core::Status CheckRealm(const Url& realm) const;

  const Url registry_;
  const Credentials credentials_;
  const bool insecure_;
  const core::Clock& clock_;

  mutable std::mutex lock_;
  std::string header_;  // guarded by lock_
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_AUTHORIZER_H_
