#include "server/api_keys.h"

#include <sys/stat.h>

#include <algorithm>

#include <openssl/crypto.h>

#include "core/strings.h"
#include "store/digest.h"

namespace ingot::server {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

constexpr uint64_t kMaxFileBytes = uint64_t{4} << 20;
constexpr size_t kMaxKeys = 10'000;
constexpr size_t kLeastKeyBytes = 16;
constexpr size_t kMostKeyBytes = 4096;

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < line.size();) {
    const size_t begin = line.find_first_not_of(" \t\r", at);
    if (begin == std::string_view::npos || line[begin] == '#') break;
    const size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    at = end;
  }
  return words;
}

core::Sha256Bytes HashOf(std::string_view key) { return core::Sha256::Of(core::AsBytes(key)); }

}  // namespace

bool EqualInConstantTime(const core::Sha256Bytes& a, const core::Sha256Bytes& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<ApiKeys> ApiKeys::Parse(std::string_view text) {
  ApiKeys keys;
  for (size_t number = 1; const std::string_view line : core::Split(text, '\n')) {
    const std::string where = StrCat("line ", number++);
    const std::vector<std::string_view> words = Words(line);
    if (words.empty()) continue;
    if (words.size() != 3) {
      return core::InvalidArgument(StrCat(where, ": expected a name, a role and a key"));
    }
    Key key;
    key.name = words[0];
    if (words[1] == "infer") key.role = Role::kInfer;
    if (words[1] == "manage") key.role = Role::kManage;
    if (key.role == Role::kNone) {
      return core::InvalidArgument(
          StrCat(where, ": the role ", core::Quoted(words[1], 40), " is neither infer nor manage"));
    }
    if (words[2].starts_with("sha256:")) {
      INGOT_ASSIGN(const store::Digest digest, store::Digest::Parse(words[2]).Context(where));
      key.hash = digest.bytes();
    } else if (words[2].size() < kLeastKeyBytes || words[2].size() > kMostKeyBytes) {
      return core::InvalidArgument(
          StrCat(where, ": a key has ", kLeastKeyBytes, " to ", kMostKeyBytes, " characters"));
    } else {
      key.hash = HashOf(words[2]);
    }
    for (const Key& other : keys.keys_) {
      if (other.name == key.name) {
        return core::InvalidArgument(
            StrCat(where, ": there are two keys named ", core::Quoted(key.name, 60)));
      }
      if (EqualInConstantTime(other.hash, key.hash)) {
        return core::InvalidArgument(StrCat(where, ": ", core::Quoted(key.name, 60),
                                            " has the key of ", core::Quoted(other.name, 60)));
      }
    }
    keys.keys_.push_back(std::move(key));
    if (keys.keys_.size() > kMaxKeys) return core::Exhausted(StrCat("over ", kMaxKeys, " keys"));
  }
  if (keys.empty()) return core::InvalidArgument("holds no key");
  return keys;
}

Result<ApiKeys> ApiKeys::Load(core::Env& env, const core::Path& file) {
  const std::string shown = core::Printable(file.native(), 1000);
  INGOT_ASSIGN(const std::string text, core::ReadSmallFile(env, file, kMaxFileBytes));
  struct stat info = {};
  if (stat(file.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Status(core::Code::kPermission, StrCat(shown, ": others may read the keys in it"))
        .WithHint(StrCat("Run: chmod 600 ", shown));
  }
  return Parse(text).Context(shown);
}

std::optional<std::string_view> PresentedKey(const Headers& headers) {
  constexpr std::string_view kBearer = "bearer ";
  if (const std::string* value = headers.Find("authorization")) {
    const std::string_view text = core::Trim(*value);
    if (text.size() > kBearer.size() &&
        core::EqualsIgnoreCase(text.substr(0, kBearer.size()), kBearer)) {
      return core::Trim(text.substr(kBearer.size()));
    }
  }
  if (const std::string* value = headers.Find("x-api-key")) return core::Trim(*value);
  return std::nullopt;
}

Caller ApiKeys::Identify(const Headers& headers) const {
  if (empty()) return {"", Role::kManage};
  const std::optional<std::string_view> presented = PresentedKey(headers);
  if (!presented || presented->size() > kMostKeyBytes) return {};
  const core::Sha256Bytes hash = HashOf(*presented);
  // Every key is looked at, whichever fits: how long it takes says nothing.
  const Key* found = nullptr;
  for (const Key& key : keys_) {
    if (EqualInConstantTime(key.hash, hash)) found = &key;
  }
  if (found == nullptr) return {};
  return {found->name, found->role};
}

}  // namespace ingot::server
