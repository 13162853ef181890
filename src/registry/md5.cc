#include "registry/md5.h"

#include <array>
#include <cstdlib>

#include <openssl/evp.h>

#include "core/env.h"
#include "core/sha256.h"
#include "core/strings.h"

namespace ingot::registry {

struct Md5::State {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
  bool works = false;  // a system may be set up to have no MD5
};

Md5::Md5() : state_(std::make_unique<State>()) {
  state_->works = EVP_DigestInit_ex(state_->context.get(), EVP_md5(), nullptr) == 1;
}

Md5::~Md5() = default;

void Md5::Update(std::span<const std::byte> data) {
  if (state_->works) EVP_DigestUpdate(state_->context.get(), data.data(), data.size());
}

std::string Md5::Finish() {
  std::array<unsigned char, 16> digest = {};
  if (!state_->works || EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr) != 1) {
    return "";
  }
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string EtagOf(std::span<const std::string> parts) {
  Md5 whole;
  for (const std::string& part : parts) whole.Update(core::AsBytes(part));
  const std::string digest = whole.Finish();
  return core::StrCat(core::HexLower(core::AsBytes(digest)), "-", parts.size());
}

}  // namespace ingot::registry
