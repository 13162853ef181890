#include "registry/authorizer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <openssl/rand.h>

#include "core/json.h"
#include "core/sha256.h"
#include "core/strings.h"
#include "registry/base64.h"
#include "registry/text_sink.h"

namespace ingot::registry {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

constexpr size_t kLongestAnswer = 1 << 20;
constexpr size_t kLongestToken = 1 << 16;

std::string Basic(const Login& login) {
  return "Basic " + EncodeBase64(StrCat(login.user, ":", login.password));
}

Result<std::string> TokenOf(const std::string& answer) {
  INGOT_ASSIGN(const core::Json json, core::ParseJson(answer));
  for (const char* key : {"token", "access_token"}) {
    const auto found = json.is_object() ? json.find(key) : json.end();
    if (found == json.end() || !found->is_string()) continue;
    const auto& token = found->get_ref<const std::string&>();
    const bool sound =
        !token.empty() && token.size() <= kLongestToken &&
        std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!sound) return core::Corrupt("its token is empty, too long or no plain text");
    return token;
  }
  return core::Corrupt("its answer holds no token");
}

}  // namespace

Authorizer::Authorizer(Url registry, Credentials credentials, bool insecure,
                       const core::Clock& clock)
    : registry_(std::move(registry)),
      credentials_(std::move(credentials)),
      insecure_(insecure),
      clock_(clock) {
  if (!credentials_.token.empty()) header_ = "Bearer " + credentials_.token;
}

std::string Authorizer::Header() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return header_;
}

Status Authorizer::CheckRealm(const Url& realm) const {
  const auto refuse = [&](std::string_view why) {
    return Status(core::Code::kPermission,
                  StrCat("the registry ", registry_.Origin(), " asks for credentials at ",
                         realm.Origin(), ", ", why));
  };
  if (!SameOwner(registry_.host(), realm.host())) {
    return refuse("which does not belong to it: nothing was sent there");
  }
  if (!realm.secure() && !insecure_) {
    return refuse("which is not encrypted: nothing was sent there")
        .WithHint("--insecure allows it.");
  }
  return Status::Ok();
}

Result<Url> Authorizer::TokenUrl(const Challenge& challenge) const {
  INGOT_ASSIGN(const Url realm, Url::Parse(challenge.realm));
  INGOT_TRY(CheckRealm(realm));
  std::vector<std::string> query;
  if (credentials_.key) {
    std::array<unsigned char, 16> nonce = {};
    if (RAND_bytes(nonce.data(), nonce.size()) != 1) return core::Internal("no random numbers");
    query.push_back("nonce=" +
                    EncodeBase64Url({reinterpret_cast<const char*>(nonce.data()), nonce.size()}));
    query.push_back(StrCat("ts=", clock_.WallNs() / 1'000'000'000));
  }
  for (const std::string_view scope : core::Split(challenge.scope, ' ')) {
    if (!scope.empty()) query.push_back("scope=" + EscapeQuery(scope));
  }
  if (!challenge.service.empty()) query.push_back("service=" + EscapeQuery(challenge.service));
  // By key; scopes in their own order.
  std::stable_sort(query.begin(), query.end(), [](const std::string& a, const std::string& b) {
    return std::string_view(a).substr(0, a.find('=')) < std::string_view(b).substr(0, b.find('='));
  });
  if (query.empty()) return realm;
  const char* separator = realm.text().find('?') == std::string::npos ? "?" : "&";
  return Url::Parse(StrCat(realm.text(), separator, core::Join(query, "&")));
}

Authorizer::Outcome Authorizer::FetchToken(const Challenge& challenge, bool registry_private,
                                           HttpClient& http, std::string& token) {
  const Result<Url> url = TokenUrl(challenge);
  if (!url.ok()) return {url.status(), false};
  std::vector<std::string> attempts;  // values of the Authorization header; empty: none
  if (credentials_.login) {
    attempts.push_back(Basic(*credentials_.login));
  } else if (!credentials_.refresh.empty()) {
    attempts.push_back("Bearer " + credentials_.refresh);
  } else if (credentials_.key) {
    const std::string empty = core::HexLower(core::Sha256::Of({}));
    const Result<std::string> signature =
        credentials_.key->Sign(StrCat("GET,", url->text(), ",", EncodeBase64(empty)));
    if (!signature.ok()) return {signature.status(), false};
    attempts.push_back(*signature);
    // A registry of another kind may not know the scheme, and serve strangers.
    attempts.emplace_back();
  } else {
    attempts.emplace_back();
  }
  Outcome outcome;
  for (const std::string& authorization : attempts) {
    HttpRequest request{*url, {}, false};
    // Its name may lead anywhere once it is resolved; only the registry's own host is as trusted as
    // the registry.
    request.refuse_private = url->host() != registry_.host() && !registry_private;
    if (!authorization.empty()) request.headers.push_back({"Authorization", authorization});
    TextSink sink(kLongestAnswer);
    const Transfer transfer = http.Send(request, sink);
    if (!transfer.status.ok()) {
      return {transfer.status.Context("asking for a token"), transfer.transient};
    }
    const int status = transfer.response.status;
    if (status == 200) {
      Result<std::string> found = TokenOf(sink.text());
      if (!found.ok()) return {std::move(found).status().Context(url->Origin()), false};
      token = *std::move(found);
      return {};
    }
    const bool busy = status == 429 || status >= 500;
    outcome.transient = busy;
    outcome.status = Status(busy ? core::Code::kIo : core::Code::kPermission,
                            StrCat(url->Origin(), " gives no token: it answers ", status));
    if (busy) break;
  }
  return outcome;
}

Authorizer::Outcome Authorizer::Renew(const std::string& rejected, std::string_view challenge,
                                      bool registry_private, HttpClient& http) {
  const std::lock_guard<std::mutex> hold(lock_);
  if (header_ != rejected) return {};  // another thread was quicker
  const auto refused = [&](std::string_view why) {
    return Outcome{
        Status(core::Code::kPermission, StrCat("the registry ", registry_.Origin(), " ", why))};
  };
  if (!credentials_.token.empty()) return refused("does not accept the token it was given");
  const Result<Challenge> parsed = ParseChallenge(challenge);
  if (!parsed.ok()) return {parsed.status(), false};
  if (parsed->scheme == Challenge::Scheme::kBasic) {
    if (!credentials_.login) return refused("asks for a user name and a password");
    if (!rejected.empty()) return refused("does not accept the user name and password");
    if (!registry_.secure() && !insecure_) return refused("is not encrypted");
    header_ = Basic(*credentials_.login);
    return {.status = Status::Ok(), .fresh = true};
  }
  std::string token;
  Outcome outcome = FetchToken(*parsed, registry_private, http, token);
  if (outcome.status.ok()) header_ = "Bearer " + token;
  outcome.fresh = true;
  return outcome;
}

}  // namespace ingot::registry
