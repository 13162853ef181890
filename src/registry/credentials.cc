#include "registry/credentials.h"

#include <vector>

#include "core/json.h"
#include "core/strings.h"
#include "registry/base64.h"

namespace ingot::registry {
namespace {

using core::Json;
using core::Path;
using core::Result;
using core::Status;
using core::StrCat;

constexpr uint64_t kLongestFile = 1 << 20;

// A header is made of these: whatever could end its line is refused.
bool IsPrintable(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return false;
  }
  return true;
}

std::string Where(const Path& path) { return core::Printable(path.native(), 1000); }

// nullopt where there is no such file.
Result<std::optional<std::string>> ReadIfThere(core::Env& env, const Path& path) {
  Result<std::string> text = core::ReadSmallFile(env, path, kLongestFile);
  if (text.ok()) return std::optional<std::string>(*std::move(text));
  if (text.status().code() == core::Code::kNotFound) return std::optional<std::string>();
  return std::move(text).status();
}

// The first variable's value, else a path below the home directory; empty where neither is set.
Path FileFrom(const Environment& environment, const char* variable, const char* below_home) {
  if (const auto value = environment(variable)) return *value;
  const auto home = environment("HOME");
  return home && !home->empty() ? Path(*home) / below_home : Path();
}

const std::string* Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return nullptr;
  return found->get_ptr<const std::string*>();
}

Result<Credentials> FromDockerEntry(const Json& entry) {
  Credentials credentials;
  if (!entry.is_object()) return core::Corrupt("an entry of \"auths\" is no object");
  if (const std::string* token = Text(entry, "registrytoken")) credentials.token = *token;
  if (const std::string* token = Text(entry, "identitytoken")) credentials.refresh = *token;
  if (const std::string* auth = Text(entry, "auth"); auth != nullptr && !auth->empty()) {
    const auto pair = DecodeBase64(*auth);
    const size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) return core::Corrupt("\"auth\" is not user:password in base64");
    credentials.login = Login{pair->substr(0, colon), pair->substr(colon + 1)};
    while (credentials.login->password.ends_with('\0')) credentials.login->password.pop_back();
  } else if (const std::string* user = Text(entry, "username")) {
    const std::string* password = Text(entry, "password");
    credentials.login = Login{*user, password == nullptr ? "" : *password};
  }
  return credentials;
}

bool Any(const Credentials& c) {
  return !c.token.empty() || !c.refresh.empty() || c.login || c.key;
}

Status CheckHeaders(const Credentials& c) {
  if (IsPrintable(c.token) && IsPrintable(c.refresh)) return Status::Ok();
  return core::InvalidArgument("a token holds control characters");
}

}  // namespace

Result<Credentials> FromDockerConfig(std::string_view text, const Url& registry) {
  INGOT_ASSIGN(const Json config, core::ParseJson(text));
  const auto auths = config.is_object() ? config.find("auths") : config.end();
  if (!config.is_object() || auths == config.end()) return Credentials{};
  if (!auths->is_object()) return core::Corrupt("\"auths\" is no object");
  const std::string with_port = StrCat(registry.host(), ":", registry.port());
  const bool default_port = registry.port() == (registry.secure() ? 443 : 80);
  for (const auto& [key, entry] : auths->items()) {
    // "host", "host:port", and in old files a whole address.
    std::string_view host = key;
    for (const std::string_view scheme : {"https://", "http://"}) {
      if (host.starts_with(scheme)) host.remove_prefix(scheme.size());
    }
    host = host.substr(0, host.find('/'));
    const bool same = core::EqualsIgnoreCase(host, with_port) ||
                      (default_port && core::EqualsIgnoreCase(host, registry.host()));
    if (!same) continue;
    INGOT_ASSIGN(Credentials credentials, FromDockerEntry(entry));
    if (Any(credentials)) return credentials;
  }
  return Credentials{};
}

std::optional<Login> FromNetrc(std::string_view text, std::string_view host) {
  std::vector<std::string_view> words;
  for (const std::string_view line : core::Split(text, '\n')) {
    size_t at = 0;
    while (true) {
      at = line.find_first_not_of(" \t\r", at);
      if (at == std::string_view::npos || line[at] == '#') break;
      const size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end;
    }
  }
  std::optional<Login> found;
  bool ours = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const bool has_value = i + 1 < words.size();
    if (word == "default" || (word == "machine" && has_value)) {
      if (found) break;
      ours = word == "default" || core::EqualsIgnoreCase(words[++i], host);
      continue;
    }
    if (word == "macdef") break;  // commands for ftp up to an empty line: nothing for us follows
    if (!has_value) break;
    const std::string_view value = words[++i];
    if (!ours) continue;
    if (word == "login") {
      if (!found) found.emplace();
      found->user = value;
    } else if (word == "password") {
      if (!found) found.emplace();
      found->password = value;
    }
  }
  return found;
}

Result<Credentials> FindCredentials(core::Env& env, const Environment& environment,
                                    const Url& registry) {
  if (const auto token = environment("INGOT_REGISTRY_TOKEN")) {
    Credentials credentials;
    credentials.token = core::Trim(*token);
    INGOT_TRY(CheckHeaders(credentials).Context("INGOT_REGISTRY_TOKEN"));
    return credentials;
  }
  Path docker = FileFrom(environment, "DOCKER_CONFIG", ".docker");
  if (!docker.empty()) {
    docker /= "config.json";
    INGOT_ASSIGN(const auto text, ReadIfThere(env, docker));
    if (text) {
      Result<Credentials> credentials = FromDockerConfig(*text, registry);
      if (!credentials.ok()) return std::move(credentials).Context(Where(docker));
      INGOT_TRY(CheckHeaders(*credentials).Context(Where(docker)));
      if (Any(*credentials)) return credentials;
    }
  }
  const Path netrc = FileFrom(environment, "NETRC", ".netrc");
  if (!netrc.empty()) {
    INGOT_ASSIGN(const auto text, ReadIfThere(env, netrc));
    Credentials credentials;
    if (text) credentials.login = FromNetrc(*text, registry.host());
    if (credentials.login) return credentials;
  }
  const Path key_file = FileFrom(environment, "INGOT_REGISTRY_KEY", ".ollama/id_ed25519");
  Credentials credentials;
  if (!key_file.empty()) {
    INGOT_ASSIGN(const auto text, ReadIfThere(env, key_file));
    if (text) {
      Result<SigningKey> key = SigningKey::Parse(*text);
      if (!key.ok()) return std::move(key).status().Context(Where(key_file));
      credentials.key = *std::move(key);
    }
  }
  return credentials;
}

}  // namespace ingot::registry
