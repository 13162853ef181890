// Asks one registry for things by the Docker registry protocol (version 2): adds its tokens, gets
// them when it wants them, and follows its redirects, counting them and looking where they lead.
//
//   - a token goes to the registry's own scheme, host and port, and nowhere else
//   - at most 10 redirects; never from https to http unless plain HTTP was asked for
//   - none to a private address, unless the registry itself answers from one
//
// One answer that was wanted reaches the caller's sink; everything else becomes a status, with
// whether it is worth trying again and how long the server asks to wait before.
//
// Thread-safe, each thread with its own HttpClient.
#ifndef INGOT_REGISTRY_CLIENT_H_
#define INGOT_REGISTRY_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/status.h"
#include "registry/authorizer.h"
#include "registry/http.h"
#include "store/digest.h"
#include "store/manifest.h"
#include "store/name.h"

namespace ingot::registry {

struct Answer {
  core::Status status = {};
  bool transient = false;
  std::optional<int64_t> retry_after_ns = {};
  std::string source = {};  // the origin that answered last
  int http_status = 0;      // where that is why it is no success
};

// One request, and which answers to it are the ones that were wanted.
struct Request {
  Url url;
  std::string method = "GET";
  std::vector<Header> headers = {};
  BodySource* body = nullptr;
  int64_t answer_timeout_ns = 0;         // see HttpRequest
  bool bare = false;                     // without a token, whoever it goes to
  std::vector<int> wanted = {200, 206};  // of redirects: those that are not to be followed
};
struct Reply {
  Answer answer;          // OK: it was one of the wanted ones
  HttpResponse response;  // of the last server asked, as far as it came
  Url url;                // of that one
};

class RegistryClient {
 public:
  // Of the registry that name belongs to. insecure: over plain HTTP.
  static core::Result<Url> BaseOf(const store::ModelName& name, bool insecure);

  RegistryClient(Url base, Credentials credentials, bool insecure, const core::Clock& clock);

  Reply Send(HttpClient& http, const Request& request, BodySink& sink);
  // Where a redirect, or an answer that says where to go on, leads from there.
  core::Result<Url> Follow(const Url& from, const std::string& location) const;

  // GET of a path on the registry.
  Answer Get(HttpClient& http, const std::string& path, const std::vector<Header>& headers,
             BodySink& sink);

  // The manifest's bytes, checked against the digest that the registry states, if it does.
  struct ManifestAnswer {
    Answer answer;
    std::string bytes;
  };
  ManifestAnswer GetManifest(HttpClient& http, const store::ModelName& name);

  static std::string BlobPath(const store::ModelName& name, const store::Digest& digest);
  static std::string ManifestPath(const store::ModelName& name);
  const Url& base() const { return base_; }

 private:
  // What a 401 leads to: OK when the request may be sent again.
  struct Renewals {
    int own = 0;  // tokens that this request asked for
    int all = 0;
  };
  Answer Renew(HttpClient& http, const Url& url, const HttpResponse& response,
               const std::string& rejected, const std::string& text, Renewals& renewals);
  Answer Fail(const Url& url, const HttpResponse& response, const std::string& body) const;

  const Url base_;
  const bool insecure_;
  const core::Clock& clock_;
  Authorizer authorizer_;
  std::atomic<bool> private_{false};  // the registry answered from a private address
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_CLIENT_H_
