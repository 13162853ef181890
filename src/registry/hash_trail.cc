#include "registry/hash_trail.h"

#include <algorithm>
#include <cstdlib>

#include <openssl/evp.h>

#include "core/interrupt.h"

namespace ingot::registry {

class HashTrail::State {
 public:
  State() : context_(EVP_MD_CTX_new()) {
    Require(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  State(const State& other) : context_(EVP_MD_CTX_new()) {
    Require(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()));
  }
  State& operator=(const State&) = delete;
  ~State() = default;

  void Update(std::span<const std::byte> data) {
    Require(EVP_DigestUpdate(context_.get(), data.data(), data.size()));
  }
  core::Sha256Bytes Finish() {
    core::Sha256Bytes digest = {};
    Require(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                               nullptr));
    return digest;
  }

 private:
  // OpenSSL fails here only for want of memory or of the algorithm itself; a wrong digest must
  // never come of it.
  static void Require(int ok) {
    if (ok != 1) std::abort();
  }
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

HashTrail::HashTrail(uint64_t step_bytes)
    : step_bytes_(step_bytes), hash_(std::make_unique<State>()) {}
HashTrail::~HashTrail() = default;

core::Sha256Bytes HashTrail::Value() const { return State(*hash_).Finish(); }

void HashTrail::Update(std::span<const std::byte> data) {
  hash_->Update(data);
  position_ += data.size();
  const uint64_t last = marks_.empty() ? 0 : marks_.back().first;
  if (position_ >= last + step_bytes_)
    marks_.emplace_back(position_, std::make_unique<State>(*hash_));
}

core::Status HashTrail::MoveTo(const core::ReadFile& file, uint64_t offset) {
  if (offset < position_) {
    const auto beyond =
        std::upper_bound(marks_.begin(), marks_.end(), offset,
                         [](uint64_t value, const auto& mark) { return value < mark.first; });
    marks_.erase(beyond, marks_.end());
    hash_ =
        marks_.empty() ? std::make_unique<State>() : std::make_unique<State>(*marks_.back().second);
    position_ = marks_.empty() ? 0 : marks_.back().first;
  }
  std::vector<std::byte> buffer(
      static_cast<size_t>(std::min<uint64_t>(offset - position_, uint64_t{1} << 20)));
  while (position_ < offset) {
    INGOT_TRY(core::CheckInterrupted());
    const auto piece = std::span(buffer).first(
        static_cast<size_t>(std::min<uint64_t>(buffer.size(), offset - position_)));
    INGOT_TRY(file.ReadAt(position_, piece));
    Update(piece);
  }
  return core::Status::Ok();
}

}  // namespace ingot::registry
